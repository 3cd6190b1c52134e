/** Collects what happens in one turn of the worker's event loop into one message to the other thread. */
import type { FromWorker, WorkEvent } from "./messages.ts";

export class Outbox {
  readonly #send: (message: FromWorker) => void;
  #events: WorkEvent[] = [];

  constructor(send: (message: FromWorker) => void) {
    this.#send = send;
  }

  add(event: WorkEvent): void {
    if (this.#events.length === 0) queueMicrotask(() => this.flush());
    this.#events.push(event);
  }

  flush(): void {
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    this.#send({ type: "batch", events });
  }
}
