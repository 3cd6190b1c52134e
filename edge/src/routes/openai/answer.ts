/** A reply in the form of OpenAI's chat completions, whole or in chunks. It does not know where replies come from. */
import type { TokenLogprob } from "@rosa2/shared/protocol";
import { type Parts, ReplyParts } from "@rosa2/shared/reply-parts";
import type { Cost, UsageBody } from "../../contract/index.ts";
import { frameOf, ping } from "../../frames.ts";

export type ReplyEvent =
  | {
      type: "delta";
      text: string;
      reasoning?: string;
      logprobs?: TokenLogprob[];
      /** The three as JSON, where they came so. */
      json?: string;
    }
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

/**
 * The same events as frames of `chat.completion.chunk`s, ending with `[DONE]`. What comes together is one piece: the
 * first chunk with the first text, the last ones with the end.
 */
export async function* chunks(
  head: ReplyHead,
  events: AsyncIterable<ReplyEvent>,
  includeUsage: boolean,
): AsyncGenerator<string> {
  const open = JSON.stringify({
    id: head.id,
    object: "chat.completion.chunk",
    created: head.created,
    model: head.model,
  }).slice(0, -1);
  const plain = includeUsage ? ',"usage":null}' : "}";
  const chunk = (
    choices: { delta: object; finish_reason: string | null; logprobs?: unknown }[],
    rest: object | null = null,
  ): string => {
    const all = choices.map((choice) => ({ index: 0, logprobs: null, ...choice }));
    const end = rest === null ? plain : `,${JSON.stringify(rest).slice(1)}`;
    return frameOf({ data: `${open},"choices":${JSON.stringify(all)}${end}` });
  };
  /** The same as a chunk of content makes, around text that is JSON already. */
  const said = (text: string): string =>
    frameOf({
      data: `${open},"choices":[{"index":0,"logprobs":null,"delta":{"content":${text}},"finish_reason":null}]${plain}`,
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
  const told = (event: Extract<ReplyEvent, { type: "delta" }>): string => {
    const literal = parts === null ? textOfJson(event.json) : null;
    if (literal !== null) return said(literal);
    let frames = event.reasoning
      ? chunk([{ delta: { reasoning_content: event.reasoning }, finish_reason: null }])
      : "";
    const found = deltas(parts?.push(event.text) ?? { content: event.text, calls: [] });
    const logprobs = event.logprobs === undefined ? null : openaiLogprobs(event.logprobs);
    if (found.length === 0 && logprobs !== null) found.push({ content: "" });
    for (const [i, delta] of found.entries()) {
      frames += chunk([{ delta, finish_reason: null, logprobs: i === 0 ? logprobs : null }]);
    }
    return frames;
  };
  const ended = (event: Extract<ReplyEvent, { type: "done" }>): string => {
    const rest = (parts === null ? [] : deltas(parts.end())).map((delta) =>
      chunk([{ delta, finish_reason: null }]),
    );
    const rosa2 = { session: head.session, generation: head.generation, cost: event.cost };
    const last = [{ delta: {}, finish_reason: finishReason(event, parts?.count ?? 0) }];
    const end = includeUsage
      ? chunk(last) + chunk([], { usage: event.usage, rosa2 })
      : chunk(last, { rosa2 });
    return rest.join("") + end;
  };
  let before = chunk([{ delta: { role: "assistant", content: "" }, finish_reason: null }]);
  for await (const event of events) {
    if (event.type === "ping") yield before + ping;
    else if (event.type === "delta") yield before + told(event);
    else {
      before += ended(event);
      continue;
    }
    before = "";
  }
  yield `${before}${frameOf({ data: "[DONE]" })}`;
}

/** The text's JSON out of a delta's, where it tells nothing else. */
function textOfJson(json: string | undefined): string | null {
  return /^\{"text":("(?:[^"\\]|\\.)+")\}$/.exec(json ?? "")?.[1] ?? null;
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
