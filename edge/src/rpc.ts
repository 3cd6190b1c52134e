/**
 * What crosses into a Durable Object: the caller's trace and key, and failures as values, because an error's class is
 * lost in the call.
 */
import { type ErrorCode, errorCodes, isErrorCode, RosaError } from "@rosa2/shared/errors";

/** The caller's trace, passed on to the GPU service, and how the caller waits. */
export interface Trace {
  requestId?: string;
  traceparent?: string;
  /** The caller reads a stream with heartbeats, so it can wait for a cold GPU service. */
  waitsForColdStart?: boolean;
}

/** A caller's key and its fingerprint: SHA-256 of method, path and body. */
export interface IdempotencyKey {
  key: string;
  fingerprint: string;
}

export type Result<T> =
  | { ok: true; value: T }
  | {
      ok: false;
      code: ErrorCode;
      message: string;
      param?: string;
      retryAfterS?: number;
      /** The turn or feedback that is stored although the call failed. */
      kept?: string;
    };

/** An expected failure that leaves something stored, which can be retried. */
export class KeptError extends RosaError {
  readonly kept: string;

  constructor(error: { code: string; message: string; retryAfterS?: number }, kept: string) {
    const code = isErrorCode(error.code) ? error.code : "internal_error";
    // A stored failure has lost its pause; the service's own errors all mean "soon".
    const soonS = errorCodes[code].status === 503 || code === "queue_full" ? 5 : undefined;
    super(code, error.message, { retryAfterS: error.retryAfterS ?? soonS });
    this.kept = kept;
  }
}

/** Runs inside the object: expected failures become values, bugs stay exceptions. */
export async function settle<T>(work: () => T | Promise<T>): Promise<Result<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (!(error instanceof RosaError)) throw error;
    return {
      ok: false,
      code: error.code,
      message: error.message,
      ...(error.param === undefined ? {} : { param: error.param }),
      ...(error.retryAfterS === undefined ? {} : { retryAfterS: error.retryAfterS }),
      ...(error instanceof KeptError ? { kept: error.kept } : {}),
    };
  }
}

/** Runs in the Worker: failure values become errors again. */
export async function unwrap<T>(result: Promise<Result<T>> | Result<T>): Promise<T> {
  let settled: Result<T>;
  try {
    settled = await result;
  } catch (error) {
    const { retryable, durableObjectReset } = error as Record<string, unknown>;
    if (retryable === true || durableObjectReset === true) {
      throw new RosaError("shutting_down", "The session moved to another machine; try again", {
        retryAfterS: 1,
        cause: error,
      });
    }
    throw error;
  }
  if (settled.ok) return settled.value;
  if (settled.kept !== undefined) throw new KeptError(settled, settled.kept);
  const { param, retryAfterS } = settled;
  throw new RosaError(settled.code, settled.message, { param, retryAfterS });
}
