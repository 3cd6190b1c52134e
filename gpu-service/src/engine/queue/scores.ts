/** What is told of a scored reply: its log-probs, and where it is asked for, whether an update could teach it. */
import { askedShift } from "@rosa2/shared/objective";
import type { AdaptPlan, ScoreResult } from "@rosa2/shared/protocol";
import type { ScoreRow } from "../../language-model.ts";
import type { Foreign } from "../../tokenizer/foreign-text.ts";

/** What an update can do at most. */
export interface UpdateBounds {
  plan: AdaptPlan;
  /** Tokens that prompt and reply may have together. */
  contextLength: number;
}

/** `logprobs`: [tokens of the reply, end token included], in nats. */
export function scoreOf(
  { prompt }: ScoreRow,
  logprobs: Float32Array,
  reach?: UpdateBounds & { foreign: Foreign },
): ScoreResult["scores"][number] {
  return {
    logprob: logprobs.reduce((sum, logprob) => sum + logprob, 0),
    token_logprobs: [...logprobs],
    prompt_tokens: prompt.length,
    ...(reach && {
      reach: {
        ...reach.foreign,
        ...owed(logprobs, reach.plan),
        context_length: reach.contextLength,
      },
    }),
  };
}

/** Without the bounds of one iteration, and what all iterations together are bounded by. */
function owed(logprobs: Float32Array, plan: AdaptPlan) {
  const unbounded = { ...plan, token_clip: Infinity, clip: Infinity };
  return {
    owed_nats: askedShift("corrected", logprobs, unbounded),
    owed_nats_max: Math.min(plan.clip_total, plan.clip * plan.iterations),
  };
}
