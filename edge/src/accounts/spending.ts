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
  let settled = false;
  const done = work((event) => {
    if (!isReserved) return;
    settled = true;
    money.settle(event);
  });
  // Begun before its money is asked for: the work has the longer way.
  const beginning = money.isUncapped ? done.next() : null;
  const reserving = money.reserve(eventId, amountNanos).then(() => {
    isReserved = true;
  });
  for (const either of [beginning, reserving]) either?.catch(() => {});
  if (beginning === null) await reserving;
  try {
    for (let next = await (beginning ?? done.next()); !next.done; next = await done.next()) {
      if (!isReserved) await reserving;
      yield next.value;
    }
  } finally {
    await done.return(undefined);
    if (!settled) {
      await reserving.then(
        () => money.release(eventId),
        () => {},
      );
    }
  }
}
