/** What one update of a session learns from, and where it differs from the model's update plan. Pure. */
import type { AdaptPlan, AdaptRow, Message } from "@rosa2/shared/protocol";

/** Positives kept for replay with later updates. */
export const positivesMax = 16;
/** An accepted reply whose log-prob S lacks less than this needs no holding (nats). */
const sureNats = 0.1;

/**
 * A step away from a rejected reply has less evidence behind it: it is shorter and smoother. Steps toward right
 * replies follow the model's own plan (adaptPlanDefaults, and its rosa2.json).
 */
const negativePlan: Partial<AdaptPlan> = { lambda: 1, rho: 3, iterations: 2 };

export interface Positive {
  problemId: string;
  messages: Message[];
  reply: string;
  kind: ReplayKind;
}

/** Learned again where it had been hard, a correction or a late success; else only held in place. */
export type ReplayKind = "accepted" | "corrected" | "held";

/** What a right reply is in the replay buffer; null where it is not worth a place there. */
export function replayKind(example: {
  kind: "accepted" | "corrected";
  logprob: number | null;
  attempt: number;
}): ReplayKind | null {
  if (example.kind === "corrected") return "corrected";
  if (example.attempt > 1) return "accepted";
  return example.logprob !== null && example.logprob > -sureNats ? null : "held";
}

/**
 * Rows of one update: the newest positives of other problems, then the example at hand.
 * The example comes last, so that a bound on rows never drops it.
 */
export function updateRows(
  positives: readonly Positive[],
  example: { problemId: string; row: AdaptRow },
): { rows: AdaptRow[]; plan: Partial<AdaptPlan> } {
  const replayed = positives
    .filter(({ problemId }) => problemId !== example.problemId)
    .slice(-(positivesMax - 1))
    .map(({ messages, reply, kind }): AdaptRow => ({ messages, reply, kind, weight: 1 }));
  return {
    rows: [...replayed, example.row],
    plan: example.row.kind === "rejected" ? negativePlan : {},
  };
}
