/**
 * Money around a piece of work: set aside before it, settled by its metered event, given back otherwise.
 *
 * It alone calls reserve and release; how money is set aside is no caller's affair.
 */
import type { UsageEvent } from "./usage.ts";

/** Where money is set aside: a session's own purse, or a region's for calls outside sessions. */
export interface Money {
  /** @throws RosaError `budget_exceeded`. */
  reserve(eventId: string, amountNanos: number): Promise<void>;
  /** Records a metered event; what was set aside for it is free again. */
  settle(event: UsageEvent): void | Promise<void>;
  release(eventId: string): void | Promise<void>;
}

export interface Charge {
  /** The metered event that the money is for. */
  eventId: string;
  /** The most that the work can cost. */
  amountNanos: number;
}

/**
 * Sets a charge's money aside and does the work. What the work has not `keep`-ed at its end, whatever ends
 * it, is given back: kept is what a metered event settles, now or later.
 *
 * @throws RosaError `budget_exceeded` before the work begins.
 */
export async function spend<T>(
  money: Money,
  { eventId, amountNanos }: Charge,
  work: (keep: () => void) => Promise<T> | T,
): Promise<T> {
  await money.reserve(eventId, amountNanos);
  let kept = false;
  try {
    return await work(() => {
      kept = true;
    });
  } finally {
    if (!kept) await money.release(eventId);
  }
}

/** The same for work that yields as it goes; leaving the loop ends it. */
export async function* spendStreaming<T>(
  money: Money,
  { eventId, amountNanos }: Charge,
  work: (settle: (event: UsageEvent) => void) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  await money.reserve(eventId, amountNanos);
  let settled = false;
  try {
    yield* work((event) => {
      settled = true;
      money.settle(event);
    });
  } finally {
    if (!settled) money.release(eventId);
  }
}
