/** Notices that a server has stopped answering: one that is gone, or one that keeps connections and says nothing. */
import { setTimeout as sleep } from "node:timers/promises";

const intervalMs = 1_000;
/** A server that accepts and does not answer for this long is hung. With the interval it is noticed in five seconds. */
const silenceMs = 3_500;
const againMs = 300;
const tickMs = 100;
/** A machine that is too busy to run this timer is no sign against the server. */
const ownDelayMsMax = 500;

export interface Heartbeat {
  /** Resolves with the reason once the server does not answer; never while it does. */
  readonly lost: Promise<string>;
  stop(): void;
}

/** Asks the address again and again; any answer at all counts. */
export function watchHeartbeat(url: string): Heartbeat {
  const ending = new AbortController();
  return { lost: untilLost(url, ending.signal), stop: () => ending.abort() };
}

async function untilLost(url: string, signal: AbortSignal): Promise<string> {
  for (;;) {
    await sleep(intervalMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return await new Promise(() => {});
    let failure = await failureOf(url);
    if (failure === "refused") {
      await sleep(againMs);
      failure = await failureOf(url);
    }
    if (signal.aborted) continue;
    if (failure === "refused") return "nothing listens on its port any more";
    if (failure === "silent") return `it has not answered for ${silenceMs / 1000} s`;
  }
}

async function failureOf(url: string): Promise<"refused" | "silent" | null> {
  let ownDelayMs = 0;
  let last = performance.now();
  const ticks = setInterval(() => {
    const now = performance.now();
    ownDelayMs = Math.max(ownDelayMs, now - last - tickMs);
    last = now;
  }, tickMs);
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(silenceMs) });
    await response.body?.cancel();
    return null;
  } catch (error) {
    if (ownDelayMs > ownDelayMsMax) return null;
    return (error as Error).name === "TimeoutError" ? "silent" : "refused";
  } finally {
    clearInterval(ticks);
  }
}
