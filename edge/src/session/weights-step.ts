/** The weights step of feedback: evidence, the schedule's decision, one update, at most one generation. */
import { RosaError } from "@rosa2/shared/errors";
import { logprobOf, replyConfidence, tokenValue } from "@rosa2/shared/objective";
import { type AdaptResult, adaptPlanDefaults } from "@rosa2/shared/protocol";
import { decide, type Evidence } from "@rosa2/shared/schedule";
import { count, eq, max } from "drizzle-orm";
import { keepAdapter } from "../accounts/files.ts";
import { spend } from "../accounts/spending.ts";
import type { Notice } from "../accounts/usage.ts";
import type { RollBack, WeightsReport, WordsReport } from "../contract/index.ts";
import { isTransient } from "../gpu-client/index.ts";
import { askGuard, type GuardedUpdate } from "../guard.ts";
import { newId } from "../ids.ts";
import type { Trace } from "../rpc.ts";
import { adaptWithin } from "./adapt-within.ts";
import type { SessionContext } from "./context.ts";
import {
  cannotWrite,
  isNeutral,
  logReport,
  rightReply,
  scoreTokens,
  unchangedWords,
} from "./evidence.ts";
import { judgedTurn } from "./plan.ts";
import { withRequest } from "./policy/prompt.ts";
import { beyondCaps, updateRows } from "./policy/update-plan.ts";
import { type GpuTime, meterIdOfUpdate, noteReport } from "./store/meter.ts";
import { fileJob, noteFile } from "./store/outbox.ts";
import { dropFromReplay, keepForReplay, replayExamples } from "./store/replay.ts";
import {
  activeGeneration,
  adapterOf,
  type FeedbackRow,
  feedbackRow,
  generationRow,
  sessionRow,
  setActiveGeneration,
  type TurnRow,
  trustedGeneration,
} from "./store/rows.ts";
import { feedback, generations } from "./store/schema.ts";
import { idleWeights, turnConfidence } from "./store/views.ts";

/** Takes the weights step: what the schedule decides, on the rewritten request; at most one generation. */
export async function updateWeights(
  context: SessionContext,
  feedbackId: string,
  trace: Trace,
): Promise<void> {
  const row = feedbackRow(context, feedbackId);
  const turn = judgedTurn(context, row.turnId);
  const words = row.words ?? unchangedWords(turn, row.body);
  const { sessionId, tenantId } = context;
  const { mode, arm } = sessionRow(context);
  const parent = activeGeneration(context);
  const gpuTime: GpuTime = { ms: 0 };
  const evidence = await gatherEvidence(context, row, turn, words, trace, gpuTime);
  const plan = decide(evidence);
  const right = rightReply(row.body, turn);
  const isWritable = evidence.unwritable.length === 0;
  const mayUpdate = mode === "both" || mode === "weights";
  const { fixedWeights } = context.gpu;
  if (right !== null && mayUpdate && fixedWeights === null && isWritable) {
    keepForReplay(context, turn, words, right);
  }
  if (right === null && row.body.reward < 0) dropFromReplay(context, turn);
  const end = (
    report: Partial<WeightsReport>,
    updatePlan: FeedbackPlan["updatePlan"],
    made: MadeGeneration | null,
  ) =>
    commitWeights(
      context,
      row,
      { ...idleWeights, ...report },
      { ...plan, updatePlan },
      made,
      gpuTime,
    );
  const skip = (reason: string) => end({ decision: "skipped", reason }, null, null);
  if (arm === "held_out") return skip(heldOutReason);
  if (row.rolledBack !== null) return skip(rolledBackReason(row.rolledBack));
  if (fixedWeights !== null && mayUpdate && !isNeutral(row.body)) return skip(fixedWeights);
  if (!isWritable) return skip(cannotWrite(evidence.unwritable));
  if (plan.row === null) return skip(plan.text);
  if (right === null && turn.reply === "") {
    return skip("the reply is empty, and without a correction there is nothing to learn from");
  }
  if (plan.row.kind === "rejected" && !row.body.retry) {
    return skip("a rejected reply alone is learned from only with a retry");
  }
  const example = {
    messages: withRequest(turn.messages, words.after),
    reply: right?.reply ?? turn.reply,
    kind: plan.row.kind,
    weight: plan.row.weight,
  };
  const { rows, updatePlan } = updateRows(replayExamples(context), {
    problemId: turn.problemId,
    row: example,
  });

  const shown = { right: right?.reply ?? null, rejected: rejectedReply(row.body, turn) };
  const watch = [shown.right, shown.rejected].filter((reply) => reply !== null);

  const bound = boundReached(context, parent);
  if (bound !== null) return end(bound, null, null);
  const { adapterBytesMax } = context.config;
  const charge = {
    eventId: meterIdOfUpdate(context, feedbackId),
    amountNanos: context.config.prices.adaptationNanos,
  };
  await spend(context.purse, charge, async (keep) => {
    let answer: Awaited<ReturnType<typeof adaptWithin>>;
    let refusal: string | null = null;
    try {
      const input = { tenant: tenantId, adapter: adapterOf(context, parent), plan: updatePlan };
      answer = await adaptWithin(context, trace, { ...input, rows, watch });
      if (answer.adapter !== null) {
        const { digest = "" } = answer.result;
        const update = { feedback_id: feedbackId, parent, digest, examples: answer.rows };
        refusal = await refusalOf(context, { ...update, result: answer.result });
        if (refusal === null) {
          const owner = { tenantId, sessionId };
          noteFile(context, digest);
          await keepAdapter(context.env, owner, digest, answer.adapter, adapterBytesMax);
        }
      }
    } catch (error) {
      if (!(error instanceof RosaError) || isTransient(error)) throw error;
      // The service will never accept these rows, so the step ends without an update.
      const reason = `the update was refused: ${error.message}`;
      return end({ decision: "rejected", reason }, updatePlan, null);
    }
    const { adapter } = answer;
    const { watched, ...result } = answer.result;
    const report: Partial<WeightsReport> = {
      decision: result.decision,
      reason: result.decision === "updated" ? `${plan.text}; ${result.reason}` : result.reason,
      step_norm: result.step_norm,
      shift_norm: result.shift_norm,
      kl: result.kl,
      kl_base: result.kl_base,
      right_reply: right === null ? null : rightReplyShift(result),
      tokens: tokensOf(shown, watched),
      objective: result.objective,
      ms: result.ms.update,
    };
    if (refusal !== null) {
      return end({ ...report, decision: "rejected", reason: refusal }, updatePlan, null);
    }
    const made = adapter === null ? null : { result, parent, bytes: adapter.byteLength };
    end(report, updatePlan, made);
    if (made !== null) keep();
  }).catch((error) => {
    if (!(error instanceof RosaError) || error.code !== "budget_exceeded") throw error;
    return skip(error.message);
  });
}

