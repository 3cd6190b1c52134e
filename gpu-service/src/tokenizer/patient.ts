/**
 * Tokenises without blocking its thread for long. A call that takes longer (a hostile template or pattern, or a very
 * long text) is repeated in a separate thread, which bounds its time. It knows no requests.
 */
import { Worker } from "node:worker_threads";
import { RosaError } from "@rosa2/shared/errors";
import type { Answer, Call, Tokenising, TokenizerPlace } from "./thread.ts";
import { TookTooLong, withinTime } from "./within-time.ts";

/** Other replies' tokens wait at most this long. Messages of some thousand characters take a tenth of it. */
const hereMsMax = 50;
/** The separate thread, with its copy of the vocabulary, ends after this time without calls. */
const idleMs = 60_000;

type Method = keyof Tokenising;
type Result<M extends Method> = ReturnType<Tokenising[M]>;

export class PatientTokenizer {
  readonly #tokenizer: Tokenising;
  readonly #place: TokenizerPlace | null;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(e: Error): void }>();
  /** Calls of this turn of the event loop. They run together, because watching the time takes longer than most. */
  #calls: { here(): void; elsewhere(): void }[] = [];
  #thread: Worker | null = null;
  #idle: NodeJS.Timeout | undefined;
  #lastId = 0;

  /** Without a place all calls run in this thread. */
  constructor(tokenizer: Tokenising, place: TokenizerPlace | null) {
    this.#tokenizer = tokenizer;
    this.#place = place;
  }

  prompt(...args: Parameters<Tokenising["prompt"]>): Promise<Result<"prompt">> {
    return this.#call("prompt", args);
  }

  replyIds(...args: Parameters<Tokenising["replyIds"]>): Promise<Result<"replyIds">> {
    return this.#call("replyIds", args);
  }

  exampleIds(...args: Parameters<Tokenising["exampleIds"]>): Promise<Result<"exampleIds">> {
    return this.#call("exampleIds", args);
  }

  foreign(...args: Parameters<Tokenising["foreign"]>): Promise<Result<"foreign">> {
    return this.#call("foreign", args);
  }

  async #call<M extends Method>(method: M, args: Parameters<Tokenising[M]>): Promise<Result<M>> {
    const run = this.#tokenizer[method].bind(this.#tokenizer) as (...args: unknown[]) => Result<M>;
    const place = this.#place;
    if (place === null) return run(...args);
    const { promise, resolve, reject } = Promise.withResolvers<Result<M>>();
    const here = () => {
      try {
        resolve(run(...args));
      } catch (error) {
        reject(error);
      }
    };
    if (this.#calls.length === 0) queueMicrotask(() => this.#runCalls());
    this.#calls.push({ here, elsewhere: () => resolve(this.#elsewhere(place, method, args)) });
    return promise;
  }

  #runCalls(): void {
    const calls = this.#calls;
    this.#calls = [];
    let done = 0;
    while (done < calls.length) {
      const first = done;
      try {
        withinTime(hereMsMax, () => {
          for (; done < calls.length; done++) calls[done]!.here();
        });
      } catch (error) {
        if (!(error instanceof TookTooLong)) throw error;
        // Those before it may have used up the time; then it has the next one for itself.
        if (done === first) calls[done++]!.elsewhere();
      }
    }
  }

  #elsewhere<M extends Method>(
    place: TokenizerPlace,
    method: M,
    args: Parameters<Tokenising[M]>,
  ): Promise<Result<M>> {
    const thread = this.#thread ?? this.#start(place);
    clearTimeout(this.#idle);
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    const call: Call = { id, method, args };
    thread.postMessage(call);
    return promise as Promise<Result<M>>;
  }

  #start(place: TokenizerPlace): Worker {
    const thread = new Worker(new URL("./thread.ts", import.meta.url), { workerData: place });
    thread.unref();
    this.#thread = thread;
    thread.on("message", ({ id, value, error }: Answer) => {
      const call = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) call?.resolve(value);
      else call?.reject(new RosaError(error.code, error.message, { param: error.param }));
      if (this.#waiting.size > 0) return;
      this.#idle = setTimeout(() => void thread.terminate(), idleMs);
      this.#idle.unref();
    });
    let reason: unknown;
    thread.on("error", (error) => {
      reason = error;
    });
    thread.on("exit", () => {
      if (this.#thread === thread) this.#thread = null;
      const lost = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const { reject } of lost)
        reject(new Error("The tokenizer's own thread ended", { cause: reason }));
    });
    return thread;
  }
}
