/**
 * What one piece of feedback does, told in order: stored → words → weights → a new reply → done.
 *
 * Read `learnFrom` first. Each step ends in one transaction that also moves `feedback.step`, so a crash
 * between any two steps resumes at the step that is missing and nothing happens twice.
 */
import { RosaError } from "@rosa2/shared/errors";
import type { AdaptResult } from "@rosa2/shared/protocol";
import { decide, type Evidence, type Plan } from "@rosa2/shared/schedule";
import { and, asc, count, desc, eq, inArray, lt, lte, max } from "drizzle-orm";
import { release, reserve } from "../accounts/budget.ts";
import { putAdapter } from "../adapters/index.ts";
import type { FeedbackBody, WeightsReport, WordsReport } from "../contract.ts";
import { isTransient } from "../gpu-client/index.ts";
import { newId, sha256 } from "../ids.ts";
import {
  candidatesToScore,
  type GradientInput,
  type Revision,
  textualGradient,
} from "../words/index.ts";
import { adopt, proposeRewrite, type RivalScores, rewriteTask } from "../words/providers/index.ts";
import {
  adapterOf,
  callContext,
  type Desk,
  type FeedbackRow,
  feedbackRow,
  runningTurn,
  sessionRow,
  type Trace,
  type TurnRow,
  turnRow,
} from "./desk.ts";
import { withRequest } from "./prompt.ts";
import { positivesMax, updateRows, worthKeeping } from "./recipe.ts";
import { KeptError } from "./result.ts";
import { rewriterOf } from "./rewriter.ts";
import {
  feedback,
  generations,
  idempotency,
  positives,
  revisions,
  session,
  turns,
} from "./schema.ts";
import { beginTurn, findIdempotent, leaseMs, meter, noteIndex, reviveTurn } from "./turn.ts";
import { feedbackResult, probability } from "./views.ts";

export interface NewFeedback {
  turnId: string;
  body: FeedbackBody;
  keyId: string;
  idempotency?: { key: string; fingerprint: string };
}

/**
 * Stores feedback, or finds it: the same words about the same turn again are the same feedback.
 *
 * @throws RosaError `not_found`, `conflict` when the turn has no reply to speak about, `idempotency_mismatch`.
 */
export async function beginFeedback(desk: Desk, input: NewFeedback): Promise<string> {
  const { body, turnId } = input;
  const { reward, text, correction, retry } = body;
  const bodyHash = await sha256(JSON.stringify([turnId, reward, text, correction, retry]));
  const turn = turnRow(desk, turnId);
  if (input.idempotency !== undefined) {
    const earlier = findIdempotent(desk, input.idempotency);
    if (earlier !== null) return earlier;
  }
  if (turn.status === "running" || turn.status === "failed" || turn.reply === "") {
    throw new RosaError(
      "conflict",
      `Cannot take feedback on turn ${turnId}: it has no reply${turn.status === "running" ? " yet" : ""}`,
    );
  }
  const latest = desk.db
    .select({ id: feedback.id, bodyHash: feedback.bodyHash })
    .from(feedback)
    .where(eq(feedback.turnId, turnId))
    .orderBy(desc(feedback.id))
    .get();
  const id = latest?.bodyHash === bodyHash ? latest.id : newId("fb");
  desk.transaction(() => {
    if (id !== latest?.id) {
      const createdAt = desk.now();
      desk.db
        .insert(feedback)
        .values({ id, turnId, body, bodyHash, keyId: input.keyId, step: "stored", createdAt })
        .run();
      desk.outbox.put({
        id: `feedback:${id}`,
        kind: "feedback",
        payload: { feedbackId: id },
        // The caller starts at once; the alarm is for when this object dies before the end.
        dueAt: createdAt + leaseMs,
      });
    }
    if (input.idempotency !== undefined) {
      desk.db
        .insert(idempotency)
        .values({ ...input.idempotency, ref: id, createdAt: desk.now() })
        .run();
    }
  });
  return id;
}

