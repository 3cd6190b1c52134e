/** Gives a call up when the service says nothing for too long; every answer starts the wait anew. */
import { RosaError } from "@rosa2/shared/errors";

export class IdleTimeout {
  readonly #timeoutMs: number;
  readonly #service: string;
  readonly #controller = new AbortController();

  constructor(timeoutMs: number, service = "The GPU service") {
    this.#timeoutMs = timeoutMs;
    this.#service = service;
  }

  signal(outer: AbortSignal | undefined): AbortSignal {
    return outer === undefined
      ? this.#controller.signal
      : AbortSignal.any([outer, this.#controller.signal]);
  }

  async watch<T>(work: Promise<T>, timeoutMs = this.#timeoutMs): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | null = null;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = new RosaError(
          "gpu_unavailable",
          `${this.#service} said nothing for ${timeoutMs} ms`,
          { retryAfterS: 5 },
        );
        reject(error);
        this.#controller.abort(error);
      }, timeoutMs);
    });
    try {
      return await Promise.race([work, timeout]);
    } finally {
      if (timer !== null) clearTimeout(timer);
    }
  }

  /** Nobody listens any more: whatever is under way ends. */
  end(): void {
    this.#controller.abort();
  }
}
