/** A reply in the form of OpenAI's Responses, whole or as events. It does not know where replies come from. */
import type { RosaError } from "@rosa2/shared/errors";
import { ReplyParts } from "@rosa2/shared/reply-parts";
import { type Frame, frameOf, ping } from "../../frames.ts";
import type { StreamWriter } from "../../http/sse.ts";
import type { ReplyEvent } from "./answer.ts";
import type { ResponsesRequest } from "./responses-request.ts";

export interface ResponseHead {
  ids: { response: string; message: string; call: string; thought: string };
  model: string;
  /** Unix seconds. */
  created: number;
  request: ResponsesRequest;
  previous: string | null;
  session: string | null;
  generation: string;
}

interface Item {
  id: string;
  type: "reasoning" | "message" | "function_call";
  status: "in_progress" | "completed" | "incomplete";
  [field: string]: unknown;
}

/** Collects a reply's events into one response. */
export async function wholeResponse(
  writer: ResponseWriter,
  first: IteratorResult<ReplyEvent>,
  events: AsyncGenerator<ReplyEvent>,
): Promise<object> {
  for (let next = first; !next.done; next = await events.next()) writer.write(next.value);
  return writer.whole();
}

/** Writes items one after another: a thought, the text, the calls. */
export class ResponseWriter implements StreamWriter<ReplyEvent> {
  readonly #head: ResponseHead;
  readonly #parts = new ReplyParts();
  readonly #items: Item[] = [];
  #open: Item | null = null;
  #text = "";
  #sequence = 0;
  #whole: object | null = null;

  constructor(head: ResponseHead) {
    this.#head = head;
  }