/**
 * Does what is left to do about one piece of feedback. The caller runs one at a time per session.
 *
 * @throws RosaError when a step cannot be taken now; what was done stays done, and calling again goes on.
 */
export async function learnFrom(desk: Desk, feedbackId: string, trace: Trace): Promise<void> {
  desk.log.forgetErrors({ feedbackId });
  if (feedbackRow(desk, feedbackId).step === "stored") await reviseWords(desk, feedbackId, trace);
  if (feedbackRow(desk, feedbackId).step === "words") await updateWeights(desk, feedbackId, trace);
  const row = feedbackRow(desk, feedbackId);
  if (row.step !== "weights") return;
  if (row.body.retry) await answerAgain(desk, row, trace);
  desk.transaction(() => {
    desk.db.update(feedback).set({ step: "done" }).where(eq(feedback.id, feedbackId)).run();
    desk.outbox.delete(`feedback:${feedbackId}`);
    const done = feedbackResult(desk, feedbackRow(desk, feedbackId));
    logReport(desk, row, "feedback", done);
  });
}

/** Words: the ledger takes the feedback in, and the request is worded anew. */
async function reviseWords(desk: Desk, feedbackId: string, trace: Trace): Promise<void> {
  const row = feedbackRow(desk, feedbackId);
  const turn = turnRow(desk, row.turnId);
  const { mode, wordsState } = sessionRow(desk);
  const adapts = (mode === "both" || mode === "words") && !isNeutral(row.body);
  let words = unchangedWords(turn, row.body);
  let state = wordsState;
  if (adapts) {
    const input = gradientInput(desk, turn, row.body);
    const items = candidatesToScore(state, input);
    const scores =
      items.length === 0
        ? null
        : await scoreReplies(
            desk,
            trace,
            null,
            items.map(({ prompt, reply }) => ({
              messages: withRequest(turn.messages, prompt),
              reply,
            })),
          );
    const { state: next, revision: byRules } = textualGradient(state, input, scores);
    state = next;
    const { revision, rewriter } = await askRewriter(desk, turn, input, byRules, trace);
    words = {
      rewriter,
      changed: revision.changed,
      before: revision.before,
      after: revision.after,
      diagnosis: revision.diagnosis,
      confidence: revision.confidence,
      hinted: revision.hinted,
      share: revision.share,
      constraints: revision.constraints.map(({ text }) => text),
      ruled_out: revision.ruledOut,
      spans: revision.spans.map(({ label, text, start, end, phrase, said, probability: p }) => ({
        label,
        text,
        start,
        end,
        phrase,
        said,
        probability: p,
      })),
    };
  }
  desk.transaction(() => {
    if (feedbackRow(desk, feedbackId).step !== "stored") return;
    if (adapts) {
      const createdAt = desk.now();
      desk.db
        .insert(revisions)
        .values({ feedbackId, turnId: turn.id, words, stateBefore: wordsState, createdAt })
        .run();
      desk.db.update(session).set({ wordsState: state }).run();
    }
    if (words.rewriter !== null) {
      const { id: sessionId, tenantId } = sessionRow(desk);
      meter(desk, {
        eventId: `${sessionId}/${feedbackId}:words`,
        tenantId,
        keyId: row.keyId,
        sessionId,
        kind: "words",
        at: desk.now(),
        rewriterCalls: words.rewriter.calls,
        costNanos: 0,
      });
    }
    desk.db.update(feedback).set({ words, step: "words" }).where(eq(feedback.id, feedbackId)).run();
    logReport(desk, row, "words", words);
  });
}

