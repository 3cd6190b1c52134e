/** A region's purse keeps, beside its lease, which repeatable events it has settled. */
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const settled = sqliteTable(
  "settled",
  { eventId: text("event_id").primaryKey(), at: integer().notNull() },
  (table) => [index("settled_by_age").on(table.at)],
);
