/** The statements that every call makes at its purse, built once: to build one takes longer than to run it. */
import { eq, getTableColumns, sql } from "drizzle-orm";
import type { DrizzleSqliteDODatabase } from "drizzle-orm/durable-sqlite";
import { holds, lease, metered } from "./schema.ts";

export type Statements = ReturnType<typeof statementsOf>;

export function statementsOf(db: DrizzleSqliteDODatabase) {
  const eventId = sql.placeholder("eventId");
  const isThis = eq(holds.eventId, eventId);
  return {
    /** The lease, what is set aside of it, and whether some is for an event. */
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
    /** Draws on the lease; how many events wait to be told. */
    draw: db
      .update(lease)
      .set({ drawnNanos: sql`${lease.drawnNanos} + ${sql.placeholder("costNanos")}` })
      .returning({ waiting: sql<number>`(SELECT count(*) FROM ${metered})` })
      .prepare(),
  };
}
