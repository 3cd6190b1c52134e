/** The usage ledger: metered events, each counted once however often it is delivered, and reports over them. */
import { and, asc, between, desc, eq, lt, sql } from "drizzle-orm";
import type { UsageReport } from "../../contract/index.ts";
import { countUsage } from "../metrics.ts";
import { costBody, type UsageEvent } from "../usage.ts";
import type { Books } from "./books.ts";
import { compareArms } from "./holdout.ts";
import { announce } from "./messages.ts";
import { addSpent } from "./money.ts";
import { stripeOutbox, usage, usageEvents } from "./schema.ts";

/** So long an event that comes again is known; Stripe takes none older than 35 days. */
const knownMs = 40 * 24 * 3_600_000;

/** Records what a holder metered; `customer` is whom Stripe bills, if anybody. Part of the caller's transaction. */
export function record(
  books: Books,
  holder: string,
  events: readonly UsageEvent[],
  customer: string | null,
): void {
  const { db, now } = books;
  for (const event of events) {
    const { eventId, kind, at, costNanos } = event;
    const added = db
      .insert(usageEvents)
      .values({ eventId, kind, at, costNanos })
      .onConflictDoNothing()
      .returning({ eventId: usageEvents.eventId })
      .all();
    if (added.length === 0) continue;
    addToDay(books, event);
    addSpent(books, holder, at, costNanos);
    if (customer !== null && costNanos > 0) {
      db.insert(stripeOutbox).values({ eventId, customer, at, costNanos, dueAt: at }).run();
    }
    if (event.notice !== undefined) announce(books, event.notice);
    countUsage(books.env, event);
  }
  db.delete(usageEvents)
    .where(lt(usageEvents.at, now() - knownMs))
    .run();
}

function addToDay({ db }: Books, event: UsageEvent): void {
  const counts = {
    replies: event.kind === "reply" ? 1 : 0,
    promptTokens: event.promptTokens ?? 0,
    cachedTokens: event.cachedTokens ?? 0,
    completionTokens: event.completionTokens ?? 0,
    adaptationsAccepted: event.adaptationsAccepted ?? 0,
    adaptationsRejected: event.adaptationsRejected ?? 0,
    rewriterCalls: event.rewriterCalls ?? 0,
    gpuMs: Math.round(event.gpuMs ?? 0),
    costNanos: event.costNanos,
  };
  const set = Object.fromEntries(
    Object.entries(counts).map(([name, n]) => [
      name,
      sql`${usage[name as keyof typeof counts]} + ${n}`,
    ]),
  );
  db.insert(usage)
    .values({
      day: new Date(event.at).toISOString().slice(0, 10),
      sessionId: event.sessionId ?? "",
      keyId: event.keyId ?? "",
      owner: event.owner ?? "",
      ...counts,
    })
    .onConflictDoUpdate({
      target: [usage.day, usage.sessionId, usage.keyId, usage.owner],
      set,
    })
    .run();
}

export interface UsageQuery {
  groupBy: "day" | "session" | "key" | "owner";
  owner?: string;
  from?: string;
  to?: string;
  /** The last group of the page before; groups come in falling order. */
  cursor?: string;
  limit: number;
}

/** Totals by day, session, key or owner, of everybody or one owner; days are UTC and both ends are included. */
export function reportUsage(books: Books, query: UsageQuery): UsageReport {
  const { db } = books;
  const column = {
    day: usage.day,
    session: usage.sessionId,
    key: usage.keyId,
    owner: usage.owner,
  }[query.groupBy];
  const sum = (of: unknown) => sql<number>`sum(${of})`;
  const rows = db
    .select({
      group: column,
      prompt_tokens: sum(usage.promptTokens),
      cached_tokens: sum(usage.cachedTokens),
      completion_tokens: sum(usage.completionTokens),
      replies: sum(usage.replies),
      adaptations_accepted: sum(usage.adaptationsAccepted),
      adaptations_rejected: sum(usage.adaptationsRejected),
      rewriter_calls: sum(usage.rewriterCalls),
      gpu_ms: sum(usage.gpuMs),
      costNanos: sum(usage.costNanos),
    })
    .from(usage)
    .where(
      and(
        between(usage.day, query.from ?? "0000-00-00", query.to ?? "9999-99-99"),
        query.owner === undefined ? undefined : eq(usage.owner, query.owner),
        query.cursor === undefined ? undefined : lt(column, query.cursor),
      ),
    )
    .groupBy(column)
    .orderBy(desc(column))
    .limit(query.limit + 1)
    .all();
  const shown = rows.slice(0, query.limit);
  return {
    object: "list",
    group_by: query.groupBy,
    data: shown.map(({ costNanos, group, ...row }) => ({
      group: group === "" ? null : group,
      ...row,
      cost: costBody(costNanos),
    })),
    next_cursor: rows.length > query.limit ? (shown.at(-1)?.group ?? null) : null,
    holdout: compareArms(books, query),
  };
}

/** Events that Stripe should have by now, oldest first. */
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

/** When the next of them is due; null: none. */
export function stripeDueAt({ db, now }: Books, tooOldMs: number): number | null {
  return (
    db
      .select({ at: sql<number | null>`min(${stripeOutbox.dueAt})` })
      .from(stripeOutbox)
      .where(sql`${stripeOutbox.at} > ${now() - tooOldMs}`)
      .get()?.at ?? null
  );
}

/** Notes what Stripe said of an event: null that it has it. */
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
