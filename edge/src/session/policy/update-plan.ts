/** The session's recipe of the weights step: which rows it learns from and how far it goes. Pure. */
import type { AdaptPlan, AdaptRow, Message } from "@rosa2/shared/protocol";

/** Positives kept for replay with later updates. */
export const positivesMax = 16;
/** An accepted reply below this probability is worth learning again. */
const sureProbability = 0.9;

/** Steps toward accepted and corrected replies. */
const positivePlan: Partial<AdaptPlan> = {
  beta: 0.5,
  lambda: 0.1,
  rho: 6,
  // Most updates need two or three; a reply that the model would never have given needs more.
  iterations: 5,
  target: 0.99,
  clip: 8,
};

/** A step away from a rejected reply has less evidence behind it: it is shorter and smoother. */
const negativePlan: Partial<AdaptPlan> = { ...positivePlan, lambda: 1, rho: 3, iterations: 2 };

export interface Positive {
  problemId: string;
  messages: Message[];
  reply: string;
  kind: "accepted" | "corrected";
}

/** Whether a reply is worth keeping as a positive: corrected, unsure, or right only at a later try. */
export function worthKeeping(example: {
  kind: "accepted" | "corrected";
  probability: number | null;
  attempt: number;
}): boolean {
  return (
    example.kind === "corrected" ||
    example.attempt > 1 ||
    (example.probability ?? 0) < sureProbability
  );
}

/**
 * Rows of one update: the newest positives of other problems, then the example at hand.
 * The example comes last, so that a bound on rows never drops it.
 */
export function updateRows(
  positives: readonly Positive[],
  example: { problemId: string; row: AdaptRow; method?: AdaptPlan["method"] },
): { rows: AdaptRow[]; plan: Partial<AdaptPlan> } {
  const replayed = positives
    .filter(({ problemId }) => problemId !== example.problemId)
    .slice(-(positivesMax - 1))
    .map(({ messages, reply, kind }): AdaptRow => ({ messages, reply, kind, weight: 1 }));
  return {
    rows: [...replayed, example.row],
    plan: {
      ...(example.row.kind === "rejected" ? negativePlan : positivePlan),
      ...(example.method === undefined ? {} : { method: example.method }),
    },
  };
}
