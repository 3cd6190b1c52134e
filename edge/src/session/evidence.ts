/** What a piece of feedback says by itself, and log-probs of replies as the GPU service measures them. */
import { RosaError } from "@rosa2/shared/errors";
import type { FeedbackBody, WordsReport } from "../contract/index.ts";
import { isTransient } from "../gpu-client/index.ts";
import type { Trace } from "../rpc.ts";
import {
  adapterOf,
  callContext,
  type Desk,
  type FeedbackRow,
  sessionRow,
  type TurnRow,
} from "./context.ts";
import { rewritesWithoutGpu } from "./rewriter.ts";
import type { GpuTime } from "./store/meter.ts";

export function isNeutral({ reward, text, correction }: FeedbackBody): boolean {
  return reward === 0 && correction === undefined && (text ?? "").trim() === "";
}

/** The reply that is known to be right, if the feedback tells one. */
export function rightReply(
  body: FeedbackBody,
  turn: TurnRow,
): { kind: "accepted" | "corrected"; reply: string } | null {
  if (body.correction !== undefined) return { kind: "corrected", reply: body.correction };
  return body.reward > 0 ? { kind: "accepted", reply: turn.reply } : null;
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
    rewriter: null,
    constraints: [],
    ruled_out: [],
    spans: [],
  };
}

/**
 * Summed log-probs (nats) under the session's own adapter, or null when the service refuses these texts: the
 * schedule then does without.
 * What the measurement takes is added to the step's GPU time.
 *
 * @throws RosaError when the service is not there, because feedback is better late than half-heard.
 */
export async function scoreReplies(
  desk: Desk,
  trace: Trace,
  gpuTime: GpuTime,
  items: { messages: TurnRow["messages"]; reply: string }[],
): Promise<number[] | null> {
  const { tenantId, activeGeneration } = sessionRow(desk);
  const adapter = adapterOf(desk, activeGeneration);
  const startedAt = desk.now();
  try {
    const { scores, ms } = await desk.gpu.score(
      { tenant: tenantId, adapter, items },
      callContext(desk, tenantId, trace),
    );
    gpuTime.ms += ms?.score ?? desk.now() - startedAt;
    return scores.length === items.length ? scores.map(({ logprob }) => logprob) : null;
  } catch (error) {
    if (!(error instanceof RosaError) || isTransient(error)) throw error;
    return null;
  }
}

/**
 * The same for the words step, which need not wait for a service that is away where another model rewrites:
 * that one's wording stands without being measured.
 */
export async function scoreRepliesForWords(
  desk: Desk,
  trace: Trace,
  gpuTime: GpuTime,
  items: { messages: TurnRow["messages"]; reply: string }[],
): Promise<number[] | null> {
  if (!rewritesWithoutGpu(desk)) return await scoreReplies(desk, trace, gpuTime, items);
  try {
    return await scoreReplies(desk, { ...trace, patient: false }, gpuTime, items);
  } catch (error) {
    if (isTransient(error)) return null;
    throw error;
  }
}

export function logReport(
  desk: Desk,
  row: FeedbackRow,
  type: "words" | "weights" | "feedback",
  data: unknown,
): void {
  desk.log.append({ turnId: row.turnId, type, data, at: desk.now(), feedbackId: row.id });
}
