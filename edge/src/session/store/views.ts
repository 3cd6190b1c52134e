/** Rows of the session's tables in the API's form. */

import { RosaError } from "@rosa2/shared/errors";
import { confidenceOf } from "@rosa2/shared/objective";
import { asc, count, desc, eq, inArray, lt, max, type SQL, sql } from "drizzle-orm";
import { costBody, usageBody } from "../../accounts/usage.ts";
import {
  type FeedbackRecord,
  type FeedbackResult,
  type RewriterName,
  type SessionDetail,
  type SessionSummary,
  type TurnBody,
  turnsPerPageMax,
  type WeightsReport,
} from "../../contract/index.ts";
import { iso } from "../../time.ts";
import { outcomeOf } from "./outcome.ts";
import {
  activeGeneration,
  type FeedbackRow,
  type Store,
  sessionRow,
  type TurnRow,
  turnRow,
} from "./rows.ts";
import { events, feedback, generations, turns } from "./schema.ts";

export function turnBody(store: Store, turn: TurnRow, session_id = store.sessionId): TurnBody {
  return {
    id: turn.id,
    object: "turn",
    session_id,
    index: turn.index,
    status: turn.status,
    content: turn.content,
    prompt: turn.prompt,
    reply: turn.reply,
    finish_reason: turn.finishReason,
    repeats_rejected: turn.repeatsRejected,
    generation: turn.generation,
    retry_of: turn.retryOf,
    attempt: turn.attempt,
    confidence: turnConfidence(turn),
    usage: turn.usage === null ? null : usageBody(turn.usage),
    cost: costBody(turn.costNanos),
    error: turn.error,
    created_at: iso(turn.createdAt),
  };
}

/** e^{S/T} over the reply's T tokens, or null where the reply has no log-prob. */
export function turnConfidence({
  logprob,
  usage,
}: Pick<TurnRow, "logprob" | "usage">): number | null {
  if (logprob === null) return null;
  return confidenceOf(logprob, usage?.completion_tokens ?? 1);
}

/** e^S, at most 1 despite rounding. */
export function probability(logprob: number): number {
  return Math.min(1, Math.exp(logprob));
}

/** A weights step that measured nothing. */
export const idleWeights: WeightsReport = {
  decision: "skipped",
  reason: "",
  active: false,
  step_norm: null,
  shift_norm: null,
  kl: null,
  kl_base: null,
  right_reply: null,
  tokens: null,
  objective: null,
  ms: null,
};

const queuedWeights: WeightsReport = {
  ...idleWeights,
  decision: "queued",
  reason: "runs while you read; the reply's events tell when it lands",
};

/** The result of feedback once its words step is done; before that there is nothing to show. */
export function feedbackResult(store: Store, row: FeedbackRow): FeedbackResult {
  if (row.words === null) throw new Error(`Feedback ${row.id} has no words yet`);
  const turn = row.retryTurnId === null ? null : turnRow(store, row.retryTurnId);
  // A failed one runs again before the feedback is done, so until then there is no new turn to show.
  const retry = turn?.status === "failed" && row.step !== "done" ? null : turn;
  return {
    id: row.id,
    object: "feedback",
    turn_id: row.turnId,
    status: row.step === "done" ? "done" : "pending",
    words: row.words,
    weights: row.weights ?? queuedWeights,
    rolled_back: row.rolledBack,
    plan: row.plan === null ? null : { ...row.plan },
    ...(retry === null ? {} : { turn: turnBody(store, retry) }),
    cost: costBody(row.costNanos + (retry?.costNanos ?? 0)),
  };
}

function feedbackRecord(row: FeedbackRow): FeedbackRecord {
  return {
    id: row.id,
    turn_id: row.turnId,
    status: row.step === "done" ? "done" : "pending",
    reward: row.body.reward,
    text: row.body.text ?? null,
    correction: row.body.correction ?? null,
    words: row.words,
    weights: row.weights,
    rolled_back: row.rolledBack,
    plan: row.plan === null ? null : { ...row.plan },
    cost: costBody(row.costNanos),
    retry_turn_id: row.retryTurnId,
    created_at: iso(row.createdAt),
  };
}

export function sessionSummary(store: Store): SessionSummary {
  const row = sessionRow(store);
  const { turnCount, updatedAt } = store.db
    .select({ turnCount: count(), updatedAt: max(turns.createdAt) })
    .from(turns)
    .get() ?? { turnCount: 0, updatedAt: null };
  return {
    id: row.id,
    object: "session",
    owner: row.owner,
    title: row.title,
    metadata: row.metadata,
    mode: row.mode,
    generation: activeGeneration(store),
    turn_count: turnCount,
    created_at: iso(row.createdAt),
    updated_at: iso(Math.max(row.createdAt, updatedAt ?? 0)),
  };
}

