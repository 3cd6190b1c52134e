/** Rows of the session's tables as the API shows them. */

import { confidenceOf } from "@rosa2/shared/objective";
import { asc, count, eq, max } from "drizzle-orm";
import { costBody, usageBody } from "../../accounts/usage.ts";
import type {
  FeedbackRecord,
  FeedbackResult,
  RewriterName,
  SessionDetail,
  SessionSummary,
  TurnBody,
  WeightsReport,
} from "../../contract/index.ts";
import {
  activeGeneration,
  type FeedbackRow,
  type Store,
  sessionRow,
  type TurnRow,
  turnRow,
} from "./rows.ts";
import { events, feedback, generations, turns } from "./schema.ts";

function iso(time: number): string {
  return new Date(time).toISOString();
}

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

/** e^S, at most 1 whatever rounding did to S. */
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
  kl_on: null,
  kl_base: null,
  right_reply: null,
  objective: null,
  ms: null,
};

const queuedWeights: WeightsReport = {
  ...idleWeights,
  decision: "queued",
  reason: "runs while you read; the reply's events tell when it lands",
};

/** Once the words are done; before that there is nothing to show. */
export function feedbackResult(store: Store, row: FeedbackRow): FeedbackResult {
  if (row.words === null) throw new Error(`Feedback ${row.id} has no words yet`);
  const turn = row.retryTurnId === null ? null : turnRow(store, row.retryTurnId);
  // One that failed is run again before the feedback is done: until then there is no new turn to show.
  const retry = turn?.status === "failed" && row.step !== "done" ? null : turn;
  return {
    id: row.id,
    object: "feedback",
    turn_id: row.turnId,
    status: row.step === "done" ? "done" : "pending",
    words: row.words,
    weights: row.weights ?? queuedWeights,
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

/** `rewriter` is the deployment's, for a session that leaves the choice to it. */
export function sessionDetail(store: Store, rewriter: RewriterName): SessionDetail {
  const row = sessionRow(store);
  const turnRows = store.db.select().from(turns).orderBy(asc(turns.index)).all();
  const feedbackRows = store.db.select().from(feedback).orderBy(asc(feedback.id)).all();
  const generationCount = store.db.select({ n: count() }).from(generations).get()?.n ?? 0;
  // What was billed: the replies' tokens and those of drawn wordings.
  const billed = [
    ...turnRows.map(({ usage }) => usage),
    ...feedbackRows.map(({ words }) => words?.rewriter),
  ].filter((one) => one !== null && one !== undefined);
  const totalOf = (of: (usage: (typeof billed)[number]) => number) =>
    billed.reduce((n, usage) => n + of(usage), 0);
  const costNanos =
    turnRows.reduce((n, turn) => n + turn.costNanos, 0) +
    feedbackRows.reduce((n, one) => n + one.costNanos, 0);
  return {
    ...sessionSummary(store),
    instructions: row.instructions,
    region: row.region,
    context: row.context,
    rewriter: row.rewriter ?? rewriter,
    forked_from: row.forkedFrom,
    expires_at: row.expiresAt === null ? null : iso(row.expiresAt),
    turns: turnRows.map((turn) => turnBody(store, turn, row.id)),
    feedback: feedbackRows.map(feedbackRecord),
    totals: {
      turns: turnRows.length,
      feedback: feedbackRows.length,
      generations: generationCount,
      prompt_tokens: totalOf((usage) => usage.prompt_tokens),
      completion_tokens: totalOf((usage) => usage.completion_tokens),
      cost: costBody(costNanos),
    },
  };
}

/** The session's row in the index of its tenant. */
export function indexRow(store: Store) {
  const { id, title, metadata, turn_count: turns, generation, updated_at } = sessionSummary(store);
  return { id, title, metadata, turns, generation, updatedAt: Date.parse(updated_at) };
}

/** Whether nothing more can come of a turn: it is answered, and all feedback on it is done. */
export function isTurnSettled(store: Store, turnId: string): boolean {
  const open = store.db
    .select({ step: feedback.step })
    .from(feedback)
    .where(eq(feedback.turnId, turnId))
    .all()
    .some(({ step }) => step !== "done");
  return !open && isReplySettled(store, turnId);
}

/** Whether nothing more can come of a turn's reply: it ended, or the turn was taken back. */
export function isReplySettled(store: Store, turnId: string): boolean {
  const { status } = turns;
  const row = store.db.select({ status }).from(turns).where(eq(turns.id, turnId)).get();
  return row?.status !== "running";
}

/** How much a session holds, as its erasure says it. */
export function storedCounts({ db }: Store): {
  turns: number;
  generations: number;
  events: number;
} {
  const rows = (table: typeof turns | typeof generations | typeof events) =>
    db.select({ n: count() }).from(table).get()?.n ?? 0;
  return { turns: rows(turns), generations: rows(generations), events: rows(events) };
}
