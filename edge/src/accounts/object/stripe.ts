/**
 * Reports metered events to Stripe as meter events, each until Stripe has accepted it. It makes no invoice.
 *
 * The outbox row is written with the event (ledger.ts). The event's id is Stripe's `identifier`, by which Stripe drops
 * repeated events, so a crash between sending and deleting bills nothing twice.
 */
import type { StripeConfig } from "../../config.ts";
import { sha256 } from "../../ids.ts";
import { pauseMs } from "../../pause.ts";
import type { Books } from "./books.ts";
import { dueForStripe, noteStripe, stripeDueAt } from "./ledger.ts";

const rowsPerRun = 200;
const atOnce = 10;
/** Stripe accepts no event older than 35 days; after that a row stays as a record of what was not billed. */
const tooOldMs = 34 * 24 * 3_600_000;
const timeoutMs = 10_000;
const knownMs = 60_000;

/** The tenant's Stripe customer as the operator last set it; looked up at most once a minute. */
export class StripeCustomer {
  #known: { id: string | null; until: number } | null = null;

  /** Null without a customer, and if none is needed. */
  async of({ env, config, tenantId, now }: Books, isWanted: boolean): Promise<string | null> {
    if (!isWanted || config.stripe === null) return null;
    if (this.#known === null || this.#known.until < now()) {
      const id = await env.DB.prepare("SELECT stripe_customer FROM tenants WHERE id = ?1")
        .bind(tenantId)
        .first<string>("stripe_customer");
      this.#known = { id, until: now() + knownMs };
    }
    return this.#known.id;
  }
}

type DueRow = ReturnType<typeof dueForStripe>[number];

/**
 * Sends due events, oldest first. Never throws because of Stripe's answer: it is noted, and the event is sent again
 * later.
 */
export async function reportToStripe(
  books: Books,
  config: StripeConfig,
): Promise<{ sent: number; failed: number }> {
  const due = dueForStripe(books, tooOldMs, rowsPerRun);
  let sent = 0;
  for (let i = 0; i < due.length; i += atOnce) {
    const rows = due.slice(i, i + atOnce);
    const failures = await Promise.all(rows.map((row) => send(config, row)));
    books.transaction(() => {
      for (const [index, row] of rows.entries()) {
        const text = failures[index] ?? null;
        const attempts = row.attempts + 1;
        const dueAt = books.now() + pauseMs(attempts);
        noteStripe(books, row.eventId, text === null ? null : { text, attempts, dueAt });
        if (text === null) sent++;
      }
    });
  }
  return { sent, failed: due.length - sent };
}

/** When to report next; null if nothing waits. */
export function nextReportAt(books: Books): number | null {
  return books.config.stripe === null ? null : stripeDueAt(books, tooOldMs);
}

/** Null if Stripe has the event, otherwise the reason. */
async function send(config: StripeConfig, row: DueRow): Promise<string | null> {
  // Stripe's identifiers have at most 100 characters; ours may be longer.
  const identifier = (await sha256(row.eventId)).slice(0, 64);
  const body = new URLSearchParams({
    event_name: config.meter,
    identifier,
    timestamp: String(Math.floor(row.at / 1000)),
    "payload[stripe_customer_id]": row.customer,
    "payload[value]": String(row.costNanos),
  });
  try {
    const response = await fetch(`${config.url}/v1/billing/meter_events`, {
      method: "POST",
      headers: { authorization: `Bearer ${config.key}`, "idempotency-key": identifier },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (response.ok) {
      await response.body?.cancel();
      return null;
    }
    const text = (await response.text()).slice(0, 300);
    // Sent before, and its answer was lost: Stripe has it.
    if (response.status === 400 && text.includes("identifier") && text.includes("already")) {
      return null;
    }
    return `${response.status} ${text}`;
  } catch (error) {
    return String(error).slice(0, 300);
  }
}
