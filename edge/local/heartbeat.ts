/** Notices that a server has stopped answering: one that is gone, or one that keeps connections and says nothing. */
import { setTimeout as sleep } from "node:timers/promises";

const intervalMs = 1_000;
/** A server that accepts and says nothing for this long is reported; with the interval that is within five seconds. */
const silenceMs = 3_500;
/** So long is it waited for: a rebuild after a change of the sources, or a busy machine, may take that. */
const patienceMs = 20_000;
const againMs = 300;

export interface Heartbeat {
  /** Resolves with the reason once the server does not answer; never while it does. */
  readonly lost: Promise<string>;
  stop(): void;
}

/** Asks the address again and again; any answer at all counts. `onSilence` is told of a server that says nothing. */
export function watchHeartbeat(url: string, onSilence: (message: string) => void): Heartbeat {
  const ending = new AbortController();
  return { lost: untilLost(url, onSilence, ending.signal), stop: () => ending.abort() };
}

async function untilLost(
  url: string,
  onSilence: (message: string) => void,
  signal: AbortSignal,
): Promise<string> {
  for (;;) {
    await sleep(intervalMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return await new Promise(() => {});
    const warning = setTimeout(() => {
      if (signal.aborted) return;
      const longest = patienceMs / 1000;
      onSilence(
        `It has not answered for ${silenceMs / 1000} s; after ${longest} s it is started again.`,
      );
    }, silenceMs);
    let failure = await failureOf(url);
    clearTimeout(warning);
    if (failure === "refused") {
      await sleep(againMs);
      failure = await failureOf(url);
    }
    if (signal.aborted) continue;
    if (failure === "refused") return "nothing listens on its port any more";
    if (failure === "silent") return `it has not answered for ${patienceMs / 1000} s`;
  }
}

async function failureOf(url: string): Promise<"refused" | "silent" | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(patienceMs) });
    await response.body?.cancel();
    return null;
  } catch (error) {
    return (error as Error).name === "TimeoutError" ? "silent" : "refused";
  }
}