/** The turns to read: a number of them before a cursor's turn, or the latest. */
export interface TurnPage {
  limit: number;
  cursor?: string | undefined;
}

/**
 * The session with one page of its turns, oldest first, and their feedback. `rewriter` is the deployment's, for a
 * session that does not choose one.
 */
export function sessionDetail(
  store: Store,
  rewriter: RewriterName,
  { limit, cursor }: TurnPage = { limit: turnsPerPageMax },
): SessionDetail {
  const row = sessionRow(store);
  const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : indexOfTurn(store, cursor);
  const found = store.db
    .select()
    .from(turns)
    .where(lt(turns.index, before))
    .orderBy(desc(turns.index))
    .limit(limit + 1)
    .all();
  const shown = found.slice(0, limit).reverse();
  const ids = shown.map(({ id }) => id);
  const feedbackRows = store.db
    .select()
    .from(feedback)
    .where(inArray(feedback.turnId, ids))
    .orderBy(asc(feedback.id))
    .all();
  return {
    ...sessionSummary(store),
    instructions: row.instructions,
    region: row.region,
    context: row.context,
    rewriter: row.rewriter ?? rewriter,
    reasoning_effort: row.reasoningEffort,
    forked_from: row.forkedFrom,
    holdout: row.arm,
    expires_at: iso(row.expiresAt),
    turns: shown.map((turn) => turnBody(store, turn, row.id)),
    feedback: feedbackRows.map(feedbackRecord),
    next_cursor: found.length > limit ? (ids[0] ?? null) : null,
    totals: totalsOf(store),
  };
}

function indexOfTurn({ db }: Store, cursor: string): number {
  const row = db.select({ index: turns.index }).from(turns).where(eq(turns.id, cursor)).get();
  if (row !== undefined) return row.index;
  throw new RosaError("invalid_request", "cursor: is not one of this session's", {
    param: "cursor",
  });
}

/** The session's totals, and what of them was billed: tokens of replies, drawn wordings and plans. */
function totalsOf({ db }: Store): SessionDetail["totals"] {
  const sumOf = (value: SQL) => sql<number>`coalesce(sum(${value}), 0)`;
  const ofTurns = db
    .select({
      n: count(),
      promptTokens: sumOf(sql`${turns.usage} ->> 'prompt_tokens'`),
      completionTokens: sumOf(sql`${turns.usage} ->> 'completion_tokens'`),
      costNanos: sumOf(sql`${turns.costNanos}`),
    })
    .from(turns)
    .get();
  const ofFeedback = db
    .select({
      n: count(),
      promptTokens: sumOf(sql`${feedback.words} -> 'billed' ->> 'prompt_tokens'`),
      completionTokens: sumOf(sql`${feedback.words} -> 'billed' ->> 'completion_tokens'`),
      costNanos: sumOf(sql`${feedback.costNanos}`),
    })
    .from(feedback)
    .get();
  const both = [ofTurns, ofFeedback].filter((one) => one !== undefined);
  const total = (of: (one: (typeof both)[number]) => number) =>
    both.reduce((n, one) => n + of(one), 0);
  return {
    turns: ofTurns?.n ?? 0,
    feedback: ofFeedback?.n ?? 0,
    generations: db.select({ n: count() }).from(generations).get()?.n ?? 0,
    prompt_tokens: total((one) => one.promptTokens),
    completion_tokens: total((one) => one.completionTokens),
    cost: costBody(total((one) => one.costNanos)),
  };
}

/** The session's row in the index of its tenant. */
export function indexRow(store: Store) {
  const { id, title, metadata, turn_count: turns, generation, updated_at } = sessionSummary(store);
  const updatedAt = Date.parse(updated_at);
  return { id, title, metadata, turns, generation, updatedAt, outcome: outcomeOf(store) };
}

/** Whether a turn is finished: it is answered, and all feedback on it is done. */
export function isTurnSettled(store: Store, turnId: string): boolean {
  const open = store.db
    .select({ step: feedback.step })
    .from(feedback)
    .where(eq(feedback.turnId, turnId))
    .all()
    .some(({ step }) => step !== "done");
  return !open && isReplySettled(store, turnId);
}

/** Whether a turn's reply is finished: it ended, or the turn was taken back. */
export function isReplySettled(store: Store, turnId: string): boolean {
  const { status } = turns;
  const row = store.db.select({ status }).from(turns).where(eq(turns.id, turnId)).get();
  return row?.status !== "running";
}

/** How much a session stores, as its erasure reports it. */
export function storedCounts({ db }: Store): {
  turns: number;
  generations: number;
  events: number;
} {
  const rows = (table: typeof turns | typeof generations | typeof events) =>
    db.select({ n: count() }).from(table).get()?.n ?? 0;
  return { turns: rows(turns), generations: rows(generations), events: rows(events) };
}
