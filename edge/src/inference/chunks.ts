/**
 * Streams of hosted models in one form: OpenAI's chunks, and the simpler ones of Workers AI's older models.
 *
 * It knows no transport: the reader of an endpoint or a binding passes parsed JSON.
 */
import { RosaError } from "@rosa2/shared/errors";
import type { TokenLogprob, Usage } from "@rosa2/shared/protocol";
import type { CallPiece } from "@rosa2/shared/reply-parts";
import { z } from "zod";

export interface Chunk {
  text: string;
  reasoning: string;
  calls: CallPiece[];
  logprobs: TokenLogprob[] | null;
  finish: "stop" | "length" | null;
  usage: Usage | null;
}

const count = z.int().min(0);
const usageSchema = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  prompt_tokens_details: z.object({ cached_tokens: count.nullish() }).nullish(),
});
const entrySchema = z.object({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.int().min(0).max(255)).nullish(),
});
const messageSchema = z.object({
  content: z.string().nullish(),
  reasoning_content: z.string().nullish(),
  reasoning: z.string().nullish(),
  refusal: z.string().nullish(),
  tool_calls: z
    .array(
      z.object({
        index: count.nullish(),
        function: z.object({ name: z.string().nullish(), arguments: z.string().nullish() }),
      }),
    )
    .nullish(),
});
const openAiSchema = z.object({
  choices: z.array(
    z.object({
      delta: messageSchema.nullish(),
      message: messageSchema.nullish(),
      finish_reason: z.string().nullish(),
      logprobs: z
        .object({
          content: z.array(entrySchema.extend({ top_logprobs: z.array(entrySchema) })).nullish(),
        })
        .nullish(),
    }),
  ),
  usage: usageSchema.nullish(),
});
const plainSchema = z.object({
  response: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
  tool_calls: z
    .array(
      z.object({
        name: z.string(),
        arguments: z.union([z.string(), z.record(z.string(), z.unknown())]),
      }),
    )
    .nullish(),
  usage: usageSchema.nullish(),
});
const errorSchema = z.object({ error: z.object({ message: z.string() }) });

/** @throws RosaError `gpu_unavailable` for an error in the stream, or an unknown form. */
export function readChunk(json: unknown): Chunk {
  const failure = errorSchema.safeParse(json);
  if (failure.success) throw away(`broke off: ${failure.data.error.message}`);
  const openAi = openAiSchema.safeParse(json);
  if (openAi.success) return ofOpenAi(openAi.data);
  const plain = plainSchema.safeParse(json);
  if (plain.success) return ofPlain(plain.data);
  const [issue] = openAi.error.issues;
  throw away(`answered outside its protocol: ${issue?.path.join(".")} ${issue?.message}`);
}

function ofOpenAi({ choices: [choice], usage }: z.infer<typeof openAiSchema>): Chunk {
  const said = choice?.delta ?? choice?.message;
  const reason = choice?.finish_reason ?? null;
  return {
    text: `${said?.content ?? ""}${said?.refusal ?? ""}`,
    reasoning: said?.reasoning_content ?? said?.reasoning ?? "",
    calls: (said?.tool_calls ?? []).map(({ index, function: called }, i) => ({
      index: index ?? i,
      name: called.name ?? undefined,
      arguments: called.arguments ?? "",
    })),
    logprobs: choice?.logprobs?.content?.map(logprobOf) ?? null,
    finish: reason === null ? null : reason === "length" ? "length" : "stop",
    usage: usageOf(usage),
  };
}

function ofPlain({ response, tool_calls: calls, usage }: z.infer<typeof plainSchema>): Chunk {
  return {
    text: typeof response === "object" ? JSON.stringify(response) : (response ?? ""),
    reasoning: "",
    calls: (calls ?? []).map(({ name, arguments: given }, index) => ({
      index,
      name,
      arguments: typeof given === "string" ? given : JSON.stringify(given),
    })),
    logprobs: null,
    finish: null,
    usage: usageOf(usage),
  };
}

function usageOf(usage: z.infer<typeof usageSchema> | null | undefined): Usage | null {
  if (usage == null) return null;
  const { prompt_tokens, completion_tokens, prompt_tokens_details: details } = usage;
  return { prompt_tokens, completion_tokens, cached_tokens: details?.cached_tokens ?? 0 };
}

type Entry = z.infer<typeof entrySchema>;

function logprobOf({
  top_logprobs: top,
  ...entry
}: Entry & { top_logprobs: Entry[] }): TokenLogprob {
  const plain = ({ token, logprob, bytes }: Entry) => ({
    token,
    logprob,
    ...(bytes == null ? {} : { bytes }),
  });
  return { ...plain(entry), top: top.map(plain) };
}

/** The model cannot answer now, through its own or its operator's fault. */
export function away(what: string, retryAfterS = 5): RosaError {
  return new RosaError("gpu_unavailable", `The model's endpoint ${what}`, { retryAfterS });
}
