/** D1 tables: data that is read everywhere and written rarely. Everything else of a tenant is in its account object. */
import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { PublicJwk } from "../contract/index.ts";

export const tenants = sqliteTable("tenants", {
  id: text().primaryKey(),
  name: text().notNull(),
  createdAt: integer("created_at").notNull(),
  /** The tenant's Stripe customer; set by the operator of the deployment, never by the tenant. */
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
    /** Null means the highest rate. */
    requestsPerMinute: integer("requests_per_minute"),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at"),
    revokedAt: integer("revoked_at"),
  },
  (table) => [
    index("api_keys_by_tenant").on(table.tenantId, table.id),
    index("api_keys_by_prefix").on(table.tenantId, table.prefix),
    index("api_keys_revoked").on(table.revokedAt).where(sql`revoked_at IS NOT NULL`),
  ],
);

/** Public keys of tenants' own back ends, which sign client tokens themselves. */
export const signingKeys = sqliteTable(
  "signing_keys",
  {
    id: text().primaryKey(),
    tenantId: text("tenant_id")
      .notNull()
      .references(() => tenants.id),
    name: text().notNull(),
    algorithm: text({ enum: ["EdDSA", "ES256"] }).notNull(),
    jwk: text({ mode: "json" }).$type<PublicJwk>().notNull(),
    createdAt: integer("created_at").notNull(),
    revokedAt: integer("revoked_at"),
  },
  (table) => [
    index("signing_keys_by_tenant").on(table.tenantId, table.id),
    index("signing_keys_revoked").on(table.revokedAt).where(sql`revoked_at IS NOT NULL`),
  ],
);

/** Client tokens issued before a time that are no longer accepted: an owner's, a key's, or all. */
export const tokenRevocations = sqliteTable(
  "token_revocations",
  {
    tenantId: text("tenant_id").notNull(),
    /** `owner:…`, `key:…` or `all`. */
    subject: text().notNull(),
    revokedAt: integer("revoked_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.subject] }),
    index("token_revocations_by_time").on(table.tenantId, table.revokedAt),
    index("token_revocations_lately").on(table.revokedAt),
  ],
);
