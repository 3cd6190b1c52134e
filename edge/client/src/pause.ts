/** Pauses between tries, which a signal can end. */

const firstMs = 300;
const longestMs = 8_000;

/** Milliseconds before try `n` (from 0): doubling, with jitter so that many clients do not come back at once. */
export function backoffMs(n: number): number {
  return Math.min(longestMs, firstMs * 2 ** n) * (0.75 + Math.random() / 2);
}

/** Resolves after some time; rejects as soon as the signal aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      if (signal !== undefined) reject(reasonOf(signal));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    if (signal?.aborted === true) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}

/** Why a signal was aborted; React Native's own signals have no reason. */
export function reasonOf(signal: AbortSignal): unknown {
  if (signal.reason !== undefined) return signal.reason;
  return Object.assign(new Error("The call was aborted"), { name: "AbortError" });
}
