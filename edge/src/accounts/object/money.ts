/**
 * The monthly spend caps of the tenant and its owners, and the leases under them: `cap - spent - leased >= 0` for each
 * after every grant.
 *
 * Money is reserved here before a holder may draw it, so no burst of calls and no crash can exceed the cap. A lease
 * that is not renewed in time is free again.
 */
import { and, eq, lt, lte, ne, type SQL, sql } from "drizzle-orm";
import type { BudgetBody } from "../../contract/index.ts";
import { statement } from "../../statements.ts";
import type { LeaseMessage, NumberedEvent } from "../purse/purse.ts";
import type { UsageEvent } from "../usage.ts";
import { accountRow, type Books, setAccount } from "./books.ts";
import { announce } from "./messages.ts";
import { leases, ownerSpend, spend } from "./schema.ts";

/** How long a lease lasts without a message from its holder. */
const leaseMs = 30 * 60_000;
/** Share of the remaining room that one holder may be lent beyond its need: leases shrink near the cap. */
const spareShare = 1 / 16;

/** An ended holder is remembered for this long, because its last message may come again. */
const endedMs = 2 * 24 * 3_600_000;

const leaseOf = statement((db) =>
  db
    .select()
    .from(leases)
    .where(eq(leases.holder, sql.placeholder("holder")))
    .prepare(),
);

/** The same expression as in the index. */
const isOut = sql`granted_nanos > settled_nanos`;

interface Grant {
  grantedNanos: number;
  expiresAt: number;
}

function monthOf(at: number): string {
  return new Date(at).toISOString().slice(0, 7);
}

/** Grants what is needed or nothing, and part of the room for what is wanted beyond it. */
export function grant(books: Books, message: Omit<LeaseMessage, "events">): Grant {
  const { db, now } = books;
  const { holder, owner, round, settledNanos, neededNanos, wantedNanos } = message;
  const known = leaseOf(db).get({ holder });
  // A message that a later one has overtaken asks for nothing.
  if (known !== undefined && known.round >= round) return known;
  endExpired(books);
  const before = leaseOf(db).get({ holder }) ?? {
    grantedNanos: settledNanos,
    settledNanos,
  };
  const floor = Math.max(before.grantedNanos, before.settledNanos);
  let grantedNanos = floor;
  if (wantedNanos < floor) grantedNanos = Math.max(wantedNanos, before.settledNanos);
  else {
    const room = roomNanos(books);
    const needed = Math.max(0, neededNanos - floor);
    if (needed <= room) {
      const spare = Math.floor((room - needed) * spareShare);
      grantedNanos = floor + Math.min(wantedNanos - floor, needed + spare);
    }
  }
  grantedNanos = Math.min(grantedNanos, ownerLimitNanos(books, message, before));
  const row = { round, grantedNanos, expiresAt: now() + leaseMs, closedAt: null };
  db.insert(leases)
    .values({ holder, owner: owner ?? "", settledNanos: before.settledNanos, ...row })
    .onConflictDoUpdate({ target: leases.holder, set: row })
    .run();
  return row;
}

/** The most that a holder may be granted under its owner's cap: what the owner's other holders leave, shared as above. */
function ownerLimitNanos(
  books: Books,
  { holder, owner, ownerCapNanos, neededNanos }: Omit<LeaseMessage, "events">,
  { settledNanos }: { settledNanos: number },
): number {
  if (owner === null || ownerCapNanos === null) return Number.MAX_SAFE_INTEGER;
  const spent = ownerSpentNanos(books, owner, monthOf(books.now()));
  const others = leasedNanos(books, and(eq(leases.owner, owner), ne(leases.holder, holder)));
  const limit = settledNanos + Math.max(0, ownerCapNanos - spent - others);
  if (neededNanos > limit) return limit;
  return neededNanos + Math.floor((limit - neededNanos) * spareShare);
}

/** Whether a holder was refused what it needs. */
export function isRefused(message: Pick<LeaseMessage, "neededNanos">, answer: Grant): boolean {
  return answer.grantedNanos < message.neededNanos;
}

/** The row of a holder. A holder that reports events for the first time gets a row with its earlier spending. */
export function holderRow(
  books: Books,
  {
    holder,
    owner,
    settledNanos,
    events,
  }: Pick<LeaseMessage, "holder" | "owner" | "settledNanos" | "events">,
): typeof leases.$inferSelect {
  const { db } = books;
  const known = leaseOf(db).get({ holder });
  if (known !== undefined) return known;
  const before = settledNanos - sumOf(events);
  const lease = { round: 0, grantedNanos: before, settledNanos: before, expiresAt: 0 };
  return db
    .insert(leases)
    .values({ holder, owner: owner ?? "", ...lease })
    .returning()
    .get();
}

