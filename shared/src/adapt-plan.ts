/** The update plan: the hyperparameters of one weights step, and the one home of their numbers. */
import { z } from "zod";

/** The update plan; the symbols are those of the maths in gpu-service/README.md. */
export const adaptPlanSchema = z.object({
  /** β: KL price of the objective. */
  beta: z.number().gt(0).max(10),
  /** λ: ridge of the least squares. */
  lambda: z.number().gt(0).max(1e4),
  /** ρ: bound on the Frobenius norm of one step. */
  rho: z.number().gt(0).max(100),
  /** Steps of the path at most; each linearises anew. */
  iterations: z.number().int().min(1).max(64),
  /** τ: probability from which on a token of a right reply counts as settled. */
  token_settled: z.number().gt(0).lt(1),
  /** Probability that a token which is not settled is moved to; above τ, so that it does not fall back at once. */
  token_target: z.number().gt(0).lt(1),
  /** Largest rise that one iteration asks of one token, and of one reply (nats). */
  token_clip: z.number().gt(0).max(100),
  clip: z.number().gt(0).max(100),
  /** Largest rise of one reply that all iterations may ask for together (nats). */
  clip_total: z.number().gt(0).max(1000),
  /** Largest fall of a rejected reply in all (nats). */
  rejected_clip: z.number().gt(0).max(100),
  /** Rejected replies with a confidence exp(S/T) below this are left alone. */
  gate: z.number().min(0).max(1),
  /** κ: largest mean KL of one update from its start (nats a token). */
  kl_max: z.number().gt(0).max(10),
  /** Largest mean KL of the adapter from the base model, on the model's own samples (nats a token). */
  kl_base_max: z.number().gt(0).max(10),
  /** Rank of the adapter when there is no parent. */
  rank: z.number().int().min(1).max(64),
  /** Protect base skills with the model's anchors. */
  anchors: z.boolean(),
});
export type AdaptPlan = z.infer<typeof adaptPlanSchema>;

/** The one home of the plan's numbers; a model's rosa2.json and a request may differ from them. */
export const adaptPlanDefaults: AdaptPlan = {
  beta: 0.5,
  lambda: 0.1,
  rho: 6,
  iterations: 24,
  token_settled: 0.9,
  token_target: 0.99,
  token_clip: 8,
  clip: 8,
  clip_total: 64,
  rejected_clip: 2,
  gate: 0.02,
  kl_max: 0.05,
  kl_base_max: 0.2,
  rank: 8,
  anchors: true,
};
