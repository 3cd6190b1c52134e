/**
 * The joint objective J(x, θ) = E r − β·KL(π_θ ‖ π_θₖ), and what it asks of one known reply, token by token.
 *
 * A reply's tokens have log-probs log p_t under the request as the model sees it. A token of a right reply that is
 * likely enough (p_t ≥ τ) is settled: it asks for nothing and its gradient is left out, so that a long reply is never
 * pushed towards being the only one. All log-probs are in nats.
 * Source: ROSA2 (arXiv 2603.01375), ROSA (arXiv 2509.23166).
 */
import type { AdaptPlan, RowKind } from "./protocol.ts";

type Targets = Pick<
  AdaptPlan,
  "beta" | "token_settled" | "token_target" | "token_clip" | "clip" | "rejected_clip"
>;

/** Log-probs closer to 0 than this are taken as this: a certain token has no finite odds. */
const certain = -1e-6;

/** S = Σ_t log p_t: the log-prob of a whole reply. */
export function logprobOf(logprobs: readonly number[]): number {
  return logprobs.reduce((sum, logprob) => sum + logprob, 0);
}

/** exp(S/T): the geometric mean of a reply's token probabilities, the same for short and long replies. */
export function confidenceOf(logprob: number, tokens: number): number {
  return Math.exp(Math.min(0, logprob / Math.max(1, tokens)));
}

/** S_τ = Σ_t min(log p_t, log τ): the part of a right reply's log-prob that is still worth raising. */
export function tokenValue(logprobs: ArrayLike<number>, tokenSettled: number): number {
  const settled = Math.log(tokenSettled);
  let value = 0;
  for (let t = 0; t < logprobs.length; t++) value += Math.min(logprobs[t]!, settled);
  return value;
}

/** [T] 1 if the token is not settled yet (p_t < τ), otherwise 0. For a rejected reply: where the token was a choice. */
export function unsettledTokens(logprobs: ArrayLike<number>, tokenSettled: number): Float32Array {
  const settled = Math.log(tokenSettled);
  return Float32Array.from(logprobs, (logprob) => (logprob < settled ? 1 : 0));
}

/**
 * Shift (nats) that one iteration asks of the sum of the unsettled tokens' log-probs. A right reply's tokens ask for
 * `token_target`, each for `token_clip` at most and together for `clip`. A rejected reply's tokens ask for the maximiser of the
 * objective over "this token or another", π* ∝ π·e^{r/β}: δ_t = −1/β − log(p·e^{−1/β} + 1 − p), together for
 * `rejected_clip` at most. A held reply asks for nothing of itself.
 */
export function askedShift(kind: RowKind, logprobs: ArrayLike<number>, plan: Targets): number {
  if (kind === "held") return 0;
  const settled = Math.log(plan.token_settled);
  const target = Math.log(plan.token_target);
  let asked = 0;
  for (let t = 0; t < logprobs.length; t++) {
    const logprob = logprobs[t]!;
    if (logprob >= settled) continue;
    if (kind === "rejected") {
      const p = Math.exp(Math.min(logprob, certain));
      asked -= 1 / plan.beta + Math.log(p * Math.exp(-1 / plan.beta) + 1 - p);
    } else asked += Math.min(target - logprob, plan.token_clip);
  }
  return kind === "rejected" ? Math.max(asked, -plan.rejected_clip) : Math.min(asked, plan.clip);
}

/** The confidence in a reply with these token log-probs. */
export function replyConfidence(logprobs: readonly number[]): number {
  return confidenceOf(logprobOf(logprobs), logprobs.length);
}

/** One reply in an update's objective: its reward, and the confidence in it. */
export interface RewardedReply {
  /** −1 … 1: right replies count as 1, rejected ones as −1, times the example's weight. */
  reward: number;
  confidence: number;
}

/**
 * J = mean r·c − β·KL, with the confidence c = exp(S/T) for the probability of the reply, and the measured KL (nats a
 * token) of the new policy from the update's start. It falls if an update costs more than it gains.
 */
export function jointObjective(
  replies: readonly RewardedReply[],
  kl: number,
  beta: number,
): number {
  const expected = replies.reduce((sum, { reward, confidence }) => sum + reward * confidence, 0);
  return expected / Math.max(1, replies.length) - beta * kl;
}