/** Notes which of a holder's events were recorded: their lease is spent now. */
export function noteRecorded({ db }: Books, holder: string, fresh: readonly NumberedEvent[]): void {
  const last = fresh.at(-1);
  if (last === undefined) return;
  db.update(leases)
    .set({
      recordedSeq: last.seq,
      settledNanos: sql`${leases.settledNanos} + ${sumOf(fresh)}`,
    })
    .where(eq(leases.holder, holder))
    .run();
}

/** Adds the cost of one day's events of one owner to what was spent in their month, of the tenant and of the owner. */
export function addSpent({ db }: Books, events: readonly UsageEvent[]): void {
  const [first] = events;
  const spentNanos = sumOf(events);
  if (first === undefined || spentNanos === 0) return;
  const { at, owner } = first;
  const month = monthOf(at);
  db.insert(spend)
    .values({ month, spentNanos })
    .onConflictDoUpdate({
      target: spend.month,
      set: { spentNanos: sql`${spend.spentNanos} + ${spentNanos}` },
    })
    .run();
  if (owner === undefined || owner === null) return;
  db.insert(ownerSpend)
    .values({ owner, month, spentNanos })
    .onConflictDoUpdate({
      target: [ownerSpend.owner, ownerSpend.month],
      set: { spentNanos: sql`${ownerSpend.spentNanos} + ${spentNanos}` },
    })
    .run();
}

function sumOf(events: readonly { costNanos: number }[]): number {
  return events.reduce((total, { costNanos }) => total + costNanos, 0);
}

/** Frees an ended holder's lease. */
export function endLease({ db, now }: Books, holder: string): void {
  db.update(leases)
    .set({ grantedNanos: sql`${leases.settledNanos}`, closedAt: now() })
    .where(eq(leases.holder, holder))
    .run();
}

/** Deletes rows of holders that ended long ago, and of owners' earlier months. */
export function forgetEnded({ db, now }: Books): void {
  db.delete(leases)
    .where(lt(leases.closedAt, now() - endedMs))
    .run();
  db.delete(ownerSpend)
    .where(lt(ownerSpend.month, monthOf(now())))
    .run();
}

/** Holders that could give something back, those with the most first; of all owners, or of one. */
export function lenders({ db }: Books, limit: number, owner?: string): string[] {
  return db
    .select({ holder: leases.holder })
    .from(leases)
    .where(and(isOut, owner === undefined ? undefined : eq(leases.owner, owner)))
    .orderBy(sql`${leases.grantedNanos} - ${leases.settledNanos} DESC`)
    .limit(limit)
    .all()
    .map(({ holder }) => holder);
}

export function readBudget(books: Books): BudgetBody {
  endExpired(books);
  const { capNanos } = accountRow(books);
  const month = monthOf(books.now());
  return {
    object: "budget",
    cap_usd: capNanos === null ? null : capNanos / 1e9,
    month,
    spent_usd: spentNanos(books, month) / 1e9,
    reserved_usd: leasedNanos(books) / 1e9,
  };
}

/** From this share of the cap on, the budget counts as nearly spent. */
const nearShare = 0.8;

/** Announces, once for each month and cap, that the budget is nearly spent. Part of the caller's transaction. */
export function tellNearBudget(books: Books): void {
  const { capNanos, budgetTold } = accountRow(books);
  if (capNanos === null) return;
  const month = monthOf(books.now());
  const told = `${month} ${capNanos}`;
  const spent = spentNanos(books, month);
  if (budgetTold === told || spent < nearShare * capNanos) return;
  const data = { month, cap_usd: capNanos / 1e9, spent_usd: spent / 1e9, share: nearShare };
  if (announce(books, { type: "budget.near", data })) setAccount(books, { budgetTold: told });
}

export function setCap(books: Books, capUsd: number | null): void {
  setAccount(books, { capNanos: capUsd === null ? null : Math.round(capUsd * 1e9) });
}

function roomNanos(books: Books): number {
  const { capNanos } = accountRow(books);
  if (capNanos === null) return Number.MAX_SAFE_INTEGER;
  return Math.max(0, capNanos - spentNanos(books, monthOf(books.now())) - leasedNanos(books));
}

function spentNanos({ db }: Books, month: string): number {
  return db.select().from(spend).where(eq(spend.month, month)).get()?.spentNanos ?? 0;
}

/** The recorded cost of an owner's events in a month (YYYY-MM). */
function ownerSpentNanos({ db }: Books, owner: string, month: string): number {
  const mine = and(eq(ownerSpend.owner, owner), eq(ownerSpend.month, month));
  return db.select().from(ownerSpend).where(mine).get()?.spentNanos ?? 0;
}

function leasedNanos({ db }: Books, which?: SQL): number {
  const { sum } = db
    .select({ sum: sql<number>`coalesce(sum(granted_nanos - settled_nanos), 0)` })
    .from(leases)
    .where(and(isOut, which))
    .get() ?? { sum: 0 };
  return sum;
}

function endExpired({ db, now }: Books): void {
  db.update(leases)
    .set({ grantedNanos: sql`${leases.settledNanos}` })
    .where(and(isOut, lte(leases.expiresAt, now())))
    .run();
}
