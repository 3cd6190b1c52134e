/** Tables of one tenant's account object (SQLite): money, usage, sessions, files, saved answers. No conversation text, except in saved answers, which expire. */
import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { ErasureBody, Metadata } from "../../contract/index.ts";
import type { OwnLexicon } from "../../contract/lexicon.ts";
import { arms, modes, usageGroups, type WebhookEvent } from "../../contract/sets.ts";
import type { Owed } from "../region-calls.ts";

/** The tenant's settings of adaptation for its new sessions. */
export interface AdaptationSettings {
  holdoutShare: number;
  /** When that share was set; null if there was no holdout yet. */
  holdoutSince: number | null;
  rollBackAfter: number | null;
}

const archiveStates = ["writing", "written", "done"] as const;

/** The account itself: exactly one row. */
export const account = sqliteTable("account", {
  tenantId: text("tenant_id").primaryKey(),
  /** Spend cap per calendar month (UTC); null for no cap. */
  capNanos: integer("cap_nanos"),
  /** Kept here, so that the limit on sessions needs no count. */
  sessionCount: integer("session_count").notNull().default(0),
  /** Bytes of the adapter files that the sessions hold, likewise; a file counts for each session. */
  adapterBytes: integer("adapter_bytes").notNull().default(0),
  /** Own senses of new sessions. */
  lexicon: text({ mode: "json" }).$type<OwnLexicon>(),
  /** Settings of adaptation for new sessions; null if none were set. */
  adaptation: text({ mode: "json" }).$type<AdaptationSettings>(),
  /** The month and cap for which a nearly spent budget was announced. */
  budgetTold: text("budget_told"),
  /** The latest erasure of everything; while it runs no session is opened. */
  erasure: text({ mode: "json" }).$type<ErasureBody>(),
  /** The archive that new usage belongs to. */
  segment: integer().notNull().default(1),
});

/** Spending of each calendar month. */
export const spend = sqliteTable("spend", {
  month: text().primaryKey(),
  spentNanos: integer("spent_nanos").notNull(),
});

/**
 * Money reserved for each holder (a session, a region). A holder may still draw `granted - settled`. Both only count
 * up, so a repeated or late message changes nothing.
 */
export const leases = sqliteTable(
  "leases",
  {
    holder: text().primaryKey(),
    /** The owner among the tenant's users; empty for none. */
    owner: text().notNull().default(""),
    /** Number of the holder's latest message that was applied. */
    round: integer().notNull(),
    grantedNanos: integer("granted_nanos").notNull(),
    /** Cost of the holder's events recorded here. */
    settledNanos: integer("settled_nanos").notNull(),
    /** Number of the holder's latest recorded event: a repeated event counts once. */
    recordedSeq: integer("recorded_seq").notNull().default(0),
    /** From then on the undrawn money is free again. */
    expiresAt: integer("expires_at").notNull(),
    /** When the holder ended. Its row stays for a while, because its last message may come again. */
    closedAt: integer("closed_at"),
  },
  (table) => [
    index("leases_closed").on(table.closedAt).where(sql`closed_at IS NOT NULL`),
    // Of all holders that ever drew, the few that can draw now.
    index("leases_out")
      .on(table.expiresAt, table.grantedNanos, table.settledNanos)
      .where(sql`granted_nanos > settled_nanos`),
    index("leases_by_owner")
      .on(table.owner, table.grantedNanos, table.settledNanos)
      .where(sql`granted_nanos > settled_nanos`),
  ],
);

/** Cost of each owner in the running month, for the owners' caps. */
export const ownerSpend = sqliteTable(
  "owner_spend",
  {
    owner: text().notNull(),
    month: text().notNull(),
    spentNanos: integer("spent_nanos").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.owner, table.month] }),
    index("owner_spend_by_month").on(table.month),
  ],
);

/**
 * Usage by day (UTC, YYYY-MM-DD), session, key and owner; empty text means none. No conversation text; old days are in
 * R2.
 */
