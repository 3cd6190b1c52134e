/** The update plan: the hyperparameters of one weights step, and the only home of their numbers. */
import { z } from "zod";

/** The update plan; the symbols are those of the maths in gpu-service/README.md. */
export const adaptPlanSchema = z.object({
  /** β: KL price of the objective. */
  beta: z.number().gt(0).max(10),
  /** λ: ridge of the least squares. */
  lambda: z.number().gt(0).max(1e4),
  /** ρ: bound on the Frobenius norm of one step. */
  rho: z.number().gt(0).max(100),
  /** Most steps of the path; each linearises again. */
  iterations: z.number().int().min(1).max(64),
  /** τ: from this probability on a token of a right reply counts as settled. */
  token_settled: z.number().gt(0).lt(1),
  /** Unsettled tokens are moved to this probability; above τ, so that they do not fall back at once. */
  token_target: z.number().gt(0).lt(1),
  /** Largest rise (nats) that one iteration asks of one token, and of one reply. */
  token_clip: z.number().gt(0).max(100),
  clip: z.number().gt(0).max(100),
  /** Largest rise (nats) of one reply over all iterations. */
  clip_total: z.number().gt(0).max(1000),
  /** Largest fall (nats) of a rejected reply in all. */
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
  token_settled: 0.97,
  token_target: 0.995,
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
