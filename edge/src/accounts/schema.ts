/** D1 tables: who may call, what they may spend, what they used, which sessions exist. No conversation text, except in saved answers of stateless calls (idempotency), which expire. */
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { ErasureBody } from "../contract/index.ts";
import type { OwnLexicon } from "../contract/lexicon.ts";
import { usageKinds } from "../contract/sets.ts";

export const tenants = sqliteTable("tenants", {
  id: text().primaryKey(),
  name: text().notNull(),
  createdAt: integer("created_at").notNull(),
  /** Kept beside the index, so that the limit on sessions costs no count over it. */
  sessionCount: integer("session_count").notNull().default(0),
  /** Bytes of the adapter files that the tenant's sessions hold, likewise. */
  adapterBytes: integer("adapter_bytes").notNull().default(0),
  /** Own senses that new sessions start with. */
  lexicon: text({ mode: "json" }).$type<OwnLexicon>(),
  /** The latest erasure of everything; while it runs no session is opened. */
  erasure: text({ mode: "json" }).$type<ErasureBody>(),
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

/** Spend cap per calendar month (UTC); no row means no cap. */
export const budgets = sqliteTable("budgets", {
  tenantId: text("tenant_id")
    .primaryKey()
    .references(() => tenants.id),
  capNanos: integer("cap_nanos"),
  updatedAt: integer("updated_at").notNull(),
});

/** Running total per month, so that a reservation need not sum the ledger. */
export const spend = sqliteTable(
  "spend",
  {
    tenantId: text("tenant_id").notNull(),
    month: text().notNull(),
    spentNanos: integer("spent_nanos").notNull(),
  },
  (table) => [primaryKey({ columns: [table.tenantId, table.month] })],
);

/** Money promised to work in progress; a row whose time has passed no longer counts. */
export const reservations = sqliteTable(
  "reservations",
  {
    eventId: text("event_id").primaryKey(),
    tenantId: text("tenant_id").notNull(),
    amountNanos: integer("amount_nanos").notNull(),
    expiresAt: integer("expires_at").notNull(),
  },
  (table) => [index("reservations_by_tenant").on(table.tenantId, table.expiresAt)],
);

/** The ledger: one row per metered event, written at most once per event id. Survives erasure, holds no text. */
export const usageEvents = sqliteTable(
  "usage_events",
  {
    eventId: text("event_id").primaryKey(),
    tenantId: text("tenant_id").notNull(),
    keyId: text("key_id"),
    sessionId: text("session_id"),
    kind: text({ enum: usageKinds }).notNull(),
    at: integer().notNull(),
    /** UTC day, YYYY-MM-DD. */
    day: text().notNull(),
    promptTokens: integer("prompt_tokens").notNull().default(0),
    cachedTokens: integer("cached_tokens").notNull().default(0),
    completionTokens: integer("completion_tokens").notNull().default(0),
    adaptationsAccepted: integer("adaptations_accepted").notNull().default(0),
    adaptationsRejected: integer("adaptations_rejected").notNull().default(0),
    rewriterCalls: integer("rewriter_calls").notNull().default(0),
    gpuMs: integer("gpu_ms").notNull().default(0),
    costNanos: integer("cost_nanos").notNull().default(0),
  },
  (table) => [
    index("usage_by_day").on(table.tenantId, table.day),
    index("usage_by_session").on(table.tenantId, table.sessionId),
  ],
);

/** Metered events that Stripe has not taken yet; a row is made with its event and goes when Stripe has it. */
export const stripeOutbox = sqliteTable(
  "stripe_outbox",
  {
    eventId: text("event_id").primaryKey(),
    attempts: integer().notNull().default(0),
    dueAt: integer("due_at").notNull(),
    /** What Stripe said last, for whoever looks into a row that stays. */
    failure: text(),
  },
  (table) => [index("stripe_outbox_by_due").on(table.dueAt)],
);

/** Enough of each session to list it without waking its object. */
export const sessionIndex = sqliteTable(
  "session_index",
  {
    id: text().primaryKey(),
    tenantId: text("tenant_id").notNull(),
    title: text(),
    mode: text().notNull(),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
    turns: integer().notNull().default(0),
    generation: text().notNull().default("base"),
  },
  (table) => [index("sessions_by_tenant").on(table.tenantId, table.id)],
);

/** Which sessions hold a copy of which adapter file, so that erasing one session keeps another's. */
export const adapterRefs = sqliteTable(
  "adapter_refs",
  {
    tenantId: text("tenant_id").notNull(),
    digest: text().notNull(),
    sessionId: text("session_id").notNull(),
    bytes: integer().notNull(),
    /** Set once the bytes are in the tenant's number. */
    counted: integer().notNull().default(0),
    /** Set while the file is being deleted; nobody may take hold of it then. */
    erasing: integer().notNull().default(0),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.digest, table.sessionId] }),
    index("adapter_refs_by_session").on(table.tenantId, table.sessionId),
  ],
);

/** Saved answers of POSTs outside sessions (sessions keep their own), by tenant and Idempotency-Key. */
export const idempotency = sqliteTable(
  "idempotency",
  {
    tenantId: text("tenant_id").notNull(),
    key: text().notNull(),
    /** SHA-256 of method, path and body. */
    fingerprint: text().notNull(),
    /** Null while the first call is still running. */
    status: integer(),
    headers: text(),
    body: text(),
    /** The session that the answer shows, if any; the answer is erased with it. */
    sessionId: text("session_id"),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.tenantId, table.key] }),
    index("idempotency_by_age").on(table.createdAt),
    index("idempotency_by_session").on(table.tenantId, table.sessionId),
  ],
);