/** Lets a model propose a wording beside the rules', where one is set up; it never fails and never takes long. */
async function askRewriter(
  desk: Desk,
  turn: TurnRow,
  input: GradientInput,
  byRules: Revision,
  trace: Trace,
): Promise<{ revision: Revision; rewriter: WordsReport["rewriter"] }> {
  const { tenantId } = sessionRow(desk);
  const rewriter = rewriterOf(desk, tenantId, trace);
  if (rewriter === null || byRules.diagnosis === "accepted") {
    return { revision: byRules, rewriter: null };
  }
  const { proposal, failure, attempts } = await proposeRewrite(
    rewriter,
    rewriteTask(input, byRules, earlierTexts(desk, turn)),
    { timeoutMs: desk.config.rewriter?.timeoutMs ?? 0 },
  );
  const { correction } = input.feedback;
  let rivals: RivalScores | null = null;
  if (proposal !== null && correction !== undefined) {
    const scores = await scoreReplies(
      desk,
      trace,
      null,
      [byRules.after, proposal.rewritten].map((prompt) => ({
        messages: withRequest(turn.messages, prompt),
        reply: correction,
      })),
    );
    if (scores !== null) rivals = { rules: scores[0] ?? 0, proposal: scores[1] ?? 0 };
  }
  const revision = adopt(byRules, proposal, rivals);
  const adopted = revision !== byRules;
  return { revision, rewriter: { name: rewriter.name, adopted, failure, calls: attempts } };
}

/** What was said about the earlier tries of a turn's problem, one text a try. */
function earlierTexts(desk: Desk, turn: TurnRow): string[] {
  return desk.db
    .select({ text: feedback.body })
    .from(turns)
    .leftJoin(feedback, eq(feedback.turnId, turns.id))
    .where(
      and(
        eq(turns.problemId, turn.problemId),
        lt(turns.index, turn.index),
        inArray(turns.status, ["completed", "stopped"]),
      ),
    )
    .groupBy(turns.id)
    .orderBy(asc(turns.index))
    .all()
    .map(({ text }) => text?.text ?? "");
}

/** Weights: what the schedule decides, computed on the rewritten request; at most one generation. */
async function updateWeights(desk: Desk, feedbackId: string, trace: Trace): Promise<void> {
  const row = feedbackRow(desk, feedbackId);
  const turn = turnRow(desk, row.turnId);
  const words = row.words ?? unchangedWords(turn, row.body);
  const { id: sessionId, tenantId, activeGeneration: parent, mode } = sessionRow(desk);
  const plan = decide(await gatherEvidence(desk, row, turn, words, trace));
  const right = rightReply(row.body, turn);
  if (right !== null && (mode === "both" || mode === "weights")) {
    keepPositive(desk, turn, words, right);
  }
  if (right === null && row.body.reward < 0) dropPositive(desk, turn);
  const skip = (reason: string) =>
    commitWeights(desk, row, { ...idleWeights, decision: "skipped", reason }, plan, null, null);
  if (plan.row === null) return skip(plan.text);
  if (plan.row.kind === "rejected" && !row.body.retry) {
    return skip("a rejected reply alone is learned from only with a retry");
  }
  const example = {
    messages: withRequest(turn.messages, words.after),
    reply: right?.reply ?? turn.reply,
    kind: plan.row.kind,
    weight: plan.row.weight,
  };
  const kept = desk.db.select().from(positives).orderBy(asc(positives.createdAt)).all();
  const { rows, plan: recipe } = updateRows(kept, { problemId: turn.problemId, row: example });

  const eventId = `${sessionId}/${feedbackId}`;
  const amountNanos = desk.config.prices.adaptationNanos;
  try {
    await reserve(desk.env.DB, { eventId, tenantId, amountNanos }, desk.now());
  } catch (error) {
    if (!(error instanceof RosaError) || error.code !== "budget_exceeded") throw error;
    return skip(error.message);
  }
  let answer: Awaited<ReturnType<Desk["gpu"]["adapt"]>>;
  try {
    answer = await desk.gpu.adapt(
      { tenant: tenantId, adapter: adapterOf(desk, parent), rows, plan: recipe },
      callContext(desk, tenantId, trace),
    );
    if (answer.adapter !== null) {
      const { digest = "" } = answer.result;
      await putAdapter(desk.env, { tenantId, sessionId }, digest, answer.adapter);
    }
  } catch (error) {
    await release(desk.env.DB, eventId).catch(() => {});
    if (!(error instanceof RosaError) || isTransient(error)) throw error;
    // The service will never take these rows: say so and go on without an update.
    const reason = `the update was refused: ${error.message}`;
    commitWeights(desk, row, { ...idleWeights, decision: "rejected", reason }, plan, recipe, null);
    return;
  }
  const { result, adapter } = answer;
  const report: WeightsReport = {
    decision: result.decision,
    reason: result.decision === "updated" ? plan.text : result.reason,
    active: false,
    step_norm: result.step_norm,
    shift_norm: result.shift_norm,
    kl: result.kl,
    objective: result.objective,
    ms: result.ms.update,
  };
  const made = adapter === null ? null : { result, parent, bytes: adapter.byteLength };
  commitWeights(desk, row, report, plan, recipe, made);
  if (result.decision !== "updated") await release(desk.env.DB, eventId).catch(() => {});
}

