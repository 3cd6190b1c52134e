/** Turns disk failures into typed errors; knows nothing of what is stored. */
import { RosaError } from "@rosa2/shared/errors";

/** Runs an action on the disk and turns the system's refusal into a typed error. */
export function onDisk<T>(what: string, action: () => T): T {
  const fail = (cause: unknown): never => {
    const { code = "", message } = cause as NodeJS.ErrnoException;
    if (code === "ENOSPC" || code === "EDQUOT") throw noSpace(`cannot ${what} (${code})`, cause);
    throw new RosaError("gpu_unavailable", `Cannot ${what}: ${message}`, {
      param: "ROSA2_CACHE",
      cause,
    });
  };
  try {
    const result = action();
    return result instanceof Promise ? (result.catch(fail) as T) : result;
  } catch (cause) {
    return fail(cause);
  }
}

export function noSpace(reason: string, cause?: unknown): RosaError {
  return new RosaError("gpu_unavailable", `No space left for the model: ${reason}`, {
    param: "ROSA2_CACHE",
    cause,
  });
}
