/** The GPU service's failures as our callers should see them. It knows no route. */
import { isErrorCode, RosaError } from "@rosa2/shared/errors";

export async function readError(response: Response): Promise<RosaError> {
  const body = (await response.json().catch(() => null)) as {
    error?: { code?: unknown; message?: unknown; param?: unknown };
  } | null;
  const { code, message } = body?.error ?? {};
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retryAfterS = Number.isFinite(retryAfter) ? retryAfter : undefined;
  if (typeof code === "string") return reported(code, String(message), retryAfterS);
  const what = `answered with status ${response.status}`;
  // No error body: the answer came from the platform's proxy, which has no container for the request.
  return [502, 503, 504].includes(response.status)
    ? new RosaError("gpu_cold", `The GPU service ${what}`, { retryAfterS: retryAfterS ?? 5 })
    : broken(what);
}

/**
 * The service's own errors, as our caller should see them. A full queue or a cold start is a 503 to retry later. A
 * mistake of ours (secret, protocol) is `gpu_unavailable`. The rest is about the request.
 */
export function reported(code: string, message: string, retryAfterS?: number): RosaError {
  if (!isErrorCode(code)) return broken(`reported ${code}: ${message}`);
  if (
    ["invalid_key", "missing_key", "invalid_json", "not_found", "internal_error"].includes(code)
  ) {
    return broken(`reported ${code}: ${message}`);
  }
  if (code === "shutting_down" || code === "timeout") {
    return new RosaError("gpu_unavailable", `The GPU service reported: ${message}`, {
      retryAfterS: retryAfterS ?? 2,
    });
  }
  return new RosaError(code, message, { retryAfterS });
}

export function unreachable(cause: unknown): unknown {
  if (cause instanceof RosaError) return cause;
  if (cause instanceof Error && cause.name === "AbortError") return cause;
  return new RosaError("gpu_unavailable", "The GPU service cannot be reached", {
    retryAfterS: 5,
    cause,
  });
}

export function broken(what: string, cause?: unknown): RosaError {
  return new RosaError("gpu_unavailable", `The GPU service ${what}`, { retryAfterS: 5, cause });
}

/** Whether trying the same call again later can succeed. */
export function isTransient(error: unknown): boolean {
  return (
    error instanceof RosaError &&
    ["gpu_unavailable", "gpu_cold", "queue_full", "shutting_down", "timeout"].includes(error.code)
  );
}
