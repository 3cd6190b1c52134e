/**
 * The joint objective J(x, θ) = E r − γ·d(x, xₖ) − β·KL(π_θ ‖ π_θₖ), and what it asks of one row.
 *
 * A row sees one outcome: the reply y is given (probability p = e^S) or it is not. Over that outcome the
 * maximiser π* ∝ π·exp(r/β) is closed-form, and so are the shift of S that reaches it and the KL it costs.
 * Source: ROSA2 (arXiv 2603.01375), ROSA (arXiv 2509.23166). All log-probs are in nats.
 */
import type { AdaptPlan, RowKind } from "./protocol.ts";

type Targets = Pick<AdaptPlan, "beta" | "target" | "clip">;

/** Log-probs closer to 0 than this count as this: a certain reply has no finite odds. */
const certain = -1e-6;

/**
 * Shift δ of S = log p that one iteration asks for: up to the target probability for accepted and corrected
 * replies, at most `clip`; for a rejected reply down to π*, δ = −1/β − log(p·e^{−1/β} + 1 − p).
 */
export function targetShift(
  kind: RowKind,
  logprob: number,
  { beta, target, clip }: Targets,
): number {
  if (kind !== "rejected") return Math.min(Math.max(Math.log(target) - logprob, 0), clip);
  const p = Math.exp(Math.min(logprob, certain));
  return -1 / beta - Math.log(p * Math.exp(-1 / beta) + 1 - p);
}

/**
 * Reward of the row's outcome. A rejected reply is worth −1. An accepted or corrected one is worth whatever
 * makes the shifted probability the optimum: r = β·(logit p* − logit p), with log p* = S + `shift`.
 */
export function impliedReward(kind: RowKind, logprob: number, shift: number, beta: number): number {
  if (kind === "rejected") return -1;
  return beta * (logit(logprob + shift) - logit(logprob));
}

/** The row's share of J after S moved from `before` to `after`: p′·r − β·KL. */
export function rowObjective(before: number, after: number, reward: number, beta: number): number {
  return Math.exp(Math.min(after, 0)) * reward - beta * outcomeKl(after, before);
}

/** KL (nats) between two policies over "this reply or not", given its log-probs under the new and the old. */
export function outcomeKl(logprobNew: number, logprobOld: number): number {
  const p = Math.min(logprobNew, certain);
  const q = Math.min(logprobOld, certain);
  const share = Math.exp(p);
  return Math.max(0, share * (p - q) + (1 - share) * (complement(p) - complement(q)));
}

/** log(1 − e^x) for x < 0. */
function complement(x: number): number {
  return x > -Math.LN2 ? Math.log(-Math.expm1(x)) : Math.log1p(-Math.exp(x));
}

function logit(logprob: number): number {
  const x = Math.min(logprob, certain);
  return x - complement(x);
}
