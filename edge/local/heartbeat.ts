/** Notices that a server has stopped answering: it is gone, or it accepts connections and sends nothing. */
import { setTimeout as sleep } from "node:timers/promises";

const intervalMs = 1_000;
/** A server that accepts a connection and sends nothing for this long is reported; with the interval, within five seconds. */
const silenceMs = 3_500;
/** A busy server may take this long before it counts as lost. */
const toleranceMs = 20_000;
const againMs = 300;

export interface Heartbeat {
  /** Resolves with the reason once the server does not answer; never while it does. */
  readonly lost: Promise<string>;
  stop(): void;
}

/** Asks the address repeatedly; any answer counts. `onSilence` is called for a server that sends nothing. */
export function watchHeartbeat(url: string, onSilence: (message: string) => void): Heartbeat {
  const ending = new AbortController();
  return { lost: untilLost(url, onSilence, ending.signal), stop: () => ending.abort() };
}

async function untilLost(
  url: string,
  onSilence: (message: string) => void,
  signal: AbortSignal,
): Promise<string> {
  for (let silentMs = 0; ; ) {
    if (silentMs === 0) await sleep(intervalMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return await new Promise(() => {});
    let failure = await failureOf(url);
    if (failure === "refused") {
      await sleep(againMs);
      failure = await failureOf(url);
    }
    if (signal.aborted) continue;
    if (failure === "refused") return "nothing listens on its port any more";
    const wasSilentMs = silentMs;
    silentMs = failure === "silent" ? silentMs + silenceMs : 0;
    if (silentMs >= toleranceMs) return `it has not answered for ${toleranceMs / 1000} s`;
    if (silentMs > 0 && wasSilentMs === 0) {
      const [seconds, longest] = [silenceMs / 1000, toleranceMs / 1000];
      onSilence(`It has not answered for ${seconds} s; after ${longest} s it is started again.`);
    }
  }
}

/** One request. A server that is gone may leave an earlier one hanging, so each has a short time limit. */
async function failureOf(url: string): Promise<"refused" | "silent" | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(silenceMs) });
    await response.body?.cancel();
    return null;
  } catch (error) {
    return (error as Error).name === "TimeoutError" ? "silent" : "refused";
  }
}
