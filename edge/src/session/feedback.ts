/**
 * What one piece of feedback does, told in order: stored → words → weights → a new reply → done.
 *
 * Read `learnFrom` first. Each step ends in one transaction that also moves `feedback.step`, so a crash
 * between any two steps resumes at the step that is missing and nothing happens twice.
 */
import { RosaError } from "@rosa2/shared/errors";
import { asc, desc, eq } from "drizzle-orm";
import type { FeedbackBody } from "../contract/index.ts";
import { newId, sha256 } from "../ids.ts";
import { type IdempotencyKey, KeptError, type Trace } from "../rpc.ts";
import { type Desk, type FeedbackRow, feedbackRow, runningTurn, turnRow } from "./context.ts";
import { logReport } from "./evidence.ts";
import { findIdempotent, noteIdempotent } from "./store/idempotency.ts";
import { leaseMs } from "./store/outbox.ts";
import { feedback, turns } from "./store/schema.ts";
import { feedbackResult } from "./store/views.ts";
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
    noteIdempotent(desk, input.idempotency, id);
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

async function untilIdle(desk: Desk): Promise<void> {
  while (runningTurn(desk) !== undefined) await desk.log.changed();
}