/** Ends the weights step: generation, swap, report, price and event stand or fall together. */
function commitWeights(
  desk: Desk,
  row: FeedbackRow,
  report: WeightsReport,
  plan: Plan,
  recipe: FeedbackPlan["recipe"],
  made: { result: AdaptResult; parent: string; bytes: number } | null,
): void {
  const { id: sessionId, tenantId } = sessionRow(desk);
  const now = desk.now();
  desk.transaction(() => {
    if (feedbackRow(desk, row.id).step !== "words") return;
    let weights = report;
    if (made !== null) {
      const id = newId("gen");
      const last =
        desk.db
          .select({ n: max(generations.index) })
          .from(generations)
          .get()?.n ?? 0;
      desk.db
        .insert(generations)
        .values({
          id,
          index: last + 1,
          feedbackId: row.id,
          parent: made.parent,
          digest: made.result.digest ?? "",
          bytes: made.bytes,
          plan: recipe ?? {},
          report: made.result,
          createdAt: now,
        })
        .run();
      // Compare and set: whoever activated another generation meanwhile keeps that choice.
      const active = sessionRow(desk).activeGeneration === made.parent;
      if (active) desk.db.update(session).set({ activeGeneration: id }).run();
      weights = {
        ...report,
        generation: id,
        active,
        reason: active
          ? report.reason
          : `${report.reason}; kept but not activated, because another generation was activated meanwhile`,
      };
    }
    const costNanos = made === null ? 0 : desk.config.prices.adaptationNanos;
    if (recipe !== null) {
      meter(desk, {
        eventId: `${sessionId}/${row.id}`,
        tenantId,
        keyId: row.keyId,
        sessionId,
        kind: "adaptation",
        at: now,
        adaptationsAccepted: made === null ? 0 : 1,
        adaptationsRejected: made === null ? 1 : 0,
        gpuMs: report.ms ?? 0,
        costNanos,
      });
    }
    noteIndex(desk);
    desk.db
      .update(feedback)
      .set({ weights, plan: { ...plan, recipe }, costNanos, step: "weights" })
      .where(eq(feedback.id, row.id))
      .run();
    logReport(desk, row, "weights", weights);
  });
}

/** A new turn for the same problem: the rewritten request, the new generation, the rejected replies ruled out. */
async function answerAgain(desk: Desk, row: FeedbackRow, trace: Trace): Promise<void> {
  const of = turnRow(desk, row.turnId);
  let turnId = row.retryTurnId;
  if (turnId === null) {
    await untilIdle(desk);
    turnId = await beginTurn(
      desk,
      {
        content: of.content,
        sampling: of.sampling,
        keyId: row.keyId,
      },
      {
        of,
        prompt: row.words?.after ?? of.prompt,
        rejected: rejectedReplies(desk, of.problemId),
        alongside: (retryTurnId) =>
          desk.db.update(feedback).set({ retryTurnId }).where(eq(feedback.id, row.id)).run(),
      },
    );
    desk.log.wake();
  } else if (turnRow(desk, turnId).status === "failed") {
    await untilIdle(desk);
    await reviveTurn(desk, turnId);
  }
  await desk.answer(turnId, trace);
  const { status, error } = turnRow(desk, turnId);
  if (status === "failed" && error !== null) throw new KeptError(error, turnId);
}

