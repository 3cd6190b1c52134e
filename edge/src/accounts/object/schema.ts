/** Tables of one tenant's account object (SQLite): money, usage, sessions, files, saved answers. No conversation text, except in saved answers, which expire. */
import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { ErasureBody, Metadata } from "../../contract/index.ts";
import type { OwnLexicon } from "../../contract/lexicon.ts";
import { arms, modes, usageGroups, type WebhookEvent } from "../../contract/sets.ts";
import type { Owed } from "../region-calls.ts";

/** What the tenant wants of adaptation in its new sessions. */
export interface AdaptationSettings {
  holdoutShare: number;
  /** When that share was set; null: there was no holdout yet. */
  holdoutSince: number | null;
  rollBackAfter: number | null;
}

const archiveStates = ["writing", "written", "done"] as const;

/** What the account is: exactly one row. */
export const account = sqliteTable("account", {
  tenantId: text("tenant_id").primaryKey(),
  /** Spend cap per calendar month (UTC); null: no cap. */
  capNanos: integer("cap_nanos"),
  /** Kept beside the index, so that the limit on sessions costs no count over it. */
  sessionCount: integer("session_count").notNull().default(0),
  /** Bytes of the adapter files that the sessions hold, likewise; a file counts for each of them. */
  adapterBytes: integer("adapter_bytes").notNull().default(0),
  /** Own senses that new sessions start with. */
  lexicon: text({ mode: "json" }).$type<OwnLexicon>(),
  /** What new sessions are told about adaptation; null: nothing was set. */
  adaptation: text({ mode: "json" }).$type<AdaptationSettings>(),
  /** The month and cap of which it was told already that little is left. */
  budgetTold: text("budget_told"),
  /** The latest erasure of everything; while it runs no session is opened. */
  erasure: text({ mode: "json" }).$type<ErasureBody>(),
  /** The archive that new usage will go to. */
  segment: integer().notNull().default(1),
});

/** What was spent in each calendar month. */
export const spend = sqliteTable("spend", {
  month: text().primaryKey(),
  spentNanos: integer("spent_nanos").notNull(),
});

/**
 * Money set aside for each holder (a session, a region). What a holder may still draw is `granted - settled`;
 * both only count up, so that a message that comes twice or late changes nothing.
 */
export const leases = sqliteTable(
  "leases",
  {
    holder: text().primaryKey(),
    /** Whose money it is among the tenant's users; empty: nobody's. */
    owner: text().notNull().default(""),
    /** Number of the holder's latest message that counted. */
    round: integer().notNull(),
    grantedNanos: integer("granted_nanos").notNull(),
    /** Cost of the holder's events that were recorded here. */
    settledNanos: integer("settled_nanos").notNull(),
    /** Number of the holder's latest event that was recorded: one that comes again counts once. */
    recordedSeq: integer("recorded_seq").notNull().default(0),
    /** From then on what was not drawn is free again. */
    expiresAt: integer("expires_at").notNull(),
    /** When the holder ended. Its row stays for a while, should its last message come again. */
    closedAt: integer("closed_at"),
  },
  (table) => [
    index("leases_closed").on(table.closedAt).where(sql`closed_at IS NOT NULL`),
    // Of all holders that ever drew, the few that could draw now.
    index("leases_out")
      .on(table.expiresAt, table.grantedNanos, table.settledNanos)
      .where(sql`granted_nanos > settled_nanos`),
    index("leases_by_owner")
      .on(table.owner, table.grantedNanos, table.settledNanos)
      .where(sql`granted_nanos > settled_nanos`),
  ],
);

/** What each owner cost in the running month, for the owners' caps. */
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

