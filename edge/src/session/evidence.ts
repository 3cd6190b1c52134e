/** Evidence in one piece of feedback alone, and log-probs of replies as the GPU service measures them. */
import { RosaError } from "@rosa2/shared/errors";
import type { ScoreResult } from "@rosa2/shared/protocol";
import { splitThought } from "@rosa2/shared/thinking";
import type { FeedbackBody, WordsReport } from "../contract/index.ts";
import { isCold } from "../gpu-client/cold-start.ts";
import { isTransient } from "../gpu-client/index.ts";
import type { Trace } from "../rpc.ts";
import type { Score } from "../words/index.ts";
import { callContext, type SessionContext } from "./context.ts";
import { rewritesWithoutGpu } from "./rewriter.ts";
import type { GpuTime } from "./store/meter.ts";
import { activeGeneration, adapterOf, type FeedbackRow, type TurnRow } from "./store/rows.ts";

export function isNeutral({ reward, text, correction }: FeedbackBody): boolean {
  return reward === 0 && correction === undefined && (text ?? "").trim() === "";
}

/**
 * Refuses unfit feedback. An empty reply can be wrong like any other; a correction equal to the rejected reply
 * contradicts itself.
 *
 * @throws RosaError `conflict` while the turn is not answered, `invalid_request`.
 */
export function refuseUnfit(
  { id, status, reply }: TurnRow,
  { reward, correction }: Pick<FeedbackBody, "reward" | "correction">,
): void {
  if (status === "running" || status === "failed") {
    throw new RosaError(
      "conflict",
      `Cannot take feedback on turn ${id}: it has no reply${status === "running" ? " yet" : ""}`,
    );
  }
  if (reward <= 0 && correction !== undefined && correction.trim() === reply.trim()) {
    throw new RosaError(
      "invalid_request",
      "Cannot correct a reply to itself: `correction` is the reply that was given",
      { param: "correction" },
    );
  }
}

/**
 * The reply that the feedback shows to be right, if any. A correction of a thinking model's reply follows the model's
 * own think block, as its next answer will.
 */
export function rightReply(
  body: Pick<FeedbackBody, "reward" | "correction">,
  turn: TurnRow,
): { kind: "accepted" | "corrected"; reply: string } | null {
  if (body.correction !== undefined) {
    const own = splitThought(body.correction).thought;
    const thought = own === "" ? splitThought(turn.reply).thought : "";
    return { kind: "corrected", reply: thought + body.correction };
  }
  return body.reward > 0 && turn.reply !== "" ? { kind: "accepted", reply: turn.reply } : null;
}

export function unchangedWords(turn: TurnRow, body: FeedbackBody): WordsReport {
  return {
    changed: false,
    before: turn.prompt,
    after: turn.prompt,
    diagnosis: body.reward > 0 && body.correction === undefined ? "accepted" : "unclear_feedback",
    confidence: 1,
    hinted: false,
    share: 1,
    by: "said",
    reason: "the words do not adapt, or there was nothing to take in",
    plan: null,
    candidates: [],
    rewriter: null,
    billed: { prompt_tokens: 0, completion_tokens: 0 },
    constraints: [],
    ruled_out: [],
    spans: [],
  };
}

/** The reason against learning a correction that the tokenizer cannot write whole. */
export function cannotWrite(unwritable: readonly string[]): string {
  const parts = unwritable.map((part) => `“${part}”`).join(", ");
  return `the model cannot write ${parts}: it has no token for it`;
}

/**
 * Log-probs (nats) of each reply's tokens, end tokens included, under the session's own adapter. Null if the service
 * refuses these texts, or a hosted model has no scores; the schedule then does without. The time is added to the step's
 * GPU time.
 *
 * @throws RosaError if the service is unreachable: late feedback is better than feedback judged without evidence.
 */
export async function scoreTokens(
  context: SessionContext,
  trace: Trace,
  gpuTime: GpuTime,
  items: { messages: TurnRow["messages"]; reply: string }[],
  reach = false,
): Promise<ScoreResult["scores"] | null> {
  const { tenantId } = context;
  if (context.gpu.fixedWeights !== null) return null;
  const adapter = adapterOf(context, activeGeneration(context));
  const startedAt = context.now();
  try {
    const { scores, ms } = await context.gpu.score(
      { tenant: tenantId, adapter, items, reach },
      callContext(context, trace),
    );
    gpuTime.ms += ms?.score ?? context.now() - startedAt;
    return scores.length === items.length ? scores : null;
  } catch (error) {
    if (!(error instanceof RosaError) || isTransient(error)) throw error;
    return null;
  }
}

/**
 * Log-probs for the words step. It waits for a service that is starting, not for an unreachable one: then
 * nothing is measured, and the remarks go out as said.
 */
export async function scoreForWords(
  context: SessionContext,
  trace: Trace,
  gpuTime: GpuTime,
  items: { messages: TurnRow["messages"]; reply: string }[],
): Promise<Score[] | null> {
  const isOptional = rewritesWithoutGpu(context);
  const waits = isOptional ? { ...trace, waitsForColdStart: false } : trace;
  try {
    const scores = await scoreTokens(context, waits, gpuTime, items);
    if (scores === null) return null;
    return scores.map(({ token_logprobs }) => token_logprobs);
  } catch (error) {
    if (isTransient(error) && (isOptional || !isCold(error))) return null;
    throw error;
  }
}

export function logReport(
  context: SessionContext,
  row: FeedbackRow,
  type: "rolled_back" | "words" | "weights" | "feedback",
  data: unknown,
): void {
  context.log.append({ turnId: row.turnId, type, data, at: context.now(), feedbackId: row.id });
}
