/** A reply in the form of OpenAI's chat completions, whole or in chunks. It does not know where replies come from. */
import type { RosaError } from "@rosa2/shared/errors";
import type { TokenLogprob } from "@rosa2/shared/protocol";
import { type Parts, ReplyParts } from "@rosa2/shared/reply-parts";
import type { Cost, UsageBody } from "../../contract/index.ts";
import { frameOf, ping } from "../../frames.ts";
import type { StreamWriter } from "../../http/sse.ts";

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
export class ChunkWriter implements StreamWriter<ReplyEvent> {
  readonly #head: ReplyHead;
  readonly #open: string;
  readonly #includeUsage: boolean;
  readonly #requestId: string;
  readonly #parts: ReplyParts | null;
  #before: string;

  constructor(head: ReplyHead, includeUsage: boolean, requestId: string) {
    const { id, created, model } = head;
    this.#head = head;
    this.#open = JSON.stringify({ id, object: "chat.completion.chunk", created, model }).slice(
      0,
      -1,
    );
    this.#includeUsage = includeUsage;
    this.#requestId = requestId;
    this.#parts = head.calls ? new ReplyParts() : null;
    this.#before = this.#chunk({ role: "assistant", content: "" });
  }

  write(event: ReplyEvent): string {
    if (event.type === "done") {
      this.#before += this.#ended(event);
      return "";
    }
    const frames = this.#before + (event.type === "ping" ? ping : this.#told(event));
    this.#before = "";
    return frames;
  }

  end(): string {
    return `${this.#before}${frameOf({ data: "[DONE]" })}`;
  }

  /** After the first chunk a failure can only be an event of the stream; OpenAI's clients raise it as an error. */
  fail(error: RosaError): string {
    return frameOf({ data: JSON.stringify(error.body(this.#requestId)) });
  }

  #told(event: Extract<ReplyEvent, { type: "delta" }>): string {
    const literal = this.#parts === null ? textOfJson(event.json) : null;
    if (literal !== null) return this.#frame(`{"content":${literal}}`);
    let frames = event.reasoning ? this.#chunk({ reasoning_content: event.reasoning }) : "";
    const found = this.#deltas(this.#parts?.push(event.text) ?? { content: event.text, calls: [] });
    const logprobs = event.logprobs === undefined ? null : openaiLogprobs(event.logprobs);
    if (found.length === 0 && logprobs !== null) found.push({ content: "" });
    for (const [i, delta] of found.entries()) {
      frames += this.#chunk(delta, i === 0 ? logprobs : null);
    }
    return frames;
  }

  #ended(event: Extract<ReplyEvent, { type: "done" }>): string {
    const { session, generation } = this.#head;
    const rest = this.#parts === null ? [] : this.#deltas(this.#parts.end());
    const reason = JSON.stringify(finishReason(event, this.#parts?.count ?? 0));
    const rosa2 = JSON.stringify({ session, generation, cost: event.cost });
    const last = this.#includeUsage
      ? this.#frame("{}", "null", reason) +
        frameOf({
          data: `${this.#open},"choices":[],"usage":${JSON.stringify(event.usage)},"rosa2":${rosa2}}`,
        })
      : this.#frame("{}", "null", reason, `,"rosa2":${rosa2}}`);
    return rest.map((delta) => this.#chunk(delta)).join("") + last;
  }

  #deltas({ content, calls }: Parts): object[] {
    return [
      ...(content === "" ? [] : [{ content }]),
      ...calls.map(({ index, name, arguments: json }) => ({
        tool_calls: [
          name === undefined
            ? { index, function: { arguments: json } }
            : {
                index,
                id: callId(this.#head, index),
                type: "function",
                function: { name, arguments: json },
              },
        ],
      })),
    ];
  }

  #chunk(delta: object, logprobs: object | null = null): string {
    return this.#frame(JSON.stringify(delta), JSON.stringify(logprobs));
  }

  /** A chunk around parts that are JSON already. */
  #frame(
    delta: string,
    logprobs = "null",
    reason = "null",
    end = this.#includeUsage ? ',"usage":null}' : "}",
  ): string {
    return frameOf({
      data: `${this.#open},"choices":[{"index":0,"logprobs":${logprobs},"delta":${delta},"finish_reason":${reason}}]${end}`,
    });
  }
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
