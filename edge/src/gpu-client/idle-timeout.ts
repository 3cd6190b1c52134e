/**
 * Gives a call up when the service sends nothing for too long; each piece of the answer restarts the wait. A call has
 * one timer, and the timer checks the time when it fires: setting one for each token takes longer than the token.
 */
import { RosaError } from "@rosa2/shared/errors";

interface Watched {
  until: number;
  timeoutMs: number;
  fail(error: RosaError): void;
}

export class IdleTimeout {
  readonly #timeoutMs: number;
  readonly #service: string;
  readonly #controller = new AbortController();
  #watched: Watched | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #ringsAt = 0;
  #forgetOuter = () => {};

  constructor(timeoutMs: number, service = "The GPU service") {
    this.#timeoutMs = timeoutMs;
    this.#service = service;
  }

  /** A signal that aborts after an idle timeout, after `end()`, and when `outer` aborts. */
  signal(outer: AbortSignal | undefined): AbortSignal {
    const { signal } = this.#controller;
    this.#forgetOuter();
    if (outer === undefined) return signal;
    const follow = () => this.#controller.abort(outer.reason);
    if (outer.aborted) follow();
    else outer.addEventListener("abort", follow);
    this.#forgetOuter = () => outer.removeEventListener("abort", follow);
    return signal;
  }

  /** Waits for work, which fails when it takes longer than `timeoutMs`. One piece of work at a time. */
  watch<T>(work: Promise<T>, timeoutMs = this.#timeoutMs): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const watched = { until: Date.now() + timeoutMs, timeoutMs, fail: reject };
      this.#watched = watched;
      this.#ringBy(watched.until);
      const over = () => {
        if (this.#watched === watched) this.#watched = null;
      };
      work.then(
        (value) => {
          over();
          resolve(value);
        },
        (error) => {
          over();
          reject(error);
        },
      );
    });
  }

  /** Ends the waiting; the call itself goes on. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#forgetOuter();
  }

  /** Ends the waiting and aborts the call: nobody reads its answer any more. */
  end(): void {
    this.stop();
    this.#controller.abort();
  }

  #ringBy(at: number): void {
    if (this.#timer !== null) {
      if (this.#ringsAt <= at) return;
      clearTimeout(this.#timer);
    }
    this.#ringsAt = at;
    this.#timer = setTimeout(() => this.#ring(), Math.max(0, at - Date.now()));
  }

  #ring(): void {
    this.#timer = null;
    const watched = this.#watched;
    if (watched === null) return;
    if (watched.until > Date.now()) {
      this.#ringBy(watched.until);
      return;
    }
    const error = new RosaError(
      "gpu_unavailable",
      `${this.#service} said nothing for ${watched.timeoutMs} ms`,
      { retryAfterS: 5 },
    );
    watched.fail(error);
    this.#controller.abort(error);
  }
}