function logReport(
  desk: Desk,
  row: FeedbackRow,
  type: "words" | "weights" | "feedback",
  data: unknown,
): void {
  desk.log.append({ turnId: row.turnId, type, data, at: desk.now(), feedbackId: row.id });
}

async function untilIdle(desk: Desk): Promise<void> {
  while (runningTurn(desk) !== undefined) await desk.log.changed();
}

type FeedbackPlan = NonNullable<FeedbackRow["plan"]>;

const idleWeights: WeightsReport = {
  decision: "skipped",
  reason: "",
  active: false,
  step_norm: null,
  shift_norm: null,
  kl: null,
  objective: null,
  ms: null,
};

function isNeutral({ reward, text, correction }: FeedbackBody): boolean {
  return reward === 0 && correction === undefined && (text ?? "").trim() === "";
}

function unchangedWords(turn: TurnRow, body: FeedbackBody): WordsReport {
  return {
    changed: false,
    before: turn.prompt,
    after: turn.prompt,
    diagnosis: body.reward > 0 && body.correction === undefined ? "accepted" : "unclear_feedback",
    confidence: 1,
    hinted: false,
    share: 1,
    rewriter: null,
    constraints: [],
    ruled_out: [],
    spans: [],
  };
}

/** Everything said about this problem so far. A retry learns under its problem's id, so that what holds for one try holds for the next. */
function gradientInput(desk: Desk, turn: TurnRow, body: FeedbackBody): GradientInput {
  const attempts = desk.db
    .select()
    .from(turns)
    .where(
      and(
        eq(turns.problemId, turn.problemId),
        lte(turns.index, turn.index),
        inArray(turns.status, ["completed", "stopped"]),
      ),
    )
    .orderBy(asc(turns.index))
    .all();
  return {
    turnId: turn.problemId,
    request: turn.content,
    attempts: attempts.map(({ prompt, reply, logprob }) => ({
      prompt,
      reply,
      ...(logprob === null ? {} : { confidence: probability(logprob) }),
    })),
    feedback: { reward: body.reward, text: body.text, correction: body.correction },
  };
}

/** The reply that is known to be right, if the feedback tells one. */
function rightReply(
  body: FeedbackBody,
  turn: TurnRow,
): { kind: "accepted" | "corrected"; reply: string } | null {
  if (body.correction !== undefined) return { kind: "corrected", reply: body.correction };
  return body.reward > 0 ? { kind: "accepted", reply: turn.reply } : null;
}

