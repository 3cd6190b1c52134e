/** An OpenAI chat completion request: which parameters count, which are refused, what the rest becomes. */
import { z } from "@hono/zod-openapi";
import { RosaError } from "@rosa2/shared/errors";
import { limits, type Message, type Sampling } from "@rosa2/shared/protocol";

const textPart = z.looseObject({ type: z.string(), text: z.string().optional() });

const chatMessageSchema = z.looseObject({
  role: z.string().openapi({ example: "user" }),
  content: z
    .union([z.string().max(limits.contentCharsMax), z.array(textPart).max(64)])
    .nullish()
    .openapi({ example: "Sort them: 31, 7, 12" }),
});

/** Unknown parameters pass, as they do with OpenAI's own clients and gateways. */
export const chatRequestSchema = z
  .looseObject({
    model: z.string().min(1).max(256).openapi({ example: "rosa2-mini" }),
    messages: z.array(chatMessageSchema).min(1).max(limits.messagesMax),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().gt(0).max(1).nullish(),
    top_k: z.int().min(0).nullish().openapi({ description: "0 keeps every token" }),
    min_p: z.number().min(0).max(1).nullish(),
    repetition_penalty: z.number().gt(0).max(2).nullish(),
    max_tokens: z.int().min(1).max(limits.tokensMax).nullish(),
    max_completion_tokens: z.int().min(1).max(limits.tokensMax).nullish(),
    n: z.int().nullish(),
    stop: z.union([z.string().min(1).max(64), z.array(z.string().min(1).max(64)).max(4)]).nullish(),
    seed: z.int().nullish(),
    frequency_penalty: z.number().min(-2).max(2).nullish(),
    presence_penalty: z.number().min(-2).max(2).nullish(),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    metadata: z.record(z.string(), z.unknown()).nullish(),
  })
  .openapi("ChatCompletionRequest");
export type ChatRequest = z.infer<typeof chatRequestSchema>;

/**
 * Refuses what would change the answer's meaning if it were ignored.
 *
 * @throws RosaError `unsupported_parameter`; `invalid_request` for alternatives without log-probs.
 */
export function refuseUnsupported(body: ChatRequest): void {
  const unsupported = (param: string, message: string) =>
    new RosaError("unsupported_parameter", message, { param });
  if (body.n != null && body.n !== 1) throw unsupported("n", "Only n = 1 is supported");
  if (body.top_logprobs != null && body.logprobs !== true) {
    throw new RosaError("invalid_request", "top_logprobs: needs logprobs to be true", {
      param: "top_logprobs",
    });
  }
  const record: Record<string, unknown> = body;
  for (const param of ["tools", "functions"]) {
    const value = record[param];
    if (Array.isArray(value) && value.length > 0) {
      throw unsupported(param, `${param} are not supported`);
    }
  }
  const format = (record.response_format as { type?: unknown } | null | undefined)?.type;
  if (format !== undefined && format !== "text") {
    throw unsupported("response_format", 'Only response_format {"type": "text"} is supported');
  }
}

/** @throws RosaError `unsupported_parameter` for roles and parts other than text from system, user or assistant. */
export function toMessages(body: ChatRequest): Message[] {
  return body.messages.map(({ role, content }, index) => {
    const param = `messages.${index}`;
    const known = role === "developer" ? "system" : role;
    if (known !== "system" && known !== "user" && known !== "assistant") {
      throw new RosaError("unsupported_parameter", `Messages of role "${role}" are not supported`, {
        param: `${param}.role`,
      });
    }
    if (content == null || typeof content === "string") {
      return { role: known, content: content ?? "" };
    }
    const texts = content.map((part) => {
      if (part.type === "text" && part.text !== undefined) return part.text;
      throw new RosaError(
        "unsupported_parameter",
        `Parts of type "${part.type}" are not supported`,
        {
          param: `${param}.content`,
        },
      );
    });
    return { role: known, content: texts.join("") };
  });
}

export function toSampling(body: ChatRequest): Partial<Sampling> {
  const maxTokens = body.max_completion_tokens ?? body.max_tokens;
  const stop = typeof body.stop === "string" ? [body.stop] : body.stop;
  const given: { [K in keyof Sampling]: Sampling[K] | null | undefined } = {
    temperature: body.temperature,
    top_p: body.top_p,
    top_k: body.top_k,
    min_p: body.min_p,
    repetition_penalty: body.repetition_penalty,
    max_tokens: maxTokens,
    stop,
    seed: body.seed,
    frequency_penalty: body.frequency_penalty,
    presence_penalty: body.presence_penalty,
    top_logprobs: body.logprobs === true ? (body.top_logprobs ?? 0) : undefined,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value != null));
}

/** The session that a request names, in its header or its metadata. */
export function sessionIdOf(header: string | undefined, body: ChatRequest): string | null {
  const named = header ?? body.metadata?.session_id;
  return typeof named === "string" && named !== "" ? named : null;
}
