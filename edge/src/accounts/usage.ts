/** The usage ledger: what a metered event costs, written at most once per event id, and reports over it. */
import type { Usage } from "@rosa2/shared/protocol";
import { and, between, eq, sql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { Prices } from "../config.ts";
import type { Cost, UsageBody, UsageReport } from "../contract/index.ts";
import type { usageKinds } from "../contract/sets.ts";
import { usageEvents } from "./schema.ts";

export interface UsageEvent {
  eventId: string;
  tenantId: string;
  keyId: string | null;
  sessionId: string | null;
  kind: (typeof usageKinds)[number];
  at: number;
  promptTokens?: number;
  cachedTokens?: number;
  completionTokens?: number;
  adaptationsAccepted?: number;
  adaptationsRejected?: number;
  rewriterCalls?: number;
  gpuMs?: number;
  costNanos: number;
}

/** Nano-dollars of a reply; rounded up so that no work is free by rounding. */
export function replyCostNanos(prices: Prices, usage: Usage): number {
  const fresh = Math.max(0, usage.prompt_tokens - usage.cached_tokens);
  return Math.ceil(
    fresh * prices.inputNanos +
      usage.cached_tokens * prices.cachedNanos +
      usage.completion_tokens * prices.outputNanos,
  );
}

/** Most that a reply can cost: a token holds at least one byte of text, plus the template's own few. */
export function replyCostNanosMax(
  prices: Prices,
  messages: readonly { content: string }[],
  replyTokensMax: number,
): number {
  let bytes = 0;
  for (const { content } of messages) bytes += utf8Bytes(content) + 16;
  return Math.ceil(bytes * prices.inputNanos + replyTokensMax * prices.outputNanos);
}

/** A reply's price, never more than was reserved for it: so the cap holds whatever a model's template adds. */
export function settledCostNanos(
  prices: Prices,
  usage: Usage,
  asked: { messages: readonly { content: string }[]; sampling: { max_tokens: number } },
): number {
  const { messages, sampling } = asked;
  return Math.min(
    replyCostNanos(prices, usage),
    replyCostNanosMax(prices, messages, sampling.max_tokens),
  );
}

const encoder = new TextEncoder();
function utf8Bytes(text: string): number {
  return encoder.encode(text).byteLength;
}

export function costBody(nanos: number): Cost {
  return { usd: nanos / 1e9 };
}

export function usageBody(usage: Usage): UsageBody {
  return {
    prompt_tokens: usage.prompt_tokens,
    completion_tokens: usage.completion_tokens,
    total_tokens: usage.prompt_tokens + usage.completion_tokens,
    prompt_tokens_details: { cached_tokens: usage.cached_tokens },
  };
}

/**
 * Writes an event, adds it to the month's total, queues it for Stripe where the tenant is billed there, and
 * drops its reservation, in one transaction.
 *
 * Repeating a call changes nothing: the total moves only if the event id is new.
 */
export async function recordUsage(db: D1Database, event: UsageEvent): Promise<void> {
  const day = new Date(event.at).toISOString().slice(0, 10);
  await db.batch([
    // Before the event's own row, which says whether it is new.
    db
      .prepare(
        `INSERT OR IGNORE INTO stripe_outbox (event_id, due_at)
         SELECT ?1, ?2 FROM tenants
         WHERE id = ?3 AND stripe_customer IS NOT NULL AND ?4 > 0
           AND NOT EXISTS (SELECT 1 FROM usage_events WHERE event_id = ?1)`,
      )
      .bind(event.eventId, event.at, event.tenantId, event.costNanos),
    db
      .prepare(
        `INSERT INTO spend (tenant_id, month, spent_nanos)
         SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM usage_events WHERE event_id = ?4)
         ON CONFLICT (tenant_id, month) DO UPDATE SET spent_nanos = spent_nanos + excluded.spent_nanos`,
      )
      .bind(event.tenantId, day.slice(0, 7), event.costNanos, event.eventId),
    db
      .prepare(
        `INSERT OR IGNORE INTO usage_events
           (event_id, tenant_id, key_id, session_id, kind, at, day, prompt_tokens, cached_tokens,
            completion_tokens, adaptations_accepted, adaptations_rejected, rewriter_calls, gpu_ms, cost_nanos)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)`,
      )
      .bind(
        event.eventId,
        event.tenantId,
        event.keyId,
        event.sessionId,
        event.kind,
        event.at,
        day,
        event.promptTokens ?? 0,
        event.cachedTokens ?? 0,
        event.completionTokens ?? 0,
        event.adaptationsAccepted ?? 0,
        event.adaptationsRejected ?? 0,
        event.rewriterCalls ?? 0,
        Math.round(event.gpuMs ?? 0),
        event.costNanos,
      ),
    db.prepare("DELETE FROM reservations WHERE event_id = ?1").bind(event.eventId),
  ]);
}

/** Totals by day, session or key; days are UTC and both ends are included. */
export async function reportUsage(
  db: D1Database,
  tenantId: string,
  query: { groupBy: "day" | "session" | "key"; from?: string; to?: string; limit: number },
): Promise<UsageReport> {
  const column = {
    day: usageEvents.day,
    session: usageEvents.sessionId,
    key: usageEvents.keyId,
  }[query.groupBy];
  const sum = (of: unknown) => sql<number>`coalesce(sum(${of}), 0)`;
  const rows = await drizzle(db)
    .select({
      group: column,
      prompt_tokens: sum(usageEvents.promptTokens),
      cached_tokens: sum(usageEvents.cachedTokens),
      completion_tokens: sum(usageEvents.completionTokens),
      replies: sql<number>`sum(${usageEvents.kind} = 'reply')`,
      adaptations_accepted: sum(usageEvents.adaptationsAccepted),
      adaptations_rejected: sum(usageEvents.adaptationsRejected),
      rewriter_calls: sum(usageEvents.rewriterCalls),
      gpu_ms: sum(usageEvents.gpuMs),
      costNanos: sum(usageEvents.costNanos),
    })
    .from(usageEvents)
    .where(
      and(
        eq(usageEvents.tenantId, tenantId),
        between(usageEvents.day, query.from ?? "0000-00-00", query.to ?? "9999-99-99"),
      ),
    )
    .groupBy(column)
    .orderBy(sql`${column} desc`)
    .limit(query.limit);
  return {
    object: "list",
    group_by: query.groupBy,
    data: rows.map(({ costNanos, ...row }) => ({ ...row, cost: costBody(costNanos) })),
  };
}
