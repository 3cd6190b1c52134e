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
  /** Records a metered event and frees the money that was reserved for it, if any. */
  settle(event: UsageEvent): void | Promise<void>;
  release(eventId: string): void | Promise<void>;
}

/** Money that another object reserves. */
export interface DistantMoney extends Money {
  /** Whether the last call reported no cap: work may then begin while its money is reserved. */
  readonly isUncapped: boolean;
  /** Whether it did so a moment ago: then nothing is reserved, and the metered event brings the next report. */
  readonly isSurelyUncapped: boolean;
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

/** Money that is being reserved for a reply under way. None of the reply is shown before `reserved` resolves. */
export interface Holding {
  /** Rejects with RosaError `budget_exceeded`. */
  readonly reserved: Promise<void>;
  /** Settles the money by the reply's metered event; null releases it. Money that was refused needs neither. */
  end(event: UsageEvent | null): Promise<void>;
}

/** For a reply where there is surely no cap: nothing is reserved. */
export function unheld(money: Money): Holding {
  const end = async (event: UsageEvent | null) => {
    if (event !== null) await money.settle(event);
  };
  return { reserved: Promise.resolve(), end };
}

/** `after`: the money is asked for when this has resolved. */
export function hold(
  money: Money,
  { eventId, amountNanos }: Charge,
  after?: Promise<void>,
): Holding {
  const reserve = () => money.reserve(eventId, amountNanos);
  const reserved = after === undefined ? reserve() : after.then(reserve);
  reserved.catch(() => {});
  return {
    reserved,
    end: (event) =>
      reserved.then(
        () => (event === null ? money.release(eventId) : money.settle(event)),
        () => {},
      ),
  };
}
