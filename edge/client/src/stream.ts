/**
 * A stream of numbered events that survives lost connections: it reconnects after the last number it saw, so that
 * nothing is lost and nothing comes twice.
 */
import { ConnectionError, errorFrom, type Rosa2Error } from "./errors.ts";
import { backoffMs, pause, reasonOf } from "./pause.ts";
import { readSse } from "./sse.ts";
import type { ErrorBody } from "./types.ts";

interface Numbered {
  id: number;
  type: string;
  data: unknown;
}

export interface Source {
  /** Connects, or reconnects after this event. Earlier events may come again and are skipped. */
  open(lastEventId: number | null): Promise<Response>;
  /** The event that ends the stream; null if it ends when its server closes it. */
  lastType: string | null;
  silenceMsMax: number;
  /** Consecutive connections that may fail without any data. */
  failuresMax: number;
  signal?: AbortSignal | undefined;
}

/**
 * Iterate it once. Leaving the loop only stops listening; the server continues. `result` can be called after the loop,
 * or instead of it.
 */
export class EventStream<E extends Numbered> implements AsyncIterable<E> {
  readonly #source: Source;
  #last: E | undefined;

  constructor(source: Source) {
    this.#source = source;
  }

  /** @throws Rosa2Error what the server reports, or `connection_failed` when reconnecting does not help. */
  async *[Symbol.asyncIterator](): AsyncGenerator<E> {
    const { open, lastType, silenceMsMax, failuresMax, signal } = this.#source;
    if (this.#last?.type === lastType) return;
    for (let failures = 0; ; ) {
      let cameNothing = true;
      let failure: ConnectionError | undefined;
      try {
        const response = await open(this.#last?.id ?? null);
        for await (const raw of readSse(response, silenceMsMax)) {
          const id = Number(raw.id);
          if (id <= (this.#last?.id ?? 0)) continue;
          const event = { id, type: raw.event, data: parseData(raw.data) } as E;
          if (event.type === "error") throw reported(event.data);
          this.#last = event;
          cameNothing = false;
          failures = 0;
          yield event;
          if (event.type === lastType) return;
        }
      } catch (error) {
        if (signal?.aborted === true) throw reasonOf(signal);
        if (!(error instanceof ConnectionError)) throw error;
        failure = error;
      }
      if (lastType === null && failure === undefined && cameNothing) return;
      if (failures >= failuresMax) {
        throw failure ?? new ConnectionError("The stream ended before its end");
      }
      await pause(backoffMs(failures++), signal);
    }
  }

  /** Reads the rest and returns the last event's data: the turn with its reply, or the result of feedback. */
  async result(): Promise<Extract<E, { type: "done" }>["data"]> {
    for await (const _ of this);
    if (this.#last?.type !== "done") throw new ConnectionError("The stream ended before its end");
    return this.#last.data as Extract<E, { type: "done" }>["data"];
  }

  /** The reply's text so far, repeatedly until it is complete. */
  async *texts(): AsyncGenerator<string> {
    let text = "";
    for await (const event of this) {
      if (event.type === "reset") text = "";
      else if (event.type === "delta") text += (event.data as { text: string }).text;
      else continue;
      yield text;
    }
  }
}

function reported(data: unknown): Rosa2Error {
  const { error, ...kept } = data as {
    error: ErrorBody["error"];
    turn_id?: string;
    feedback_id?: string;
  };
  return errorFrom(
    { ...error, type: error.type ?? "api_error" },
    { status: 200, keptId: kept.turn_id ?? kept.feedback_id },
  );
}

/** A line cut by a broken connection is no event; the server sends it again. */
function parseData(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConnectionError("The stream broke off within an event", { cause });
  }
}
