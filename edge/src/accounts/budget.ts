/** The monthly spend cap: money is reserved before work starts, so that no burst of calls can overrun it. */
import { RosaError } from "@rosa2/shared/errors";
import type { BudgetBody } from "../contract/index.ts";

/** A reservation whose holder died frees itself after this long. */
const reservationMs = 15 * 60_000;

function monthOf(now: number): string {
  return new Date(now).toISOString().slice(0, 7);
}

/**
 * Reserves money for an event, in one conditional statement (D1 runs one writer, so check and claim are one).
 * Reserving again under the same event id is fine.
 *
 * @throws RosaError `budget_exceeded` when spent, reserved and this together would pass the cap.
 */
export async function reserve(
  db: D1Database,
  reservation: { eventId: string; tenantId: string; amountNanos: number },
  now: number,
): Promise<void> {
  const { eventId, tenantId, amountNanos } = reservation;
  const claimed = await db
    .prepare(
      `INSERT INTO reservations (event_id, tenant_id, amount_nanos, expires_at)
       SELECT ?1, ?2, ?3, ?4
       WHERE (SELECT cap_nanos FROM budgets WHERE tenant_id = ?2) IS NULL
          OR coalesce((SELECT spent_nanos FROM spend WHERE tenant_id = ?2 AND month = ?5), 0)
           + coalesce((SELECT sum(amount_nanos) FROM reservations
                       WHERE tenant_id = ?2 AND expires_at > ?6 AND event_id <> ?1), 0)
           + ?3 <= (SELECT cap_nanos FROM budgets WHERE tenant_id = ?2)
       ON CONFLICT (event_id) DO UPDATE SET expires_at = excluded.expires_at`,
    )
    .bind(eventId, tenantId, amountNanos, now + reservationMs, monthOf(now), now)
    .run();
  if (claimed.meta.changes > 0) return;
  throw new RosaError(
    "budget_exceeded",
    "The month's spend cap leaves no room for this call; raise it with PUT /v1/budget",
  );
}

/** Gives a reservation back; recording the event's usage does so too. */
export async function release(db: D1Database, eventId: string): Promise<void> {
  await db.prepare("DELETE FROM reservations WHERE event_id = ?1").bind(eventId).run();
}

export async function readBudget(
  db: D1Database,
  tenantId: string,
  now: number,
): Promise<BudgetBody> {
  const month = monthOf(now);
  const row = await db
    .prepare(
      `SELECT (SELECT cap_nanos FROM budgets WHERE tenant_id = ?1) AS cap,
              coalesce((SELECT spent_nanos FROM spend WHERE tenant_id = ?1 AND month = ?2), 0) AS spent,
              coalesce((SELECT sum(amount_nanos) FROM reservations
                        WHERE tenant_id = ?1 AND expires_at > ?3), 0) AS reserved`,
    )
    .bind(tenantId, month, now)
    .first<{ cap: number | null; spent: number; reserved: number }>();
  return {
    object: "budget",
    cap_usd: row?.cap == null ? null : row.cap / 1e9,
    month,
    spent_usd: (row?.spent ?? 0) / 1e9,
    reserved_usd: (row?.reserved ?? 0) / 1e9,
  };
}

export async function setBudget(
  db: D1Database,
  tenantId: string,
  capUsd: number | null,
  now: number,
): Promise<void> {
  await db
    .prepare(
      `INSERT INTO budgets (tenant_id, cap_nanos, updated_at) VALUES (?1, ?2, ?3)
       ON CONFLICT (tenant_id) DO UPDATE SET cap_nanos = excluded.cap_nanos, updated_at = excluded.updated_at`,
    )
    .bind(tenantId, capUsd === null ? null : Math.round(capUsd * 1e9), now)
    .run();
}
