/**
 * The usage ledger: metered events, each counted once however often it is delivered, and Stripe's outbox. Reports are
 * made in report.ts.
 */
import { and, asc, eq, sql } from "drizzle-orm";
import { countUsage } from "../metrics.ts";
import type { LeaseMessage } from "../purse/purse.ts";
import type { UsageEvent } from "../usage.ts";
import { accountRow, type Books } from "./books.ts";
import { announce } from "./messages.ts";
import { addSpent, forgetEnded, holderRow, noteRecorded } from "./money.ts";
import { stripeOutbox, usage } from "./schema.ts";
import { countsOf } from "./usage-counts.ts";

/**
 * Records a holder's metered events; `customer` is Stripe's customer, if there is one. Part of the caller's
 * transaction.
 *
 * A holder numbers its events, and repeats unconfirmed ones in the same order. An event counts if its number is higher
 * than any recorded from this holder.
 */
export function record(
  books: Books,
  message: Pick<LeaseMessage, "holder" | "owner" | "settledNanos" | "events">,
  customer: string | null,
): void {
  const { db } = books;
  if (message.events.length === 0) return;
  const { recordedSeq } = holderRow(books, message);
  const fresh = message.events.filter(({ seq }) => seq > recordedSeq);
  const { segment } = accountRow(books);
  for (const same of alike(fresh)) {
    addToDay(books, same, segment);
    addSpent(books, same);
  }
  for (const event of fresh) {
    const { eventId, at, costNanos } = event;
    if (customer !== null && costNanos > 0) {
      db.insert(stripeOutbox).values({ eventId, customer, at, costNanos, dueAt: at }).run();
    }
    if (event.notice !== undefined) announce(books, event.notice);
    countUsage(books.env, event);
  }
  noteRecorded(books, message.holder, fresh);
  forgetEnded(books);
}

/** Events that count in the same row: together they are one statement. */
function alike(events: readonly UsageEvent[]): UsageEvent[][] {
  const groups = new Map<string, UsageEvent[]>();
  for (const event of events) {
    const { sessionId, keyId, owner } = event;
    const row = JSON.stringify([dayOf(event), sessionId, keyId, owner]);
    const group = groups.get(row);
    if (group === undefined) groups.set(row, [event]);
    else group.push(event);
  }
  return [...groups.values()];
}

function dayOf({ at }: UsageEvent): string {
  return new Date(at).toISOString().slice(0, 10);
}

function addToDay({ db }: Books, events: readonly UsageEvent[], segment: number): void {
  const [first] = events;
  if (first === undefined) return;
  const sum = (of: (event: UsageEvent) => number | undefined) =>
    events.reduce((total, event) => total + (of(event) ?? 0), 0);
  const counts = {
    replies: sum(({ kind }) => (kind === "reply" ? 1 : 0)),
    promptTokens: sum((event) => event.promptTokens),
    cachedTokens: sum((event) => event.cachedTokens),
    completionTokens: sum((event) => event.completionTokens),
    adaptationsAccepted: sum((event) => event.adaptationsAccepted),
    adaptationsRejected: sum((event) => event.adaptationsRejected),
    rewriterCalls: sum((event) => event.rewriterCalls),
    gpuMs: sum(({ gpuMs }) => Math.round(gpuMs ?? 0)),
    costNanos: sum(({ costNanos }) => costNanos),
  };
  const set = countsOf((name) => sql`${usage[name]} + ${counts[name]}`);
  db.insert(usage)
    .values({
      day: dayOf(first),
      sessionId: first.sessionId ?? "",
      keyId: first.keyId ?? "",
      owner: first.owner ?? "",
      segment,
      ...counts,
    })
    .onConflictDoUpdate({
      target: [usage.day, usage.sessionId, usage.keyId, usage.owner, usage.segment],
      set,
    })
    .run();
}

/** Events that are due for Stripe, oldest first. */
export function dueForStripe({ db, now }: Books, tooOldMs: number, limit: number) {
  return db
    .select()
    .from(stripeOutbox)
    .where(
      and(sql`${stripeOutbox.dueAt} <= ${now()}`, sql`${stripeOutbox.at} > ${now() - tooOldMs}`),
    )
    .orderBy(asc(stripeOutbox.dueAt))
    .limit(limit)
    .all();
}

/** When the next of them is due; null without any. */
export function stripeDueAt({ db, now }: Books, tooOldMs: number): number | null {
  return (
    db
      .select({ at: sql<number | null>`min(${stripeOutbox.dueAt})` })
      .from(stripeOutbox)
      .where(sql`${stripeOutbox.at} > ${now() - tooOldMs}`)
      .get()?.at ?? null
  );
}

/** Notes Stripe's answer about an event: null if Stripe has it. */
export function noteStripe(
  { db }: Books,
  eventId: string,
  failure: { text: string; attempts: number; dueAt: number } | null,
): void {
  if (failure === null) {
    db.delete(stripeOutbox).where(eq(stripeOutbox.eventId, eventId)).run();
    return;
  }
  const { text, attempts, dueAt } = failure;
  db.update(stripeOutbox)
    .set({ failure: text, attempts, dueAt })
    .where(eq(stripeOutbox.eventId, eventId))
    .run();
}
