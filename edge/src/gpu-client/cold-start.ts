/**
 * A GPU service that scales to zero: how a call notices that it is cold, and how a call waits for it.
 *
 * Some platforms refuse a request while a container starts, others hold it. So a call that has no answer after a while
 * asks for the service's health. A service that is merely busy answers that at once.
 */
import { RosaError } from "@rosa2/shared/errors";

const askAgainMs = 5_000;
const retryAfterS = 10;

/** The work's result. Fails with `gpu_cold` when the work takes longer than `coldMs` and `isThere` says no. */
export async function unlessCold<T>(
  work: Promise<T>,
  coldMs: number,
  isThere: () => Promise<boolean>,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const cold = new Promise<never>((_, reject) => {
    timer = setTimeout(async () => {
      if (await isThere().catch(() => false)) return;
      reject(new RosaError("gpu_cold", "The GPU service is starting", { retryAfterS }));
    }, coldMs);
  });
  try {
    return await Promise.race([work, cold]);
  } finally {
    if (timer !== null) clearTimeout(timer);
  }
}

/** Sends again while the service says that it is cold, for `warmUpMs` at most. */
export async function untilWarm<T>(warmUpMs: number, send: () => Promise<T>): Promise<T> {
  const until = Date.now() + warmUpMs;
  for (;;) {
    try {
      return await send();
    } catch (error) {
      if (!isCold(error) || Date.now() > until) throw error;
      const pauseMs = Math.min((error.retryAfterS ?? 1) * 1000, askAgainMs);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

export function isCold(error: unknown): error is RosaError {
  return error instanceof RosaError && error.code === "gpu_cold";
}

/** Whether work still goes on after `ms`. It ignores a failure of the work: the caller that awaits the work gets it. */
export async function goesOn(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const still = new Promise<true>((resolve) => {
    timer = setTimeout(() => resolve(true), ms);
  });
  const settled = work.then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([settled, still]);
  } finally {
    if (timer !== null) clearTimeout(timer);
  }
}