const heldOutReason =
  "this session is held out: it stays unadapted, so that what adaptation changes can be measured";

function rolledBackReason({ to, rejections }: RollBack): string {
  return `rolled back to ${to} after ${rejections} rejected replies; this feedback changes the words alone`;
}

/** The reason why a session with this active generation learns no more, whatever the feedback; null if it can. */
export function boundReached(
  context: SessionContext,
  generation: string,
): Pick<WeightsReport, "decision" | "reason"> | null {
  const { adapterBytesMax, shiftCaps } = context.config;
  if (context.adapterBytes >= adapterBytesMax) {
    const reason = `adapter files of all sessions may take ${adapterBytesMax} bytes, and they do; erase sessions to learn more`;
    return { decision: "skipped", reason };
  }
  if (generation === "base") return null;
  const reason = beyondCaps(generationRow(context, generation).report, shiftCaps);
  return reason === null ? null : { decision: "rejected", reason };
}

/** The reason for not keeping a finished update: it went too far, or the deployer's guard refuses. */
async function refusalOf(
  context: SessionContext,
  update: Omit<GuardedUpdate, "tenant" | "owner" | "session">,
): Promise<string | null> {
  const { guard, shiftCaps } = context.config;
  const beyond = beyondCaps(update.result, shiftCaps);
  if (beyond !== null || guard === null) return beyond;
  const { tenantId: tenant, owner, sessionId: session, closing } = context;
  const { step_norm, shift_norm, kl, kl_base, rows } = update.result;
  const result = { step_norm, shift_norm, kl, kl_base, rows };
  return await askGuard(guard, { tenant, owner, session, ...update, result }, closing.signal);
}

async function gatherEvidence(
  context: SessionContext,
  row: FeedbackRow,
  turn: TurnRow,
  words: WordsReport,
  trace: Trace,
  gpuTime: GpuTime,
): Promise<Evidence & { unwritable: string[] }> {
  const { mode } = sessionRow(context);
  const { body } = row;
  const right = rightReply(body, turn);
  const confidence = turnConfidence(turn) ?? 0.5;
  const evidence = {
    mode,
    reward: body.reward,
    corrected: body.correction !== undefined,
    spoken: (body.text ?? "").trim() !== "",
    wordsChanged: words.changed,
    hinted: words.hinted,
    share: words.share,
    confidence,
    attempt: turn.attempt,
    logprobBefore: null,
    logprobAfter: null,
    owedNats: null,
    rejectedConfidence: null,
    updates: context.db.select({ n: count() }).from(generations).get()?.n ?? 0,
    unwritable: [],
  };
  if (mode === "off" || mode === "words" || isNeutral(body)) return evidence;
  // Praise at the first try is kept and changes nothing, so nothing is measured.
  if (right?.kind === "accepted" && turn.attempt === 1) return evidence;
  // The reply's own pass measured it already, if words and generation are unchanged.
  const isCurrent = turn.generation === activeGeneration(context) && words.after === turn.prompt;
  if (right === null && isCurrent && turn.logprob !== null) {
    return { ...evidence, rejectedConfidence: confidence };
  }
  const reply = right?.reply ?? turn.reply;
  if (reply === "") return evidence;
  const prompts = words.changed ? [words.before, words.after] : [words.after];
  const scores = await scoreTokens(
    context,
    trace,
    gpuTime,
    prompts.map((prompt) => ({ messages: withRequest(turn.messages, prompt), reply })),
    right !== null,
  );
  const before = scores?.[0]?.token_logprobs;
  const after = scores?.at(-1)?.token_logprobs;
  if (before === undefined || after === undefined) return evidence;
  if (right === null) {
    return { ...evidence, rejectedConfidence: replyConfidence(after) };
  }
  const { token_settled } = adaptPlanDefaults;
  const settled = after.length * Math.log(token_settled);
  return {
    ...evidence,
    logprobBefore: logprobOf(before),
    logprobAfter: logprobOf(after),
    owedNats: settled - tokenValue(after, token_settled),
    unwritable: scores?.[0]?.reach?.unwritable ?? [],
  };
}