export const usage = sqliteTable(
  "usage",
  {
    day: text().notNull(),
    sessionId: text("session_id").notNull(),
    keyId: text("key_id").notNull(),
    owner: text().notNull(),
    /** The archive that will take the row once its day is old. Rows of an archive that is being written do not change. */
    segment: integer().notNull(),
    replies: integer().notNull(),
    promptTokens: integer("prompt_tokens").notNull(),
    cachedTokens: integer("cached_tokens").notNull(),
    completionTokens: integer("completion_tokens").notNull(),
    adaptationsAccepted: integer("adaptations_accepted").notNull(),
    adaptationsRejected: integer("adaptations_rejected").notNull(),
    rewriterCalls: integer("rewriter_calls").notNull(),
    gpuMs: integer("gpu_ms").notNull(),
    costNanos: integer("cost_nanos").notNull(),
  },
  (table) => [
    primaryKey({
      columns: [table.day, table.sessionId, table.keyId, table.owner, table.segment],
    }),
    index("usage_by_session").on(table.sessionId, table.day),
    index("usage_by_key").on(table.keyId, table.day),
    index("usage_by_owner").on(table.owner, table.day),
  ],
);

/** Usage of old days in R2, or on its way there: rows up to a day, of its segment and earlier ones. */
export const archives = sqliteTable(
  "archives",
  {
    segment: integer().primaryKey(),
    fromDay: text("from_day").notNull(),
    toDay: text("to_day").notNull(),
    /** `writing`: the rows count. `written`: the files count, and the rows are being deleted. `done`: no row is left. */
    state: text({ enum: archiveStates }).notNull(),
    /** Whether only totals by day and key are left, because the tenant was erased. */
    isErased: integer("is_erased", { mode: "boolean" }).notNull().default(false),
  },
  (table) => [index("archives_by_day").on(table.toDay), index("archives_by_state").on(table.state)],
);

/** The files of an archive: its rows once for each group of reports, sorted by that group. */
export const archiveParts = sqliteTable(
  "archive_parts",
  {
    segment: integer().notNull(),
    by: text({ enum: usageGroups }).notNull(),
    part: integer().notNull(),
    /** The least and the greatest group in the file. */
    first: text().notNull(),
    last: text().notNull(),
    /** Where the next part begins; null for the last part. */
    cursor: text({ mode: "json" }).$type<(string | number)[]>(),
  },
  (table) => [primaryKey({ columns: [table.segment, table.by, table.part] })],
);

/** Metered events that Stripe has not accepted yet. A row is made with its event and deleted when Stripe has it. */
export const stripeOutbox = sqliteTable(
  "stripe_outbox",
  {
    eventId: text("event_id").primaryKey(),
    /** Stripe's customer. */
    customer: text().notNull(),
    at: integer().notNull(),
    costNanos: integer("cost_nanos").notNull(),
    attempts: integer().notNull().default(0),
    dueAt: integer("due_at").notNull(),
    /** Stripe's last answer, for a person who looks at a row that stays. */
    failure: text(),
  },
  (table) => [index("stripe_outbox_by_due").on(table.dueAt)],
);

/** Enough of each session to list it without waking its object. */
export const sessionIndex = sqliteTable(
  "session_index",
  {
    id: text().primaryKey(),
    /** The owner among the tenant's users; null for none. */
    owner: text(),
    title: text(),
    metadata: text({ mode: "json" }).$type<Metadata>().notNull(),
    mode: text({ enum: modes }).notNull(),
    createdAt: integer("created_at").notNull(),
    updatedAt: integer("updated_at").notNull(),
    turns: integer().notNull().default(0),
    generation: text().notNull().default("base"),
  },
  (table) => [
    index("session_index_by_time").on(table.createdAt, table.id),
    index("session_index_by_owner").on(table.owner, table.createdAt, table.id),
  ],
);

