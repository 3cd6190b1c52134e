/**
 * The HTTP thread's side of the engine: starts the worker thread, admits requests, delivers their results, and starts a
 * new worker when one dies. It knows no HTTP and no model.
 */
import { Worker } from "node:worker_threads";
import { RosaError } from "@rosa2/shared/errors";
import type { Health } from "@rosa2/shared/health";
import type { GenerateEvent, GenerateRequest } from "@rosa2/shared/protocol";
import type { PassReport } from "../batch/scheduler.ts";
import { Admission, type AdmissionLimits } from "./admission.ts";
import {
  type EngineState,
  type FromWorker,
  fromWire,
  type ToWorker,
  type WorkEvent,
  type WorkRequest,
} from "./messages.ts";
import type { WorkerOptions } from "./worker.ts";

export interface EngineOptions {
  worker: WorkerOptions;
  admission: AdmissionLimits;
  /** Shown in `/health`. */
  provider: string;
  hooks?: EngineHooks;
}

/** Hooks are read when an event happens, so they may be set after the engine has started. */
export interface EngineHooks {
  onPass?(report: PassReport, state: EngineState): void;
  onReady?(model: NonNullable<Health["model"]>): void;
  /** An unexpected error of one request, or a worker that died. */
  onError?(error: unknown): void;
}

type Work = WorkRequest extends infer T ? (T extends unknown ? Omit<T, "id"> : never) : never;

/** Callbacks of one request. `fail` ends it; so does the event that carries its result. */
interface Pending {
  onEvent(event: WorkEvent): void;
  fail(error: RosaError): void;
}

/** The result's event of each kind of work without a stream. */
const resultEvents = {
  sample: "sampled",
  score: "scored",
  adapt: "adapted",
  export: "exported",
} as const;
type Once = keyof typeof resultEvents;
type ResultOf<K extends Once> = Extract<WorkEvent, { type: (typeof resultEvents)[K] }>;

const restartDelayMinMs = 250;
const restartDelayMaxMs = 10_000;