/** The update's effect on the right reply, the last of its examples. */
function rightReplyShift({ rows }: Pick<AdaptResult, "rows">): WeightsReport["right_reply"] {
  const row = rows.at(-1);
  if (row === undefined) return null;
  const { logprob_before, logprob_after, reply_tokens } = row;
  return { logprob_before, logprob_after, tokens: reply_tokens };
}

/** The reply that the feedback rejects, or null. */
function rejectedReply(body: FeedbackRow["body"], turn: TurnRow): string | null {
  const isRejected = body.reward < 0 || body.correction !== undefined;
  return isRejected && turn.reply !== "" && turn.reply !== body.correction ? turn.reply : null;
}

/** The watched replies by their role; null if the service does not watch. */
function tokensOf(
  shown: { right: string | null; rejected: string | null },
  watched: AdaptResult["watched"],
): WeightsReport["tokens"] {
  if (watched.length === 0) return null;
  return {
    right: shown.right === null ? null : (watched[0] ?? null),
    rejected: shown.rejected === null ? null : (watched.at(-1) ?? null),
  };
}

type FeedbackPlan = NonNullable<FeedbackRow["plan"]>;
type MadeGeneration = { result: Omit<AdaptResult, "watched">; parent: string; bytes: number };

/** Ends the weights step: generation, activation, report, price and event are stored together or not at all. */
function commitWeights(
  context: SessionContext,
  row: FeedbackRow,
  report: WeightsReport,
  plan: FeedbackPlan,
  made: MadeGeneration | null,
  gpuTime: GpuTime,
): void {
  const { updatePlan } = plan;
  const gpuMs = gpuTime.ms + (report.ms ?? 0);
  const { sessionId, tenantId } = context;
  const now = context.now();
  context.transaction(() => {
    if (feedbackRow(context, row.id).step !== "words") return;
    let weights = report;
    if (made !== null) {
      const id = newId("gen");
      const last =
        context.db
          .select({ n: max(generations.index) })
          .from(generations)
          .get()?.n ?? 0;
      context.db
        .insert(generations)
        .values({
          id,
          index: last + 1,
          feedbackId: row.id,
          parent: made.parent,
          digest: made.result.digest ?? "",
          bytes: made.bytes,
          plan: updatePlan ?? {},
          report: made.result,
          createdAt: now,
        })
        .run();
      context.outbox.delete(fileJob(made.result.digest ?? ""));
      // Compare and set: if another generation was activated meanwhile, that choice stays.
      const active = activeGeneration(context) === made.parent;
      if (active) setActiveGeneration(context, id, trustedGeneration(context));
      weights = {
        ...report,
        generation: id,
        active,
        reason: active
          ? report.reason
          : `${report.reason}; kept but not activated, because another generation was activated meanwhile`,
      };
    }
    const costNanos = made === null ? 0 : context.config.prices.adaptationNanos;
    if (updatePlan !== null || gpuMs > 0) {
      context.purse.settle({
        eventId: meterIdOfUpdate(context, row.id),
        tenantId,
        keyId: row.keyId,
        sessionId,
        kind: "adaptation",
        at: now,
        adaptationsAccepted: made === null ? 0 : 1,
        adaptationsRejected: made === null && updatePlan !== null ? 1 : 0,
        gpuMs,
        costNanos,
        ...(made === null ? {} : { notice: updateNotice(context, row, weights, made) }),
      });
    } else context.purse.release(meterIdOfUpdate(context, row.id));
    noteReport(context, made !== null && context.hasWebhooks);
    context.db
      .update(feedback)
      .set({ weights, plan, costNanos: row.costNanos + costNanos, step: "weights" })
      .where(eq(feedback.id, row.id))
      .run();
    logReport(context, row, "weights", weights);
  });
}

/** What webhooks are told of a generation. */
function updateNotice(
  { sessionId, owner }: SessionContext,
  row: FeedbackRow,
  { generation, active, step_norm, shift_norm, kl, kl_base }: WeightsReport,
  { parent }: MadeGeneration,
): Notice {
  const told = { generation, parent, active, step_norm, shift_norm, kl, kl_base };
  return {
    type: "adaptation.updated",
    data: { session: sessionId, owner, feedback_id: row.id, turn_id: row.turnId, ...told },
  };
}
