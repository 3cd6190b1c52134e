/**
 * Joins the events of one turn of the worker's event loop into one message to the HTTP thread. Figures wait for the next
 * event, so that a reply that nobody watches grow wakes the HTTP thread once.
 */
import type { FromWorker, WorkEvent } from "./messages.ts";

/** Figures wait at most this long. */
const waitMs = 20;

export class EventBatch {
  readonly #send: (message: FromWorker, transfer: ArrayBuffer[]) => void;
  #events: WorkEvent[] = [];
  #transfer: ArrayBuffer[] = [];
  #isDue = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (message: FromWorker, transfer: ArrayBuffer[]) => void) {
    this.#send = send;
  }

  /** Adds an event. Files that it carries are transferred without a copy and must not be used here afterwards. */
  add(event: WorkEvent, files: Uint8Array<ArrayBuffer>[] = []): void {
    if (!this.#isDue) queueMicrotask(() => this.flush());
    this.#isDue = true;
    this.#events.push(event);
    for (const { buffer } of files) this.#transfer.push(buffer);
  }

  /** Adds an event that can wait. */
  addFigures(event: WorkEvent): void {
    this.#events.push(event);
    this.#timer ??= setTimeout(() => this.flush(), waitMs);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isDue = false;
    if (this.#events.length === 0) return;
    const events = this.#events;
    const transfer = this.#transfer;
    this.#events = [];
    this.#transfer = [];
    this.#send({ type: "batch", events }, transfer);
  }
}