  write(event: ReplyEvent): string {
    const frames = this.#sequence === 0 ? [...this.#begin()] : [];
    if (event.type === "delta") {
      if (event.reasoning) frames.push(...this.#think(event.reasoning));
      frames.push(...this.#say(event.text));
    } else if (event.type === "done") frames.push(...this.#end(event));
    return frames.map(frameOf).join("") + (event.type === "ping" ? ping : "");
  }

  end(): string {
    this.whole();
    return "";
  }

  fail({ code, message }: RosaError): string {
    const response = {
      ...bodyOf(this.#head, "failed", []),
      error: { code: "server_error", message },
    };
    return [
      this.#event("response.failed", { response }),
      this.#event("error", { code, message, param: null }),
    ]
      .map(frameOf)
      .join("");
  }

  /** The response, once its reply has ended. */
  whole(): object {
    if (this.#whole === null) throw new Error("The reply ended without an end");
    return this.#whole;
  }

  *#begin(): Generator<Frame> {
    const response = bodyOf(this.#head, "in_progress", []);
    yield this.#event("response.created", { response });
    yield this.#event("response.in_progress", { response });
  }

  *#think(text: string): Generator<Frame> {
    if (this.#open?.type !== "reasoning") yield* this.#start(thoughtItem(this.#head));
    this.#text += text;
    const place = { ...this.#at(), summary_index: 0 };
    yield this.#event("response.reasoning_summary_text.delta", { ...place, delta: text });
  }

  *#say(text: string): Generator<Frame> {
    const hasTools = (this.#head.request.tools?.length ?? 0) > 0;
    yield* this.#write(hasTools ? this.#parts.push(text) : { content: text, calls: [] });
  }

  *#end(done: Extract<ReplyEvent, { type: "done" }>): Generator<Frame> {
    yield* this.#write(this.#parts.end());
    if (this.#items.every(({ type }) => type === "reasoning"))
      yield* this.#start(messageItem(this.#head));
    const isWhole = done.finishReason === "stop";
    yield* this.#close(isWhole ? "completed" : "incomplete");
    const status = isWhole ? "completed" : "incomplete";
    const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details } = done.usage;
    const { session, generation } = this.#head;
    const response = {
      ...bodyOf(this.#head, status, this.#items),
      incomplete_details: isWhole ? null : { reason: "max_output_tokens" },
      usage: {
        input_tokens: prompt_tokens,
        input_tokens_details: { ...prompt_tokens_details, cache_write_tokens: 0 },
        output_tokens: completion_tokens,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens,
      },
      rosa2: { session, generation, cost: done.cost },
    };
    this.#whole = response;
    yield this.#event(`response.${status}`, { response });
  }

  *#write({ content, calls }: ReturnType<ReplyParts["push"]>): Generator<Frame> {
    if (content !== "") {
      if (this.#open?.type !== "message") yield* this.#start(messageItem(this.#head));
      this.#text += content;
      const place = { ...this.#at(), content_index: 0 };
      yield this.#event("response.output_text.delta", { ...place, delta: content, logprobs: [] });
    }
    for (const { index, name, arguments: json } of calls) {
      if (name !== undefined) yield* this.#start(callItem(this.#head, index, name));
      if (json === "") continue;
      this.#text += json;
      yield this.#event("response.function_call_arguments.delta", { ...this.#at(), delta: json });
    }
  }

  *#start(item: Item): Generator<Frame> {
    yield* this.#close("completed");
    this.#open = item;
    this.#items.push(item);
    this.#text = "";
    yield this.#event("response.output_item.added", { output_index: this.#items.length - 1, item });
    if (item.type === "function_call") return;
    if (item.type === "reasoning") {
      const part = { type: "summary_text", text: "" };
      const place = { ...this.#at(), summary_index: 0 };
      yield this.#event("response.reasoning_summary_part.added", { ...place, part });
      return;
    }
    const part = textPart("");
    yield this.#event("response.content_part.added", { ...this.#at(), content_index: 0, part });
  }

  *#close(status: "completed" | "incomplete"): Generator<Frame> {
    const item = this.#open;
    if (item === null) return;
    const text = this.#text;
    const place = this.#at();
    if (item.type === "message") {
      const part = textPart(text);
      item.content = [part];
      const said = { ...place, content_index: 0 };
      yield this.#event("response.output_text.done", { ...said, text, logprobs: [] });
      yield this.#event("response.content_part.done", { ...said, part });
    } else if (item.type === "reasoning") {
      const part = { type: "summary_text", text };
      item.summary = [part];
      const said = { ...place, summary_index: 0 };
      yield this.#event("response.reasoning_summary_text.done", { ...said, text });
      yield this.#event("response.reasoning_summary_part.done", { ...said, part });
    } else {
      item.arguments = text;
      yield this.#event("response.function_call_arguments.done", {
        ...place,
        name: item.name,
        arguments: text,
      });
    }
    item.status = status;
    this.#open = null;
    yield this.#event("response.output_item.done", { output_index: place.output_index, item });
  }

  #at() {
    return { item_id: this.#open?.id ?? "", output_index: this.#items.length - 1 };
  }

  #event(type: string, data: object): Frame {
    return sse(type, { sequence_number: this.#sequence++, ...data });
  }
}

function sse(type: string, data: object): Frame {
  return { event: type, data: JSON.stringify({ type, ...data }) };
}

function textPart(text: string): object {
  return { type: "output_text", text, annotations: [], logprobs: [] };
}

function messageItem({ ids }: ResponseHead): Item {
  return {
    id: ids.message,
    type: "message",
    status: "in_progress",
    role: "assistant",
    content: [],
  };
}

function thoughtItem({ ids }: ResponseHead): Item {
  return { id: ids.thought, type: "reasoning", status: "in_progress", summary: [] };
}

function callItem({ ids }: ResponseHead, index: number, name: string): Item {
  return {
    id: `${ids.call}_${index}`,
    type: "function_call",
    status: "in_progress",
    call_id: `call_${ids.call.slice(3)}_${index}`,
    name,
    arguments: "",
  };
}

function bodyOf(head: ResponseHead, status: string, output: Item[]) {
  const { request } = head;
  return {
    id: head.ids.response,
    object: "response" as const,
    created_at: head.created,
    status,
    error: null,
    incomplete_details: null,
    instructions: request.instructions ?? null,
    max_output_tokens: request.max_output_tokens ?? null,
    metadata: request.metadata ?? {},
    model: head.model,
    output,
    parallel_tool_calls: request.parallel_tool_calls ?? true,
    previous_response_id: head.previous,
    reasoning: { effort: request.reasoning?.effort ?? null, summary: null },
    store: head.session !== null,
    temperature: request.temperature ?? null,
    text: { format: request.text?.format ?? { type: "text" } },
    tool_choice: request.tool_choice ?? "auto",
    tools: request.tools ?? [],
    top_p: request.top_p ?? null,
    truncation: "disabled" as const,
    usage: null,
  };
}