async function gatherEvidence(
  desk: Desk,
  row: FeedbackRow,
  turn: TurnRow,
  words: WordsReport,
  trace: Trace,
): Promise<Evidence> {
  const { mode, activeGeneration } = sessionRow(desk);
  const { body } = row;
  const right = rightReply(body, turn);
  const confidence = turn.logprob === null ? 0.5 : probability(turn.logprob);
  const evidence: Evidence = {
    mode,
    reward: body.reward,
    corrected: body.correction !== undefined,
    spoken: (body.text ?? "").trim() !== "",
    wordsChanged: words.changed,
    hinted: words.hinted,
    share: words.share,
    confidence,
    logprobBefore: null,
    logprobAfter: null,
    rejectedProbability: null,
    updates: desk.db.select({ n: count() }).from(generations).get()?.n ?? 0,
  };
  if (mode === "off" || mode === "words" || isNeutral(body)) return evidence;
  // The reply's own pass measured it already, if words and generation are still the same.
  const known =
    turn.generation === activeGeneration && words.after === turn.prompt ? turn.logprob : null;
  const reply = right?.reply ?? turn.reply;
  if (known !== null && reply === turn.reply) {
    return right === null
      ? { ...evidence, rejectedProbability: probability(known) }
      : { ...evidence, logprobBefore: known, logprobAfter: known };
  }
  const prompts = words.changed ? [words.before, words.after] : [words.after];
  const scores = await scoreReplies(
    desk,
    trace,
    adapterOf(desk, activeGeneration),
    prompts.map((prompt) => ({ messages: withRequest(turn.messages, prompt), reply })),
  );
  const after = scores?.at(-1) ?? null;
  if (right === null) {
    return { ...evidence, rejectedProbability: after === null ? null : probability(after) };
  }
  return { ...evidence, logprobBefore: scores?.[0] ?? null, logprobAfter: after };
}

/**
 * Summed log-probs (nats), or null when the service refuses these texts: the schedule then does without.
 *
 * @throws RosaError when the service is not there, because feedback is better late than half-heard.
 */
async function scoreReplies(
  desk: Desk,
  trace: Trace,
  adapter: { digest: string } | null,
  items: { messages: TurnRow["messages"]; reply: string }[],
): Promise<number[] | null> {
  const { tenantId } = sessionRow(desk);
  try {
    const { scores } = await desk.gpu.score(
      { tenant: tenantId, adapter, items },
      callContext(desk, tenantId, trace),
    );
    return scores.length === items.length ? scores.map(({ logprob }) => logprob) : null;
  } catch (error) {
    if (!(error instanceof RosaError) || isTransient(error)) throw error;
    return null;
  }
}

/** Remembers a right reply for replay, one per problem, the latest few. */
function keepPositive(
  desk: Desk,
  turn: TurnRow,
  words: WordsReport,
  right: { kind: "accepted" | "corrected"; reply: string },
): void {
  const likely = turn.logprob === null ? null : probability(turn.logprob);
  if (!worthKeeping({ kind: right.kind, probability: likely, attempt: turn.attempt })) return;
  const columns = {
    messages: withRequest(turn.messages, words.after),
    reply: right.reply,
    kind: right.kind,
    createdAt: desk.now(),
  };
  desk.transaction(() => {
    desk.db
      .insert(positives)
      .values({ problemId: turn.problemId, ...columns })
      .onConflictDoUpdate({ target: positives.problemId, set: columns })
      .run();
    const old = desk.db
      .select({ problemId: positives.problemId })
      .from(positives)
      .orderBy(desc(positives.createdAt))
      .all()
      .slice(positivesMax)
      .map(({ problemId }) => problemId);
    if (old.length > 0) {
      desk.db.delete(positives).where(inArray(positives.problemId, old)).run();
    }
  });
}

/** Whoever takes an acceptance back does not want it replayed. */
function dropPositive(desk: Desk, turn: TurnRow): void {
  desk.db
    .delete(positives)
    .where(and(eq(positives.problemId, turn.problemId), eq(positives.reply, turn.reply)))
    .run();
}

/** Replies of a problem that were rejected or corrected, each once, oldest first; at most what the protocol takes. */
function rejectedReplies(desk: Desk, problemId: string): string[] {
  const rows = desk.db
    .select({ reply: turns.reply, body: feedback.body })
    .from(feedback)
    .innerJoin(turns, eq(feedback.turnId, turns.id))
    .where(eq(turns.problemId, problemId))
    .orderBy(asc(feedback.id))
    .all();
  const rejected = rows
    .filter(({ body }) => body.reward < 0 || body.correction !== undefined)
    .filter(({ body, reply }) => body.correction !== reply && reply !== "")
    .map(({ reply }) => reply);
  return [...new Set(rejected)].slice(-32);
}
