/**
 * Purses of regions that no cap bounds, as far as an isolate knows: calls there set nothing aside, and what they cost
 * goes to the purse in few messages. Each message's answer says whether there is a cap by now.
 */
import type { UsageEvent } from "./usage.ts";

/** So long what a purse said is believed. */
const believedMs = 60_000;
/** Events that come so soon after a message wait for the next one. */
const gatherMs = 50;
/** A statement takes a hundred parameters. */
const togetherMax = 40;
const pursesMax = 10_000;

interface Known {
  /** When the purse said last that there is no cap. */
  toldAt: number;
  /** When it was sent events last. */
  sentAt: number;
  /** What the next message will hold, while there is one to come. */
  waiting: UsageEvent[] | null;
}

const known = new Map<string, Known>();

/** Whether a call must set money aside in this purse. */
export function setsAside(purse: string): boolean {
  return (known.get(purse)?.toldAt ?? 0) + believedMs <= Date.now();
}

export function toldCapped(purse: string, isCapped: boolean): void {
  if (known.size >= pursesMax) {
    for (const [name, { waiting }] of known) if (waiting === null) known.delete(name);
  }
  const before = known.get(purse) ?? { sentAt: 0, waiting: null };
  known.set(purse, Object.assign(before, { toldAt: isCapped ? 0 : Date.now() }));
}

/** Sends an event to a purse: at once, or with others where some were sent just now. */
export async function sayTogether(
  purse: string,
  event: UsageEvent,
  say: (events: UsageEvent[]) => Promise<boolean>,
): Promise<void> {
  const line = known.get(purse);
  if (line?.waiting != null && line.waiting.length < togetherMax) {
    line.waiting.push(event);
    return;
  }
  const events = [event];
  if (line !== undefined) {
    if (line.sentAt + gatherMs > Date.now()) {
      line.waiting = events;
      await new Promise((resolve) => setTimeout(resolve, gatherMs));
      if (line.waiting === events) line.waiting = null;
    }
    line.sentAt = Date.now();
  }
  toldCapped(purse, await say(events));
}
