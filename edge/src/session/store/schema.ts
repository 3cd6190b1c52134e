/** Tables of one session's Durable Object (SQLite). Columns with JSON are named for their content. */
import type { AdaptPlan, AdaptResult, Message, Sampling, Usage } from "@rosa2/shared/protocol";
import type { Plan } from "@rosa2/shared/schedule";
import { index, integer, real, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type {
  FeedbackBody,
  Metadata,
  RollBack,
  WeightsReport,
  WordsReport,
} from "../../contract/index.ts";
import type { OwnLexicon } from "../../contract/lexicon.ts";
import {
  arms,
  contexts,
  efforts,
  finishReasons,
  modes,
  regions,
  rewriterNames,
  turnStatuses,
} from "../../contract/sets.ts";
import type { WordsState } from "../../words/index.ts";
import { replayKinds } from "../policy/update-plan.ts";
import type { WordsPatch } from "./patches.ts";

/** `max_tokens` is always sent, so that a reply's price is bounded before it starts. */
export type TurnSampling = Partial<Omit<Sampling, "max_tokens">> & { max_tokens: number };

/** The session's settings: exactly one row. What changes with every turn has tables of its own. */
export const session = sqliteTable("session", {
  id: text().primaryKey(),
  tenantId: text("tenant_id").notNull(),
  /** The owner among the tenant's users; null for none: then only server keys see it. */
  owner: text(),
  /** Region of its user; null if unknown. */
  region: text({ enum: regions }),
  title: text(),
  metadata: text({ mode: "json" }).$type<Metadata>().notNull(),
  instructions: text(),
  mode: text({ enum: modes }).notNull(),
  context: text({ enum: contexts }).notNull(),
  /** The source of proposed wordings; null for the deployment's choice. */
  rewriter: text({ enum: rewriterNames }),
  /** Its thinking effort, for requests without one; null where the session sets none. */
  reasoningEffort: text("reasoning_effort", { enum: efforts }),
  /** Own senses besides the built-in ones; null for none. */
  lexicon: text({ mode: "json" }).$type<OwnLexicon>(),
  /** Session this one was forked from. */
  forkedFrom: text("forked_from"),
  /** Its part in the tenant's holdout; null if it takes none. A held-out session has the mode `off`. */
  arm: text({ enum: arms }),
  /** Rejected replies after which the trusted generation becomes active again; null for never. */
  rollBackAfter: integer("roll_back_after"),
  createdAt: integer("created_at").notNull(),
  /** When the session erases itself; null for never. */
  expiresAt: integer("expires_at"),
});

/** The active generation: exactly one row, `base` or a generation's id, moved by compare-and-set. */
export const active = sqliteTable("active", {
  generation: text().primaryKey(),
  /** The latest generation that a person chose, or accepted a reply of: a roll-back returns to it. */
  trusted: text().notNull(),
});

/** What the session has learnt about words: exactly one row, opaque here. */
export const words = sqliteTable("words", {
  id: integer().primaryKey(),
  state: text({ mode: "json" }).$type<WordsState>().notNull(),
});

export const turns = sqliteTable(
  "turns",
  {
    id: text().primaryKey(),
    index: integer("idx").notNull().unique(),
    /** First turn of this problem; a retry shares its problem with the turn it retries. */
    problemId: text("problem_id").notNull(),
    /** 1 for the first try. */
    attempt: integer().notNull(),
    retryOf: text("retry_of"),
    /** The request as said, and as sent after the words were revised. */
    content: text().notNull(),
    prompt: text().notNull(),
    /** Everything sent to the model. */
    messages: text({ mode: "json" }).$type<Message[]>().notNull(),
    sampling: text({ mode: "json" }).$type<TurnSampling>().notNull(),
    /** Earlier rejected replies of this problem, sent with the request. */
    rejected: text({ mode: "json" }).$type<string[]>().notNull(),
    status: text({ enum: turnStatuses }).notNull(),
    reply: text().notNull().default(""),
    finishReason: text("finish_reason", { enum: finishReasons }),
    /** The reply is a near copy of a rejected one: the model had no other. */
    repeatsRejected: integer("repeats_rejected", { mode: "boolean" }).notNull().default(false),
    /** Summed log-prob of the reply (nats). */
    logprob: real(),
    usage: text({ mode: "json" }).$type<Usage>(),
    generation: text().notNull(),
    keyId: text("key_id").notNull(),
    costNanos: integer("cost_nanos").notNull().default(0),
    error: text({ mode: "json" }).$type<{ code: string; message: string }>(),
    /** Runs of this turn so far: a retry after a failure is metered under a new event id. */
    runs: integer().notNull().default(0),
    createdAt: integer("created_at").notNull(),
    finishedAt: integer("finished_at"),
  },
  (table) => [index("turns_by_problem").on(table.problemId)],
);

export const feedback = sqliteTable(
  "feedback",
  {
    id: text().primaryKey(),
    turnId: text("turn_id").notNull(),
    body: text({ mode: "json" }).$type<FeedbackBody>().notNull(),
    /** SHA-256 of turn and body: equal feedback is stored once. */
    bodyHash: text("body_hash").notNull(),
    keyId: text("key_id").notNull(),
    /** The last completed step; each step is taken at most once. */
    step: text({ enum: ["stored", "words", "weights", "done"] }).notNull(),
    words: text({ mode: "json" }).$type<WordsReport>(),
    weights: text({ mode: "json" }).$type<WeightsReport>(),
    plan: text({ mode: "json" }).$type<Plan & { updatePlan: Partial<AdaptPlan> | null }>(),
    costNanos: integer("cost_nanos").notNull().default(0),
    /** The roll-back that this feedback caused before anything was learnt from it. */
    rolledBack: text("rolled_back", { mode: "json" }).$type<RollBack>(),
    retryTurnId: text("retry_turn_id"),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [index("feedback_by_turn").on(table.turnId)],
);

/**
 * Every change of the words in order, each with the patch that undoes it: forks at an earlier turn, roll-backs and
 * undos follow these.
 */
export const revisions = sqliteTable("revisions", {
  seq: integer().primaryKey({ autoIncrement: true }),
  /** Id of the feedback that made the change, or a random one for a change by hand. */
  id: text().notNull().unique(),
  patch: text({ mode: "json" }).$type<WordsPatch>().notNull(),
  createdAt: integer("created_at").notNull(),
});

/** Immutable; at most one per feedback. */
export const generations = sqliteTable("generations", {
  id: text().primaryKey(),
  index: integer("idx").notNull().unique(),
  feedbackId: text("feedback_id").unique(),
  /** `base` or a generation's id. */
  parent: text().notNull(),
  digest: text().notNull(),
  bytes: integer().notNull(),
  plan: text({ mode: "json" }).$type<Partial<AdaptPlan>>().notNull(),
  report: text({ mode: "json" }).$type<Omit<AdaptResult, "watched">>().notNull(),
  createdAt: integer("created_at").notNull(),
});

/** Replies worth learning again with the next update: the latest few, one per problem. */
export const replay = sqliteTable("replay", {
  problemId: text("problem_id").primaryKey(),
  messages: text({ mode: "json" }).$type<Message[]>().notNull(),
  reply: text().notNull(),
  kind: text({ enum: replayKinds }).notNull(),
  createdAt: integer("created_at").notNull(),
});

/** The log that streams are read from; `seq` only grows, over the whole session. */
export const events = sqliteTable(
  "events",
  {
    seq: integer().primaryKey({ autoIncrement: true }),
    turnId: text("turn_id").notNull(),
    type: text().notNull(),
    /** The feedback that an event belongs to. */
    feedbackId: text("feedback_id"),
    data: text({ mode: "json" }).$type<unknown>().notNull(),
    at: integer().notNull(),
  },
  (table) => [index("events_by_turn").on(table.turnId, table.seq)],
);

/** Work that must happen even if this object is evicted; the alarm runs what is due. */
export const outbox = sqliteTable("outbox", {
  id: text().primaryKey(),
  kind: text({ enum: ["reply", "feedback", "account", "prune", "file"] }).notNull(),
  payload: text({ mode: "json" }).$type<unknown>().notNull(),
  attempts: integer().notNull().default(0),
  dueAt: integer("due_at").notNull(),
});

/** What an Idempotency-Key created in this session. */
export const idempotency = sqliteTable("idempotency", {
  key: text().primaryKey(),
  fingerprint: text().notNull(),
  ref: text().notNull(),
});
