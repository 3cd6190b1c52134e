/**
 * Spends budget on a piece of work: money is reserved before it, settled by its metered event, otherwise released.
 *
 * Only this file calls reserve and release; callers need not know how money is reserved.
 */
import type { UsageEvent } from "./usage.ts";

/** Where money is reserved: a session's own purse, or a region's for calls outside sessions. */
export interface Money {
  /** @throws RosaError `budget_exceeded`. */
  reserve(eventId: string, amountNanos: number): Promise<void>;
  /** Records a metered event and frees its reserved money. */
  settle(event: UsageEvent): void | Promise<void>;
  release(eventId: string): void | Promise<void>;
}

/** Money that another object reserves. */
export interface DistantMoney extends Money {
  /** Whether the last call reported no cap: work may then begin while its money is reserved. */
  readonly isUncapped: boolean;
}

export interface Charge {
  /** The metered event that the money is for. */
  eventId: string;
  /** The most that the work can cost. */
  amountNanos: number;
}

/**
 * Reserves a charge's money and does the work. Unless the work calls `keep`, the money is released at its end, however
 * it ends. Kept money is settled by a metered event, now or later.
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
 * As `spend`, for work that yields; leaving the loop ends it. Nothing that it yields is shown or counted before its
 * money is reserved.
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
