/**
 * Reports metered events to Stripe as meter events, each until Stripe has taken it; it makes no invoice.
 *
 * The outbox row is written with the event (usage.ts). The event's id is Stripe's `identifier`, by which
 * Stripe itself drops what was sent twice, so a crash between sending and deleting bills nobody twice.
 */
import type { StripeConfig } from "../config.ts";
import { sha256 } from "../ids.ts";
import { pauseMs } from "../pause.ts";

const rowsPerRun = 200;
const atOnce = 10;
/** Stripe takes no event older than 35 days; after that a row stays as a record of what was not billed. */
const tooOldMs = 34 * 24 * 3_600_000;
const timeoutMs = 10_000;

interface DueRow {
  event_id: string;
  attempts: number;
  at: number;
  cost_nanos: number;
  customer: string;
}

/** Sends what is due, oldest first. Never throws for what Stripe says: that is noted, and tried again later. */
export async function reportToStripe(
  db: D1Database,
  config: StripeConfig,
  now: number,
): Promise<{ sent: number; failed: number }> {
  const { results } = await db
    .prepare(
      `SELECT o.event_id, o.attempts, e.at, e.cost_nanos, t.stripe_customer AS customer
       FROM stripe_outbox o JOIN usage_events e ON e.event_id = o.event_id
       JOIN tenants t ON t.id = e.tenant_id
       WHERE o.due_at <= ?1 AND e.at > ?2 AND t.stripe_customer IS NOT NULL
       ORDER BY o.due_at LIMIT ?3`,
    )
    .bind(now, now - tooOldMs, rowsPerRun)
    .all<DueRow>();
  let sent = 0;
  for (let i = 0; i < results.length; i += atOnce) {
    const rows = results.slice(i, i + atOnce);
    const failures = await Promise.all(rows.map((row) => send(config, row)));
    await db.batch(
      rows.map((row, index) => {
        const failure = failures[index] ?? null;
        if (failure === null) {
          sent++;
          return db.prepare("DELETE FROM stripe_outbox WHERE event_id = ?1").bind(row.event_id);
        }
        const attempts = row.attempts + 1;
        return db
          .prepare(
            "UPDATE stripe_outbox SET attempts = ?2, due_at = ?3, failure = ?4 WHERE event_id = ?1",
          )
          .bind(row.event_id, attempts, now + pauseMs(attempts), failure);
      }),
    );
  }
  return { sent, failed: results.length - sent };
}

/** Null when Stripe has the event; else why not. */
async function send(config: StripeConfig, row: DueRow): Promise<string | null> {
  // Stripe's identifiers have at most 100 characters; ours can grow with what they name.
  const identifier = (await sha256(row.event_id)).slice(0, 64);
  const body = new URLSearchParams({
    event_name: config.meter,
    identifier,
    timestamp: String(Math.floor(row.at / 1000)),
    "payload[stripe_customer_id]": row.customer,
    "payload[value]": String(row.cost_nanos),
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
    // Sent before, and its answer lost: Stripe has it.
    if (response.status === 400 && text.includes("identifier") && text.includes("already")) {
      return null;
    }
    return `${response.status} ${text}`;
  } catch (error) {
    return String(error).slice(0, 300);
  }
}
