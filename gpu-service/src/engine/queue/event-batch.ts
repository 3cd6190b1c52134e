/** Joins the events of one turn of the worker's event loop into one message to the HTTP thread. */
import type { FromWorker, WorkEvent } from "./messages.ts";

export class EventBatch {
  readonly #send: (message: FromWorker, transfer: ArrayBuffer[]) => void;
  #events: WorkEvent[] = [];
  #transfer: ArrayBuffer[] = [];

  constructor(send: (message: FromWorker, transfer: ArrayBuffer[]) => void) {
    this.#send = send;
  }

  /** Adds an event. Files that it carries are transferred without a copy and must not be used here afterwards. */
  add(event: WorkEvent, files: Uint8Array<ArrayBuffer>[] = []): void {
    if (this.#events.length === 0) queueMicrotask(() => this.flush());
    this.#events.push(event);
    for (const { buffer } of files) this.#transfer.push(buffer);
  }

  flush(): void {
    if (this.#events.length === 0) return;
    const events = this.#events;
    const transfer = this.#transfer;
    this.#events = [];
    this.#transfer = [];
    this.#send({ type: "batch", events }, transfer);
  }
}
