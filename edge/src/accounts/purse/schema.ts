/** Tables of whoever holds a lease: the lease itself, what is set aside of it, events on their way to the account. */
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { UsageEvent } from "../usage.ts";

/** At most one row. `granted - drawn - holds` is what may still be set aside; both only count up. */
export const lease = sqliteTable("lease", {
  id: integer().primaryKey(),
  /** Number of the latest message to the account. */
  round: integer().notNull(),
  grantedNanos: integer("granted_nanos").notNull(),
  /** Cost of all events so far, delivered or not. */
  drawnNanos: integer("drawn_nanos").notNull(),
  expiresAt: integer("expires_at").notNull(),
  /** As the account said last; until it has, there may be a cap. */
  isCapped: integer("is_capped", { mode: "boolean" }).notNull(),
  /** What the owner may cost in a month, as its last client token said; null: nothing was said, or no cap. */
  ownerCapNanos: integer("owner_cap_nanos"),
});

/** Money set aside for work in progress, by the metered event that will settle it. */
export const holds = sqliteTable("holds", {
  eventId: text("event_id").primaryKey(),
  amountNanos: integer("amount_nanos").notNull(),
  at: integer().notNull(),
});

/** Metered events that the account has not confirmed yet, in the order they happened. */
export const metered = sqliteTable("metered", {
  seq: integer().primaryKey({ autoIncrement: true }),
  event: text({ mode: "json" }).$type<UsageEvent>().notNull(),
});