/** The sessions' metadata, pair by pair, for searches. */
export const sessionMetadata = sqliteTable(
  "session_metadata",
  {
    sessionId: text("session_id").notNull(),
    key: text().notNull(),
    value: text().notNull(),
    /** The session's own time, so that a page needs no sorting. */
    createdAt: integer("created_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.sessionId, table.key] }),
    index("session_metadata_by_pair").on(table.key, table.value, table.createdAt, table.sessionId),
  ],
);

/** Which sessions hold which adapter file, so that erasing one session keeps another's files. */
export const adapterRefs = sqliteTable(
  "adapter_refs",
  {
    digest: text().notNull(),
    sessionId: text("session_id").notNull(),
    bytes: integer().notNull(),
    /** Set while the file is being deleted; no session may take hold of it then. */
    erasing: integer().notNull().default(0),
  },
  (table) => [
    primaryKey({ columns: [table.digest, table.sessionId] }),
    index("adapter_refs_by_session").on(table.sessionId),
  ],
);

/** Recently deleted files: a session that stored one at that time stores it again. */
export const deletedFiles = sqliteTable(
  "deleted_files",
  { digest: text().primaryKey(), at: integer().notNull() },
  (table) => [index("deleted_files_by_age").on(table.at)],
);

/** Saved answers of POSTs outside sessions, by Idempotency-Key. Sessions keep their own. */
export const savedAnswers = sqliteTable(
  "saved_answers",
  {
    key: text().primaryKey(),
    /** SHA-256 of method, path and body. */
    fingerprint: text().notNull(),
    /** The caller of the first call; only it may save the answer. */
    token: text().notNull(),
    /** While the first call runs: without a sign of life it counts as dead after this time. */
    aliveUntil: integer("alive_until").notNull(),
    /** Null while the first call is still running. */
    status: integer(),
    headers: text({ mode: "json" }).$type<Record<string, string>>(),
    /** The session that the answer shows, if any; the answer is erased with it. */
    sessionId: text("session_id"),
    /** The answer's metered event, until its purse has it. */
    owed: text({ mode: "json" }).$type<Owed>(),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [
    index("saved_answers_by_age").on(table.createdAt),
    index("saved_answers_owing").on(table.key).where(sql`owed IS NOT NULL`),
    index("saved_answers_by_session").on(table.sessionId),
  ],
);

/** A saved answer's body, cut to the platform's limit on a row. */
export const answerParts = sqliteTable(
  "answer_parts",
  {
    key: text().notNull(),
    part: integer().notNull(),
    text: text().notNull(),
  },
  (table) => [primaryKey({ columns: [table.key, table.part] })],
);

/** Outcomes of the sessions that a holdout compares: counts without text, which outlive their sessions. */
export const outcomes = sqliteTable(
  "outcomes",
  {
    sessionId: text("session_id").primaryKey(),
    arm: text({ enum: arms }).notNull(),
    /** Empty for none. */
    owner: text().notNull(),
    openedAt: integer("opened_at").notNull(),
    turns: integer().notNull(),
    problems: integer().notNull(),
    judged: integer().notNull(),
    accepted: integer().notNull(),
    costNanos: integer("cost_nanos").notNull(),
  },
  (table) => [index("outcomes_by_arm").on(table.arm, table.openedAt)],
);

/** Where the tenant's messages are posted. */
export const webhooks = sqliteTable(
  "webhooks",
  {
    id: text().primaryKey(),
    url: text().notNull(),
    events: text({ mode: "json" }).$type<WebhookEvent[]>().notNull(),
    /** The secret signs messages, so it is stored as it is. */
    secret: text().notNull(),
    /** The secret before the latest rotation, and until when it also signs. */
    oldSecret: text("old_secret"),
    oldUntil: integer("old_until"),
    createdAt: integer("created_at").notNull(),
    disabledAt: integer("disabled_at"),
    deliveredAt: integer("delivered_at"),
    /** Why the latest attempt failed; null if it succeeded. */
    failure: text(),
  },
  (table) => [index("webhooks_told").on(table.disabledAt)],
);

/** Messages that a webhook's receiver has not accepted yet; a row is made together with its subject. */
export const messages = sqliteTable(
  "messages",
  {
    /** The same for every webhook of one message. */
    id: text().notNull(),
    webhookId: text("webhook_id").notNull(),
    body: text().notNull(),
    attempts: integer().notNull().default(0),
    dueAt: integer("due_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.webhookId, table.id] }),
    index("messages_by_due").on(table.dueAt),
    index("messages_by_webhook").on(table.webhookId, table.dueAt, table.id),
  ],
);
