/** How a reply is drawn: the parameters of every route with replies. */
import { z } from "@hono/zod-openapi";
import { limits, logitBiasSchema, type Sampling, seedSchema } from "@rosa2/shared/protocol";
import { type Effort, efforts } from "./sets.ts";

const stop = z.string().min(1).max(limits.stopCharsMax);

export const samplingFields = {
  temperature: z.number().min(0).max(2).openapi({
    description:
      "0 always takes the likeliest token; higher draws more widely. The model's own unless given",
  }),
  top_p: z.number().min(0).max(1).openapi({
    description:
      "Share of the probability that tokens are drawn from; 0 keeps the likeliest token alone, 1 all",
  }),
  top_k: z.int().min(-1).openapi({
    description: "How many of the likeliest tokens are drawn from; 0 and -1 keep every token",
  }),
  min_p: z.number().min(0).max(1).openapi({
    description:
      "Tokens less likely than this share of the likeliest one's probability are left out",
  }),
  repetition_penalty: z.number().gt(0).max(2).openapi({
    description:
      "Above 1 tokens of the prompt and the reply so far become less likely; 1 changes nothing",
  }),
  max_tokens: z.int().min(1).max(limits.tokensMax).openapi({
    description:
      "Tokens of the reply at most; refused where the window leaves less. Unless given, the deployment's own length, or what is left of the window",
  }),
  stop: z
    .array(stop)
    .max(limits.stopsMax)
    .openapi({ description: "Texts at which the reply ends; they are no part of it" }),
  seed: seedSchema.openapi({
    description: "The same seed, prompt and parameters draw the same reply from the same model",
    example: 7,
  }),
  frequency_penalty: z.number().min(-2).max(2).openapi({
    description: "Taken off a token's logit for each time that the reply has it; negative adds",
  }),
  presence_penalty: z.number().min(-2).max(2).openapi({
    description: "Taken off the logit of every token that the reply has; negative adds",
  }),
  logit_bias: logitBiasSchema.openapi({
    description: "Added to the logits of token ids, -100 to 100; -100 forbids a token in practice",
    example: { "42": -100 },
  }),
} as const;

export const effortSchema = z.enum(efforts);

export function thinks(effort: Effort): boolean {
  return effort !== "none" && effort !== "minimal";
}

/** One text, or several. */
export const stopSchema = z.union([stop, samplingFields.stop]);

/** The parameters in the GPU service's form. */
export function samplingOf({ top_k, ...rest }: Partial<Sampling>): Partial<Sampling> {
  return { ...rest, ...(top_k === undefined ? {} : { top_k: Math.max(0, top_k) }) };
}
