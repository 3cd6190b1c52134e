/**
 * What one piece of feedback does, told in order: stored → trust → words → weights → a new reply → done.
 *
 * Read `learnFrom` first. Each step ends in one transaction that also moves `feedback.step`, so a crash
 * between any two steps resumes at the step that is missing and nothing happens twice.
 */
import { RosaError } from "@rosa2/shared/errors";
import { asc, desc, eq } from "drizzle-orm";
import type { FeedbackBody } from "../contract/index.ts";
import { isTransient } from "../gpu-client/index.ts";
import { newId, sha256 } from "../ids.ts";
import { type IdempotencyKey, KeptError, type Trace } from "../rpc.ts";
import { refuseWhenFull, type SessionContext } from "./context.ts";
import { logReport, refuseUnfit } from "./evidence.ts";
import { asJudged } from "./plan.ts";
import { rewritesWithoutGpu } from "./rewriter.ts";
import { type Filter, followLog } from "./store/event-log.ts";
import { findIdempotent, noteIdempotent } from "./store/idempotency.ts";
import { leaseMs } from "./store/outbox.ts";
import { type FeedbackRow, feedbackRow, runningTurn, turnRow } from "./store/rows.ts";
import { feedback, turns } from "./store/schema.ts";
import { feedbackResult } from "./store/views.ts";
import { weighTrust } from "./trust.ts";
import { beginTurn, reviveTurn } from "./turn.ts";
import { updateWeights } from "./weights-step.ts";
import { reviseWords } from "./words-step.ts";

export interface NewFeedback {
  turnId: string;
  body: FeedbackBody;
  keyId: string;
  idempotency?: IdempotencyKey;
}

/**
 * Stores feedback, or finds it: the latest feedback on a turn, sent again with the same content, is the same feedback.
 *
 * @throws RosaError `not_found`, `conflict` while the turn is not answered, `invalid_request`, `idempotency_mismatch`.
 */
export async function beginFeedback(context: SessionContext, input: NewFeedback): Promise<string> {
  const { body, turnId } = input;
  const { reward, text, correction, retry } = body;
  const bodyHash = await sha256(JSON.stringify([turnId, reward, text, correction, retry]));
  const turn = turnRow(context, turnId);
  if (input.idempotency !== undefined) {
    const earlier = findIdempotent(context, input.idempotency);
    if (earlier !== null) return earlier;
  }
  refuseUnfit(turn, body);
  const latest = context.db
    .select({ id: feedback.id, bodyHash: feedback.bodyHash })
    .from(feedback)
    .where(eq(feedback.turnId, turnId))
    .orderBy(desc(feedback.id))
    .get();
  const id = latest?.bodyHash === bodyHash ? latest.id : newId("fb");
  if (id !== latest?.id) refuseWhenFull(context);
  context.transaction(() => {
    if (id !== latest?.id) {
      const createdAt = context.now();
      context.db
        .insert(feedback)
        .values({ id, turnId, body, bodyHash, keyId: input.keyId, step: "stored", createdAt })
        .run();
      context.outbox.put({
        id: `feedback:${id}`,
        kind: "feedback",
        payload: { feedbackId: id },
        // The caller starts the work at once; the alarm is for the case that this object dies before the end.
        dueAt: createdAt + leaseMs,
      });
    }
    noteIdempotent(context, input.idempotency, id);
  });
  return id;
}

/**
 * Takes the remaining steps of one piece of feedback. The caller runs one at a time per session.
 *
 * @throws RosaError when a step cannot be taken now. Finished steps stay finished, and the next call continues with the
 * rest.
 */
export async function learnFrom(
  context: SessionContext,
  feedbackId: string,
  trace: Trace,
): Promise<void> {
  context.log.forgetErrors({ feedbackId });
  const stored = feedbackRow(context, feedbackId);
  if (stored.step === "stored") {
    weighTrust(context, stored);
    await reviseWords(context, feedbackId, trace);
  }
  if (feedbackRow(context, feedbackId).step === "words")
    await updateWeights(context, feedbackId, trace);
  const row = feedbackRow(context, feedbackId);
  if (row.step !== "weights") return;
  if (row.body.retry) await answerAgain(context, row, trace);
  context.transaction(() => {
    context.db.update(feedback).set({ step: "done" }).where(eq(feedback.id, feedbackId)).run();
    context.outbox.delete(`feedback:${feedbackId}`);
    const done = feedbackResult(context, feedbackRow(context, feedbackId));
    logReport(context, row, "feedback", done);
  });
}

