/** Whether a correction can be learned, asked in advance: bodies of `POST …/reach`. */
import { z } from "@hono/zod-openapi";
import { reachVerdicts } from "./sets.ts";
import { contentCharsMax, turnId } from "./shared.ts";

/** A correction, as feedback takes it too. */
export const correctionSchema = z
  .string()
  .max(contentCharsMax)
  .refine((text) => text.trim() !== "", "must not be empty");

export const reachQuestionSchema = z
  .strictObject({ correction: correctionSchema.openapi({ example: "31, 12, 7" }) })
  .openapi("ReachQuestion");

const foreignText = (description: string) => z.array(z.string()).openapi({ description });

export const reachSchema = z
  .object({
    object: z.literal("reach"),
    turn_id: turnId,
    verdict: z.enum(reachVerdicts).openapi({
      description:
        "`settled`: the model would say it already; `one_update` and `several_updates`: so far it is, by what one update may move at most; `too_long`: with the request it exceeds the window; `unwritable`: the tokenizer cannot write it; `fixed_weights`: the weights of this session do not change",
      example: "one_update",
    }),
    reason: z.string().openapi({
      description: "The verdict as one sentence for people",
      example: "One correction can teach this.",
    }),
    updates_min: z.int().nullable().openapi({
      description:
        "Updates that it takes at least; the bounds on KL may ask for more. Null where the weights cannot learn it, or that is not known",
      example: 1,
    }),
    logprob: z.number().nullable().openapi({
      description:
        "Summed log-prob of the correction and its end token, under the active wording and generation (nats); null where it was not measured",
      example: -4.1,
    }),
    tokens: z.int().nullable().openapi({
      description: "Tokens of the correction, its end token included",
      example: 6,
    }),
    total_tokens: z.int().nullable().openapi({
      description: "Tokens of the prompt and the correction together",
      example: 30,
    }),
    context_length: z.int().nullable().openapi({
      description: "Tokens that the window holds",
      example: 512,
    }),
    owed_nats: z.number().nullable().openapi({
      description: "What the correction lacks of being likely, token by token; 0 is settled (nats)",
      example: 3.9,
    }),
    owed_nats_max: z.number().nullable().openapi({
      description: "The most that one update raises one reply by (nats)",
      example: 64,
    }),
    in_bytes: foreignText("Characters without a token of their own, which are spelled in bytes"),
    unwritable: foreignText("Characters or words that the tokenizer has no way to write"),
  })
  .openapi("Reach");
export type ReachBody = z.infer<typeof reachSchema>;