/** Usage by day (UTC, YYYY-MM-DD), session, key and owner; an empty text stands for none. Holds no text; old days are in R2. */
export const usage = sqliteTable(
  "usage",
  {
    day: text().notNull(),
    sessionId: text("session_id").notNull(),
    keyId: text("key_id").notNull(),
    owner: text().notNull(),
    /** The archive that will take the row once its day is old. Rows of the one that is being written stay as they are. */
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

/** Usage of old days that is in R2, or on its way there: rows up to a day, of its segment and those before. */
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

/** The files of an archive: its rows once for each group that is reported by, sorted by that group. */
export const archiveParts = sqliteTable(
  "archive_parts",
  {
    segment: integer().notNull(),
    by: text({ enum: usageGroups }).notNull(),
    part: integer().notNull(),
    /** The least and the greatest group in it. */
    first: text().notNull(),
    last: text().notNull(),
    /** Where the next part goes on; null: this was the last one. */
    cursor: text({ mode: "json" }).$type<(string | number)[]>(),
  },
  (table) => [primaryKey({ columns: [table.segment, table.by, table.part] })],
);

/** Metered events that Stripe has not taken yet; a row is made with its event and goes when Stripe has it. */
export const stripeOutbox = sqliteTable(
  "stripe_outbox",
  {
    eventId: text("event_id").primaryKey(),
    /** Whom Stripe bills. */
    customer: text().notNull(),
    at: integer().notNull(),
    costNanos: integer("cost_nanos").notNull(),
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
    /** Whose it is among the tenant's users; null: nobody's. */
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

/** The sessions' metadata, pair by pair, to find sessions by them. */
export const sessionMetadata = sqliteTable(
  "session_metadata",
  {
    sessionId: text("session_id").notNull(),
    key: text().notNull(),
    value: text().notNull(),
    /** The session's, so that a page needs no sorting. */
    createdAt: integer("created_at").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.sessionId, table.key] }),
    index("session_metadata_by_pair").on(table.key, table.value, table.createdAt, table.sessionId),
  ],
);

/** Which sessions hold which adapter file, so that erasing one session keeps another's. */
export const adapterRefs = sqliteTable(
  "adapter_refs",
  {
    digest: text().notNull(),
    sessionId: text("session_id").notNull(),
    bytes: integer().notNull(),
    /** Set while the file is being deleted; nobody may take hold of it then. */
    erasing: integer().notNull().default(0),
  },
  (table) => [
    primaryKey({ columns: [table.digest, table.sessionId] }),
    index("adapter_refs_by_session").on(table.sessionId),
  ],
);

/** Files that were deleted a short while ago: whoever stored one at that time stores it again. */
export const deletedFiles = sqliteTable(
  "deleted_files",
  { digest: text().primaryKey(), at: integer().notNull() },
  (table) => [index("deleted_files_by_age").on(table.at)],
);

/** Saved answers of POSTs outside sessions (sessions keep their own), by Idempotency-Key. */
export const savedAnswers = sqliteTable(
  "saved_answers",
  {
    key: text().primaryKey(),
    /** SHA-256 of method, path and body. */
    fingerprint: text().notNull(),
    /** Who runs the first call; only that caller may save its answer. */
    token: text().notNull(),
    /** While the first call runs: when it is taken for dead unless it has said by then that it goes on. */
    aliveUntil: integer("alive_until").notNull(),
    /** Null while the first call is still running. */
    status: integer(),
    headers: text({ mode: "json" }).$type<Record<string, string>>(),
    /** The session that the answer shows, if any; the answer is erased with it. */
    sessionId: text("session_id"),
    /** The metered event of the answer until its purse has it. */
    owed: text({ mode: "json" }).$type<Owed>(),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [
    index("saved_answers_by_age").on(table.createdAt),
    index("saved_answers_owing").on(table.key).where(sql`owed IS NOT NULL`),
    index("saved_answers_by_session").on(table.sessionId),
  ],
);

/** A saved answer's body, cut so that a row keeps within the platform's limit. */
export const answerParts = sqliteTable(
  "answer_parts",
  {
    key: text().notNull(),
    part: integer().notNull(),
    text: text().notNull(),
  },
  (table) => [primaryKey({ columns: [table.key, table.part] })],
);

/** What the sessions that a holdout compares have come to; counts without text, which outlive their sessions. */
export const outcomes = sqliteTable(
  "outcomes",
  {
    sessionId: text("session_id").primaryKey(),
    arm: text({ enum: arms }).notNull(),
    /** Empty: nobody's. */
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

/** Where the tenant wants to be told. */
export const webhooks = sqliteTable(
  "webhooks",
  {
    id: text().primaryKey(),
    url: text().notNull(),
    events: text({ mode: "json" }).$type<WebhookEvent[]>().notNull(),
    /** It signs, so it is kept as it is. */
    secret: text().notNull(),
    /** The secret before the latest rotation, and until when it signs as well. */
    oldSecret: text("old_secret"),
    oldUntil: integer("old_until"),
    createdAt: integer("created_at").notNull(),
    disabledAt: integer("disabled_at"),
    deliveredAt: integer("delivered_at"),
    /** Why the latest attempt failed; null: it did not. */
    failure: text(),
  },
  (table) => [index("webhooks_told").on(table.disabledAt)],
);

/** Messages that a webhook's receiver has not taken yet; a row is made with what it tells. */
export const messages = sqliteTable(
  "messages",
  {
    /** The same for every webhook that is told. */
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
