/**
 * Money around a piece of work: set aside before it, settled by its metered event, given back otherwise.
 *
 * It alone calls reserve, settle and release; how money is set aside is no caller's affair.
 */
import { logFailure } from "../failure.ts";
import { release, reserve } from "./budget.ts";

import { recordUsage, type UsageEvent } from "./usage.ts";

export interface Charge {
  /** The metered event that the money is for. */
  eventId: string;
  tenantId: string;
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
  db: D1Database,
  charge: Charge,
  work: (keep: () => void) => Promise<T> | T,
): Promise<T> {
  await reserve(db, charge, Date.now());
  let kept = false;
  try {
    return await work(() => {
      kept = true;
    });
  } finally {
    if (!kept) await giveBack(db, charge.eventId);
  }
}

/** The same for work that yields as it goes; leaving the loop ends it. */
export async function* spendStreaming<T>(
  db: D1Database,
  charge: Charge,
  work: (settle: (event: UsageEvent) => Promise<void>) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  await reserve(db, charge, Date.now());
  let kept = false;
  try {
    yield* work(async (event) => {
      kept = true;
      await settle(db, event);
    });
  } finally {
    if (!kept) await giveBack(db, charge.eventId);
  }
}

/** Records a metered event; what was set aside for it is free again. Repeating a call changes nothing. */
export async function settle(db: D1Database, event: UsageEvent): Promise<void> {
  await recordUsage(db, event);
}

/** Gives an event's money back. One that fails is logged: the reservation ends by itself. */
export async function giveBack(db: D1Database, eventId: string): Promise<boolean> {
  try {
    await release(db, eventId);
    return true;
  } catch (error) {
    logFailure("release", error);
    return false;
  }
}

export { release } from "./budget.ts";
