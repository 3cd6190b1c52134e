/** The part of the contract about weights: what an update did, and the generations that updates make. */
import { z } from "@hono/zod-openapi";
import { adaptPlanSchema, limits, rowReportSchema, tokenShiftSchema } from "@rosa2/shared/protocol";
import { weightsDecisions } from "./sets.ts";
import { nextCursor, timestamp } from "./shared.ts";

export const generationName = z
  .string()
  .openapi({ description: "`base` or a generation's id", example: "base" });

const klDescription =
  "Mean KL(new ‖ this update's start) in nats a token, measured on the model's own samples and the session's accepted replies";
const klBaseDescription =
  "Mean KL(new ‖ base model) in nats a token, measured on the model's own samples";
const objectiveDescription =
  "Mean over the examples of reward times confidence (geometric mean of the reply's token probabilities), minus β times `kl`, at this update's start and after it. It can fall";

const tokenShifts = z.array(tokenShiftSchema).max(limits.watchedTokensMax).nullable();

export const weightsReportSchema = z
  .object({
    decision: z.enum(weightsDecisions),
    reason: z.string(),
    generation: z.string().optional(),
    active: z.boolean().openapi({
      description: "Whether the new generation answers from now on (compare-and-set succeeded)",
    }),
    step_norm: z.number().nullable().openapi({
      description: "Frobenius norm of this update's change of the adapter",
    }),
    shift_norm: z.number().nullable().openapi({
      description:
        "Frobenius norm of the adapter after this update: its distance from the base model",
    }),
    kl: z.number().nullable().openapi({ description: klDescription }),
    kl_base: z.number().nullable().openapi({ description: klBaseDescription }),
    right_reply: z
      .object({ logprob_before: z.number(), logprob_after: z.number(), tokens: z.int() })
      .nullable()
      .openapi({
        description:
          "Summed log-prob of the right reply and its end token before and after this update (nats), over so many tokens",
      }),
    tokens: z
      .object({ right: tokenShifts, rejected: tokenShifts })
      .nullable()
      .openapi({
        description: `Log-probs of the first ${limits.watchedTokensMax} tokens of the right and of the rejected reply before and after this update (nats); null where there is no such reply`,
      }),
    objective: z
      .object({ before: z.number(), after: z.number() })
      .nullable()
      .openapi({ description: objectiveDescription }),
    ms: z.number().nullable(),
  })
  .openapi("Weights");
export type WeightsReport = z.infer<typeof weightsReportSchema>;

export const generationSchema = z
  .object({
    id: z.string(),
    object: z.literal("generation"),
    index: z.int(),
    parent: generationName,
    active: z.boolean(),
    digest: z.string(),
    bytes: z.int(),
    feedback_id: z.string().nullable(),
    plan: adaptPlanSchema.partial(),
    step_norm: z.number(),
    shift_norm: z.number(),
    kl: z.number().openapi({ description: klDescription }),
    kl_base: z.number().openapi({ description: klBaseDescription }),
    objective: z
      .object({ before: z.number(), after: z.number() })
      .openapi({ description: objectiveDescription }),
    rows: z.array(rowReportSchema).openapi({
      description:
        "What each example was asked to gain in log-prob, was predicted to, and did (nats)",
    }),
    created_at: timestamp,
  })
  .openapi("Generation");
export type GenerationBody = z.infer<typeof generationSchema>;

export const generationListSchema = z
  .object({
    object: z.literal("list"),
    active: generationName,
    data: z.array(generationSchema),
    next_cursor: nextCursor,
  })
  .openapi("GenerationList");
