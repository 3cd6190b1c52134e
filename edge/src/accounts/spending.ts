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

/** Money that is set aside elsewhere. */
export interface DistantMoney extends Money {
  /** Whether no cap was known of at the last call: then work may begin while its money is set aside. */
  readonly isUncapped: boolean;
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

/**
 * The same for work that yields as it goes; leaving the loop ends it. Nothing that it yields is shown, and nothing of it
 * counts, before its money is set aside.
 */
export async function* spendStreaming<T>(
  money: DistantMoney,
  { eventId, amountNanos }: Charge,
  work: (settle: (event: UsageEvent) => void) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  let isReserved = false;
  const reserving = money.reserve(eventId, amountNanos).then(() => {
    isReserved = true;
  });
  reserving.catch(() => {});
  if (!money.isUncapped) await reserving;
  let settled = false;
  try {
    const done = work((event) => {
      if (!isReserved) return;
      settled = true;
      money.settle(event);
    });
    for await (const value of done) {
      if (!isReserved) await reserving;
      yield value;
    }
  } finally {
    if (!settled) {
      await reserving.then(
        () => money.release(eventId),
        () => {},
      );
    }
  }
}
