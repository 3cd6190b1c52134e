/**
 * A caller of a rosa2 whose processes may be killed at any moment. Each call is repeated, with the same
 * Idempotency-Key, until there is an answer. A failure that no death explains is thrown.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ConnectionError, TimeoutError } from "../../edge/client/src/errors.ts";
import { readSse } from "../../edge/client/src/sse.ts";

/** A call without an answer after this time is lost (ms). */
const patienceMs = 180_000;
const silenceMsMax = 60_000;
const pauseMs = 150;
/** Codes of a service that is gone, or has just come back. */
const passing = new Set(["gpu_unavailable", "gpu_cold", "shutting_down"]);

/** A stream's last event, and the text that its deltas add up to. */
export interface Streamed<T> {
  done: T;
  text: string;
}

/** An attempt that failed because something died; its message says how. */
class Died extends Error {}

export class Caller {
  readonly #url: string;
  readonly #key: string;
  readonly #tell: (line: string) => void;
  /** Attempts that failed. */
  lostCount = 0;
  #toldLast = "";

  /** `tell` is called with each attempt that failed. */
  constructor(url: string, key: string, tell: (line: string) => void) {
    this.#url = url;
    this.#key = key;
    this.#tell = tell;
  }

  get<T>(path: string): Promise<T> {
    return this.#insist(path, async () => {
      const response = await this.#fetch(path);
      return (await json(response)) as T;
    });
  }

  post<T>(path: string, body: object, key: string): Promise<T> {
    return this.#insist(path, async () => {
      const response = await this.#fetch(path, body, key);
      return (await json(response)) as T;
    });
  }

  /**
   * The events of a call that streams. A stream that breaks off is continued from its turn's log, or the call is
   * repeated; `takesUp` says which.
   */
  async stream<T>(
    path: string,
    body: object,
    key: string,
    takesUp: () => boolean,
  ): Promise<Streamed<T>> {
    const reading = new Reading<T>();
    return await this.#insist(path, async () => {
      const { turnId, lastId } = reading;
      if (turnId !== null && lastId !== null && takesUp()) {
        const log = `${path}/${turnId}/events`;
        await reading.read(await this.#fetch(log, undefined, undefined, lastId));
      }
      if (reading.done === null) {
        reading.begin();
        await reading.read(await this.#fetch(path, { ...body, stream: true }, key));
      }
      if (reading.done === null) throw new Died("the stream ended without an end");
      return { done: reading.done, text: reading.text };
    });
  }

  /** The whole log of a turn. */
  async events(path: string): Promise<{ id: number; event: string; data: unknown }[]> {
    return await this.#insist(path, async () => {
      const events = [];
      for await (const { id, event, data } of readSse(await this.#fetch(path), silenceMsMax)) {
        events.push({ id: Number(id), event, data: JSON.parse(data) as unknown });
      }
      return events;
    });
  }

  async #insist<T>(path: string, attempt: () => Promise<T>): Promise<T> {
    const until = Date.now() + patienceMs;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (!isDeath(error)) throw error;
        this.lostCount++;
        const { message } = error as Error;
        // Nothing listens there yet; this is reported once.
        if (message !== this.#toldLast) this.#tell(`${path}: ${message}`);
        this.#toldLast = message;
        if (Date.now() > until) throw new Error(`${path} has no answer in ${patienceMs} ms`);
      }
      await sleep(pauseMs);
    }
  }

  async #fetch(path: string, body?: object, key?: string, lastId?: number): Promise<Response> {
    const response = await fetch(this.#url + path, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
        ...(lastId === undefined ? {} : { "last-event-id": String(lastId) }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(patienceMs),
    });
    if (response.ok) return response;
    const text = await response.text();
    // A 409 with a time to retry is about a call that still runs.
    const comesBack = response.status === 409 && response.headers.has("retry-after");
    if (response.status === 503 || comesBack) throw new Died(`${response.status} ${text}`);
    throw new Error(`${path}: ${response.status} ${text}`);
  }
}

/** What was read of one stream over all its connections. */
class Reading<T> {
  turnId: string | null = null;
  lastId: number | null = null;
  text = "";
  done: T | null = null;

  /** The next connection begins with the first event again. */
  begin(): void {
    this.turnId = null;
    this.lastId = null;
    this.text = "";
  }

  async read(response: Response): Promise<void> {
    this.turnId ??= response.headers.get("x-rosa2-turn");
    for await (const { id, event, data } of readSse(response, silenceMsMax)) {
      if (id !== null) this.#follow(Number(id));
      const value = JSON.parse(data) as Record<string, unknown>;
      if (event === "delta") this.text += String(value.text);
      if (event === "reset") this.text = "";
      if (event === "done") this.done = value as T;
      if (event === "error") this.#fail(value.error as { code: string; message: string });
    }
  }

  /** Nothing twice, nothing out of order. */
  #follow(id: number): void {
    if (this.lastId !== null && id <= this.lastId) {
      throw new Error(`Event ${id} came after event ${this.lastId}`);
    }
    this.lastId = id;
  }

  #fail({ code, message }: { code: string; message: string }): void {
    // The call itself runs again what failed; its log does not.
    this.turnId = null;
    if (passing.has(code)) throw new Died(`${code}: ${message}`);
    throw new Error(`A stream failed: ${code}: ${message}`);
  }
}

/** Whether an attempt failed as calls do whose other side is killed. A silent connection is no such failure. */
function isDeath(error: unknown): boolean {
  if (error instanceof Died) return true;
  if (error instanceof ConnectionError) return !(error instanceof TimeoutError);
  // Node's fetch says this when there is no connection, or when one ended in the middle of a body.
  return error instanceof TypeError && /^(fetch failed|terminated)$/.test(error.message);
}

/** An answer that broke off in the middle is no answer. */
async function json(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Died(`an answer that broke off: ${JSON.stringify(text.slice(0, 80))}`);
  }
}