export class Engine {
  readonly #options: EngineOptions;
  readonly #admission: Admission;
  readonly #pending = new Map<number, Pending>();
  readonly #firstReady = Promise.withResolvers<void>();
  #worker: Worker | null = null;
  #workerEnd: Promise<void> = Promise.resolve();
  #model: Health["model"] = null;
  #status: Health["status"] = "loading";
  #restartDelayMs = restartDelayMinMs;
  #restartTimer: NodeJS.Timeout | undefined;
  #lastId = 0;
  #state: EngineState | null = null;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#admission = new Admission(options.admission);
    this.#firstReady.promise.catch(() => {}); // `ready` rejects as well, for callers that wait there
    this.#start();
  }

  /** Settles once: when the model is loaded, or with the reason why it cannot be loaded. */
  get ready(): Promise<void> {
    return this.#firstReady.promise;
  }

  get health(): Health {
    return {
      status: this.#status,
      model: this.#model,
      provider: this.#options.provider,
      queue: { waiting: this.#state?.waiting ?? 0, running: this.#state?.running ?? 0 },
    };
  }

  /** Requests admitted and not yet answered. */
  get inFlight(): number {
    return this.#admission.inFlight;
  }

  /**
   * Resolves once the request is validated and queued; the stream then ends with a `done` event or
   * an error. Cancelling the stream, or aborting, ends the reply within one step.
   */
  async generate(
    request: GenerateRequest,
    adapterBytes: Uint8Array<ArrayBuffer> | null,
    signal?: AbortSignal,
  ): Promise<ReadableStream<GenerateEvent>> {
    const accepted = Promise.withResolvers<void>();
    let close = () => {};
    const stream = new ReadableStream<GenerateEvent>({
      start: (controller) => {
        close = this.#begin(
          { type: "generate", request, adapterBytes },
          {
            onEvent: (event) => {
              if (event.type === "accepted") accepted.resolve();
              if (event.type !== "event") return;
              controller.enqueue(event.event);
              if (event.event.type === "done") controller.close();
            },
            fail: (error) => {
              accepted.reject(error);
              controller.error(error);
            },
          },
          signal,
        );
      },
      cancel: () => close(),
    });
    await accepted.promise;
    return stream;
  }

  /** Does work that has a single result, and gives the event with it; aborting ends the work. */
  async once<K extends Once>(
    type: K,
    request: Extract<WorkRequest, { type: K }>["request"],
    adapterBytes: Uint8Array<ArrayBuffer> | null,
    signal?: AbortSignal,
  ): Promise<ResultOf<K>> {
    const { promise, resolve, reject } = Promise.withResolvers<ResultOf<K>>();
    const onEvent = (event: WorkEvent) => {
      if (event.type === resultEvents[type]) resolve(event as ResultOf<K>);
    };
    this.#begin({ type, request, adapterBytes } as Work, { onEvent, fail: reject }, signal);
    return promise;
  }

  /**
   * Refuses new requests, waits up to `graceMs` for those in flight, then ends the worker; requests still open fail
   * with `shutting_down`.
   */
  async stop(graceMs: number): Promise<void> {
    this.#status = "draining";
    clearTimeout(this.#restartTimer);
    await this.#admission.idle(graceMs);
    this.#post({ type: "stop" });
    const hardStop = setTimeout(() => void this.#worker?.terminate(), 5_000);
    await this.#workerEnd;
    clearTimeout(hardStop);
  }

  /** Admits and sends a request; returns a function that cancels it. Throws if it is not admitted. */
  #begin(work: Work, pending: Pending, signal: AbortSignal | undefined): () => void {
    this.#mustServe();
    const release = this.#admission.enter(work.type, work.request.tenant, repliesOf(work));
    const id = ++this.#lastId;
    const end = () => {
      this.#pending.delete(id);
      signal?.removeEventListener("abort", abort);
      release();
    };
    const cancel = () => {
      if (!this.#pending.has(id)) return;
      end();
      this.#post({ type: "cancel", id });
    };
    const abort = () => {
      cancel();
      pending.fail(new RosaError("timeout", "The caller went away"));
    };
    this.#pending.set(id, {
      onEvent: (event) => {
        const isLast =
          event.type === "event" ? event.event.type === "done" : event.type !== "accepted";
        if (isLast) end();
        pending.onEvent(event);
      },
      fail: (error) => {
        end();
        pending.fail(error);
      },
    });
    this.#post({ ...work, id } as WorkRequest);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort);
    return cancel;
  }

  #mustServe(): void {
    if (this.#status === "draining") {
      throw new RosaError("shutting_down", "The service is shutting down", { retryAfterS: 1 });
    }
    if (this.#status === "loading") {
      throw new RosaError("gpu_cold", "The model is being loaded", { retryAfterS: 1 });
    }
  }

  #start(): void {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      workerData: this.#options.worker,
    });
    this.#worker = worker;
    let reason: unknown;
    worker.on("message", (message: FromWorker) => {
      if (message.type === "ready") this.#becomeReady(message.model);
      else if (message.type === "unloadable") reason = fromWire(message.error);
      else for (const event of message.events) this.#deliver(event);
    });
    worker.on("error", (error) => {
      reason = error;
    });
    this.#workerEnd = new Promise((resolve) => {
      worker.on("exit", () => {
        this.#onWorkerEnd(reason);
        resolve();
      });
    });
  }

  #becomeReady(model: NonNullable<Health["model"]>): void {
    this.#model = model;
    if (this.#status === "loading") this.#status = "ok";
    this.#restartDelayMs = restartDelayMinMs;
    this.#options.hooks?.onReady?.(model);
    this.#firstReady.resolve();
  }

  #deliver(event: WorkEvent): void {
    if (event.type === "pass") {
      this.#state = event.state;
      this.#options.hooks?.onPass?.(event.report, event.state);
      return;
    }
    // A cancelled request may still have events on the way.
    const pending = this.#pending.get(event.id);
    if (event.type !== "failed") {
      pending?.onEvent(event);
      return;
    }
    if (event.error.stack !== undefined && pending)
      this.#options.hooks?.onError?.(event.error.stack);
    pending?.fail(fromWire(event.error));
  }

  /** A worker holds nothing that a request needs, so failed requests can simply be sent again. */
  #onWorkerEnd(reason: unknown): void {
    this.#worker = null;
    this.#state = null;
    const isExpected = this.#status === "draining";
    const error = isExpected
      ? new RosaError("shutting_down", "The service is shutting down", { retryAfterS: 1 })
      : new RosaError("gpu_unavailable", "The engine stopped; the request can be sent again", {
          retryAfterS: 1,
        });
    for (const pending of [...this.#pending.values()]) pending.fail(error);
    if (isExpected) return;
    this.#status = "loading";
    this.#options.hooks?.onError?.(reason ?? new Error("The engine's thread ended"));
    // Has no effect if the model was loaded before.
    this.#firstReady.reject(reason ?? error);
    if (this.#model === null) return;
    this.#restartTimer = setTimeout(() => this.#start(), this.#restartDelayMs);
    this.#restartDelayMs = Math.min(2 * this.#restartDelayMs, restartDelayMaxMs);
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }
}

/** Places that the request takes among the replies. */
function repliesOf(work: Work): number {
  return work.type === "sample" ? work.request.count : 1;
}
