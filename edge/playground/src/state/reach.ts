/** The reach of a correction while it is being written: asked when the writer pauses, answered for the latest text only. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Reach } from "rosa2";

const pauseMs = 500;

/** `initial` is the reply unchanged; it is not asked about. */
export function useReach(
  initial: string,
  ask: (text: string) => Promise<Reach | null> = async () => null,
) {
  const [reach, tell] = useState<Reach | null>(null);
  const latest = useRef<{ timer: ReturnType<typeof setTimeout> | undefined }>({ timer: undefined });
  useEffect(() => () => clearTimeout(latest.current.timer), []);
  const look = (written: string) => {
    clearTimeout(latest.current.timer);
    tell(null);
    const text = written.trim();
    const timer =
      text === "" || text === initial.trim()
        ? undefined
        : setTimeout(async () => {
            const told = await ask(text);
            if (latest.current.timer === timer) tell(told);
          }, pauseMs);
    latest.current = { timer };
  };
  return { reach, look };
}
