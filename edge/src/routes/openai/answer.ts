/** A reply in the form of OpenAI's chat completions, whole or in chunks. It does not know where replies come from. */
import type { TokenLogprob } from "@rosa2/shared/protocol";
import { type Parts, ReplyParts } from "@rosa2/shared/reply-parts";
import type { Cost, UsageBody } from "../../contract/index.ts";
import type { SseEvent } from "../../http/sse.ts";

export type ReplyEvent =
  | { type: "delta"; text: string; reasoning?: string; logprobs?: TokenLogprob[] }
  | { type: "done"; finishReason: "stop" | "length"; usage: UsageBody; cost: Cost }
  | { type: "ping" };

export interface ReplyHead {
  id: string;
  model: string;
  /** Unix seconds. */
  created: number;
  /** The session and generation of the reply; no session and `base` for stateless calls. */
  session: string | null;
  generation: string;
  /** Whether functions could be called, so that calls are read from the text. */
  calls: boolean;
}

/** Collects the events of one reply into a `chat.completion`. */
export async function completion(head: ReplyHead, events: AsyncIterable<ReplyEvent>) {
  let content = "";
  let reasoning = "";
  const calls: { id: string; type: "function"; function: { name: string; arguments: string } }[] =
    [];
  const parts = head.calls ? new ReplyParts() : null;
  const add = (found: Parts) => {
    content += found.content;
    for (const { index, name, arguments: json } of found.calls) {
      const call = calls[index];
      if (call !== undefined) call.function.arguments += json;
      else {
        const called = { name: name ?? "", arguments: json };
        calls.push({ id: callId(head, index), type: "function", function: called });
      }
    }
  };
  const logprobs: TokenLogprob[] = [];
  for await (const event of events) {
    if (event.type === "delta") {
      add(parts?.push(event.text) ?? { content: event.text, calls: [] });
      reasoning += event.reasoning ?? "";
      logprobs.push(...(event.logprobs ?? []));
    } else if (event.type === "done") {
      if (parts !== null) add(parts.end());
      return {
        id: head.id,
        object: "chat.completion" as const,
        created: head.created,
        model: head.model,
        choices: [
          {
            index: 0,
            message: {
              role: "assistant" as const,
              content: calls.length > 0 && content === "" ? null : content,
              refusal: null,
              ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
              ...(calls.length === 0 ? {} : { tool_calls: calls }),
            },
            logprobs: logprobs.length === 0 ? null : openaiLogprobs(logprobs),
            finish_reason: finishReason(event, calls.length),
          },
        ],
        usage: event.usage,
        rosa2: { session: head.session, generation: head.generation, cost: event.cost },
      };
    }
  }
  throw new Error("The reply ended without an end");
}

function finishReason(
  { finishReason: reason }: { finishReason: "stop" | "length" },
  calls: number,
) {
  return calls > 0 && reason === "stop" ? ("tool_calls" as const) : reason;
}

/** Ids of calls are the same however often a reply is read. */
function callId({ id }: Pick<ReplyHead, "id">, index: number): string {
  return `call_${id.replace(/^[a-z]+_/, "")}_${index}`;
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
  const parts = head.calls ? new ReplyParts() : null;
  const deltas = ({ content, calls }: Parts): object[] => [
    ...(content === "" ? [] : [{ content }]),
    ...calls.map(({ index, name, arguments: json }) => ({
      tool_calls: [
        name === undefined
          ? { index, function: { arguments: json } }
          : {
              index,
              id: callId(head, index),
              type: "function",
              function: { name, arguments: json },
            },
      ],
    })),
  ];
  yield chunk([{ delta: { role: "assistant", content: "" }, finish_reason: null }]);
  for await (const event of events) {
    if (event.type === "ping") yield null;
    else if (event.type === "delta") {
      if (event.reasoning) {
        yield chunk([{ delta: { reasoning_content: event.reasoning }, finish_reason: null }]);
      }
      const found = parts?.push(event.text) ?? { content: event.text, calls: [] };
      const said = deltas(found);
      const logprobs = event.logprobs === undefined ? null : openaiLogprobs(event.logprobs);
      if (said.length === 0 && logprobs !== null) said.push({ content: "" });
      for (const [i, delta] of said.entries()) {
        yield chunk([{ delta, finish_reason: null, logprobs: i === 0 ? logprobs : null }]);
      }
    } else {
      for (const delta of parts === null ? [] : deltas(parts.end())) {
        yield chunk([{ delta, finish_reason: null }]);
      }
      const rosa2 = { session: head.session, generation: head.generation, cost: event.cost };
      const last = [{ delta: {}, finish_reason: finishReason(event, parts?.count ?? 0) }];
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