/** A new turn for the same problem, with the rewritten request, the new generation, and the rejected replies excluded. */
async function answerAgain(context: SessionContext, row: FeedbackRow, trace: Trace): Promise<void> {
  const of = turnRow(context, row.turnId);
  let turnId = row.retryTurnId;
  if (turnId === null) {
    await untilIdle(context);
    turnId = await beginTurn(
      context,
      {
        content: of.content,
        sampling: of.sampling,
        keyId: row.keyId,
      },
      {
        of,
        prompt: row.words?.plan?.prompt ?? row.words?.after ?? of.prompt,
        rejected: rejectedReplies(context, of.problemId),
        alongside: (retryTurnId) =>
          context.db.update(feedback).set({ retryTurnId }).where(eq(feedback.id, row.id)).run(),
      },
    );
    context.log.wake();
  } else if (turnRow(context, turnId).status === "failed") {
    await untilIdle(context);
    await reviveTurn(context, turnId);
  }
  await context.answer(turnId, trace);
  const { status, error } = turnRow(context, turnId);
  if (status === "failed" && error !== null) throw new KeptError(error, turnId);
}

/** Replies of a problem that were rejected or corrected, each once, oldest first; at most as many as the protocol takes. */
function rejectedReplies(context: SessionContext, problemId: string): string[] {
  const rows = context.db
    .select({ turn: turns, body: feedback.body })
    .from(feedback)
    .innerJoin(turns, eq(feedback.turnId, turns.id))
    .where(eq(turns.problemId, problemId))
    .orderBy(asc(feedback.id))
    .all();
  const judged = asJudged(
    context,
    rows.map(({ turn }) => turn),
  );
  const rejected = rows.flatMap(({ body }, i) => {
    const { reply } = judged[i]!;
    const isRejected = body.reward < 0 || body.correction !== undefined;
    return isRejected && body.correction !== reply && reply !== "" ? [reply] : [];
  });
  return [...new Set(rejected)].slice(-32);
}

async function untilIdle(context: SessionContext): Promise<void> {
  while (runningTurn(context) !== undefined) await context.log.changed();
}

/**
 * The events of one piece of feedback from its beginning, so that a repeated call sees all of them. `told` resolves
 * when `work` ends; a failure of `work` becomes an event of the stream.
 */
export function followFeedback(
  context: SessionContext,
  feedbackId: string,
  work: Promise<void>,
): { stream: ReadableStream<Uint8Array>; told: Promise<void> } {
  let failed = false;
  const told = work.catch((error) => {
    failed = true;
    logFailedFeedback(context, feedbackId, error);
    context.log.wake();
  });
  const filters = () => feedbackFilters(context, feedbackId);
  const rename = { feedback: "done" };
  const settled = () => failed || feedbackRow(context, feedbackId).step === "done";
  return { stream: followLog(context.log, filters, 0, settled, { rename }), told };
}

/** What readers of one piece of feedback see: its own events, and the new reply once there is one. */
function feedbackFilters(context: SessionContext, feedbackId: string): Filter[] {
  const { turnId, retryTurnId } = feedbackRow(context, feedbackId);
  const own: Filter = { turnId, feedbackId };
  return retryTurnId === null
    ? [own]
    : [own, { turnId: retryTurnId, types: ["turn", "delta", "reset", "error"] }];
}

/** Logs a failure as an event of the feedback. A failed retry has its own error event in the log already. */
function logFailedFeedback(context: SessionContext, feedbackId: string, error: unknown): void {
  if (error instanceof KeptError) return;
  const failure =
    error instanceof RosaError
      ? { code: error.code, message: error.message }
      : { code: "internal_error", message: "Something unexpected went wrong" };
  context.log.append({
    turnId: feedbackRow(context, feedbackId).turnId,
    type: "error",
    data: { error: failure, feedback_id: feedbackId },
    at: context.now(),
    feedbackId,
  });
}

/** Waits as long as the body asks: for the words only, or for the weights and the new reply too. */
export async function untilAnswered(
  context: SessionContext,
  feedbackId: string,
  work: Promise<void>,
  { retry, wait = retry }: FeedbackBody,
): Promise<void> {
  if (wait) return await work.catch((error) => wordsOrKept(context, error, feedbackId));
  while (feedbackRow(context, feedbackId).step === "stored") {
    await Promise.race([work, context.log.changed()]).catch((error) =>
      keptFeedback(error, feedbackId),
    );
  }
}

/**
 * While the GPU service is away, words from another model are enough for an answer. The weights update and the new turn
 * follow later from the outbox.
 */
function wordsOrKept(context: SessionContext, error: unknown, feedbackId: string): void {
  const { step } = feedbackRow(context, feedbackId);
  if (isTransient(error) && step !== "stored" && rewritesWithoutGpu(context)) return;
  keptFeedback(error, feedbackId);
}

/** Throws a failure again together with the feedback's id: the feedback is stored whatever happens next. */
function keptFeedback(error: unknown, feedbackId: string): never {
  if (error instanceof KeptError || !(error instanceof RosaError)) throw error;
  const { code, message, retryAfterS } = error;
  throw new KeptError({ code, message, retryAfterS }, feedbackId);
}
