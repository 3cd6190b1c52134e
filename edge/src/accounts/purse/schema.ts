/** Tables of a holder of a lease: the lease itself, reserved money, events on their way to the account. */
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { UsageEvent } from "../usage.ts";

/** At most one row. `granted - drawn - holds` may still be reserved; granted and drawn only count up. */
export const lease = sqliteTable("lease", {
  id: integer().primaryKey(),
  /** Number of the latest message to the account. */
  round: integer().notNull(),
  grantedNanos: integer("granted_nanos").notNull(),
  /** Cost of all events so far, delivered or not. */
  drawnNanos: integer("drawn_nanos").notNull(),
  expiresAt: integer("expires_at").notNull(),
  /** As the account last reported; before that there may be a cap. */
  isCapped: integer("is_capped", { mode: "boolean" }).notNull(),
  /** The owner's monthly cap according to its last client token; null for none. */
  ownerCapNanos: integer("owner_cap_nanos"),
});

/** Money reserved for work in progress, by the metered event that will settle it. */
export const holds = sqliteTable("holds", {
  eventId: text("event_id").primaryKey(),
  amountNanos: integer("amount_nanos").notNull(),
  at: integer().notNull(),
});

/** Metered events that the account has not confirmed yet, in order. */
export const metered = sqliteTable("metered", {
  seq: integer().primaryKey({ autoIncrement: true }),
  event: text({ mode: "json" }).$type<UsageEvent>().notNull(),
});
