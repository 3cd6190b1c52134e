/** A reply in the shapes of OpenAI's chat completions, whole or in chunks; it knows nothing of where replies come from. */
import type { TokenLogprob } from "@rosa2/shared/protocol";
import type { Cost, UsageBody } from "../../contract/index.ts";
import type { SseEvent } from "../../http/sse.ts";

export type ReplyEvent =
  | { type: "delta"; text: string; logprobs?: TokenLogprob[] }
  | { type: "done"; finishReason: "stop" | "length"; usage: UsageBody; cost: Cost }
  | { type: "ping" };

export interface ReplyHead {
  id: string;
  model: string;
  /** Unix seconds. */
  created: number;
  /** Where the reply comes from; base and no session for stateless calls. */
  session: string | null;
  generation: string;
}

/** Collects the events of one reply into a `chat.completion`. */
export async function completion(head: ReplyHead, events: AsyncIterable<ReplyEvent>) {
  let content = "";
  const logprobs: TokenLogprob[] = [];
  for await (const event of events) {
    if (event.type === "delta") {
      content += event.text;
      logprobs.push(...(event.logprobs ?? []));
    } else if (event.type === "done") {
      return {
        id: head.id,
        object: "chat.completion" as const,
        created: head.created,
        model: head.model,
        choices: [
          {
            index: 0,
            message: { role: "assistant" as const, content, refusal: null },
            logprobs: logprobs.length === 0 ? null : openaiLogprobs(logprobs),
            finish_reason: event.finishReason,
          },
        ],
        usage: event.usage,
        rosa2: { session: head.session, generation: head.generation, cost: event.cost },
      };
    }
  }
  throw new Error("The reply ended without an end");
}

/** The same events as `chat.completion.chunk`s, ending with `[DONE]`. */
export async function* chunks(
  head: ReplyHead,
  events: AsyncIterable<ReplyEvent>,
  includeUsage: boolean,
): AsyncGenerator<SseEvent | null> {
  const chunk = (
    choices: { delta: object; finish_reason: string | null; logprobs?: unknown }[],
    rest: object = includeUsage ? { usage: null } : {},
  ): SseEvent => ({
    data: JSON.stringify({
      id: head.id,
      object: "chat.completion.chunk",
      created: head.created,
      model: head.model,
      choices: choices.map((choice) => ({ index: 0, logprobs: null, ...choice })),
      ...rest,
    }),
  });
  yield chunk([{ delta: { role: "assistant", content: "" }, finish_reason: null }]);
  for await (const event of events) {
    if (event.type === "ping") yield null;
    else if (event.type === "delta") {
      const logprobs = event.logprobs === undefined ? null : openaiLogprobs(event.logprobs);
      yield chunk([{ delta: { content: event.text }, finish_reason: null, logprobs }]);
    } else {
      const rosa2 = { session: head.session, generation: head.generation, cost: event.cost };
      const last = [{ delta: {}, finish_reason: event.finishReason }];
      if (includeUsage) {
        yield chunk(last);
        yield chunk([], { usage: event.usage, rosa2 });
      } else {
        yield chunk(last, { rosa2 });
      }
    }
  }
  yield { data: "[DONE]" };
}

function openaiLogprobs(tokens: readonly TokenLogprob[]) {
  const entry = ({ token, logprob, bytes }: Pick<TokenLogprob, "token" | "logprob" | "bytes">) => ({
    token,
    logprob,
    bytes: bytes ?? Array.from(new TextEncoder().encode(token)),
  });
  return {
    content: tokens.map((token) => ({ ...entry(token), top_logprobs: token.top.map(entry) })),
    refusal: null,
  };
}
