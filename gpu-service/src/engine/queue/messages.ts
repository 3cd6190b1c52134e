/** Messages between the HTTP thread and the engine's worker thread; plain data only. */
import { type ErrorCode, RosaError } from "@rosa2/shared/errors";
import type { Health } from "@rosa2/shared/health";
import type {
  AdaptRequest,
  AdaptResult,
  ExportRequest,
  GenerateEvent,
  GenerateRequest,
  SampleRequest,
  SampleResult,
  ScoreRequest,
  ScoreResult,
} from "@rosa2/shared/protocol";
import type { PassReport } from "../batch/scheduler.ts";

/** One request on its way to the worker, with the adapter file if the caller sent it. */
export type WorkRequest = {
  id: number;
  adapterBytes: Uint8Array<ArrayBuffer> | null;
} & (
  | { type: "generate"; request: GenerateRequest }
  | { type: "sample"; request: SampleRequest }
  | { type: "adapt"; request: AdaptRequest }
  | { type: "score"; request: ScoreRequest }
  | { type: "export"; request: ExportRequest }
);

export type ToWorker = WorkRequest | { type: "cancel"; id: number } | { type: "stop" };

export type FromWorker =
  | { type: "ready"; model: NonNullable<Health["model"]> }
  /** The model cannot be loaded; the thread ends. */
  | { type: "unloadable"; error: WireError }
  | { type: "batch"; events: WorkEvent[] };

export type WorkEvent =
  /** Validated and queued; only events for this kind of request follow. */
  | { type: "accepted"; id: number }
  | { type: "event"; id: number; event: Exclude<GenerateEvent, { type: "error" }> }
  | { type: "sampled"; id: number; result: SampleResult }
  | { type: "scored"; id: number; result: ScoreResult }
  | {
      type: "adapted";
      id: number;
      result: AdaptResult;
      adapterBytes: Uint8Array<ArrayBuffer> | null;
    }
  | { type: "exported"; id: number; files: ExportedFiles }
  | { type: "failed"; id: number; error: WireError }
  | { type: "pass"; report: PassReport; state: EngineState };

/** Files of an archive by name. */
export type ExportedFiles = Record<string, Uint8Array<ArrayBuffer>>;

/** What the worker holds, for metrics and `/health`. */
export interface EngineState {
  waiting: number;
  running: number;
  parkedTokens: number;
  adapterBytes: number;
  adapterHits: number;
  adapterMisses: number;
}

export interface WireError {
  code: ErrorCode;
  message: string;
  param?: string | undefined;
  retryAfterS?: number | undefined;
  /** Stack of an unexpected error, for the log only. */
  stack?: string | undefined;
}

export function toWire(error: unknown): WireError {
  if (error instanceof RosaError) {
    const { code, message, param, retryAfterS } = error;
    return { code, message, param, retryAfterS };
  }
  const stack = error instanceof Error ? error.stack : String(error);
  return { code: "internal_error", message: "The engine failed on this request", stack };
}

export function fromWire({ code, message, param, retryAfterS, stack }: WireError): RosaError {
  return new RosaError(code, message, {
    ...(param === undefined ? {} : { param }),
    ...(retryAfterS === undefined ? {} : { retryAfterS }),
    ...(stack === undefined ? {} : { cause: stack }),
  });
}
