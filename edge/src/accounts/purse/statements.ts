/** The SQL statements that every call runs at its purse. They are built once: building one takes longer than running it. */
import { eq, getTableColumns, sql } from "drizzle-orm";
import type { DrizzleSqliteDODatabase } from "drizzle-orm/durable-sqlite";
import { holds, lease, metered } from "./schema.ts";

export type Statements = ReturnType<typeof statementsOf>;

export function statementsOf(db: DrizzleSqliteDODatabase) {
  const eventId = sql.placeholder("eventId");
  const isThis = eq(holds.eventId, eventId);
  return {
    lease: db.select().from(lease).prepare(),
    /** The lease, the amount held of it in all, and whether an amount is held for this event. */
    leaseFor: db
      .select({
        ...getTableColumns(lease),
        heldNanos: sql<number>`(SELECT coalesce(sum(${holds.amountNanos}), 0) FROM ${holds})`,
        isHeld: sql<number>`EXISTS (SELECT 1 FROM ${holds} WHERE ${isThis})`,
      })
      .from(lease)
      .prepare(),
    hold: db
      .insert(holds)
      .values({ eventId, amountNanos: sql.placeholder("amountNanos"), at: sql.placeholder("at") })
      .prepare(),
    free: db.delete(holds).where(isThis).prepare(),
    meter: db
      .insert(metered)
      .values({ event: sql.placeholder("event") })
      .prepare(),
    /** Draws on the lease; returns what is left of it, and how many metered events wait to be reported. */
    draw: db
      .update(lease)
      .set({ drawnNanos: sql`${lease.drawnNanos} + ${sql.placeholder("costNanos")}` })
      .returning({
        isCapped: lease.isCapped,
        expiresAt: lease.expiresAt,
        leftNanos: sql<number>`${lease.grantedNanos} - ${lease.drawnNanos}`,
        waiting: sql<number>`(SELECT count(*) FROM ${metered})`,
      })
      .prepare(),
  };
}
