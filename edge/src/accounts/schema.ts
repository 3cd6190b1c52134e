/** D1 tables: what is read everywhere and written rarely. Everything else of a tenant is in its account object. */
import { index, integer, sqliteTable, text } from "drizzle-orm/sqlite-core";

export const tenants = sqliteTable("tenants", {
  id: text().primaryKey(),
  name: text().notNull(),
  createdAt: integer("created_at").notNull(),
  /** Whom Stripe bills; set by whoever runs the deployment, never by the tenant. */
  stripeCustomer: text("stripe_customer"),
});

export const apiKeys = sqliteTable(
  "api_keys",
  {
    id: text().primaryKey(),
    tenantId: text("tenant_id")
      .notNull()
      .references(() => tenants.id),
    /** Lower-case hexadecimal SHA-256 of the whole key; the key itself is never stored. */
    hash: text().notNull().unique(),
    /** First characters of the key, enough for a person to tell keys apart. */
    prefix: text().notNull(),
    name: text().notNull(),
    /** Space-separated, as in OAuth. */
    scopes: text().notNull(),
    /** Null: the highest that a key may have. */
    requestsPerMinute: integer("requests_per_minute"),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at"),
    revokedAt: integer("revoked_at"),
  },
  (table) => [index("api_keys_by_tenant").on(table.tenantId, table.id)],
);
