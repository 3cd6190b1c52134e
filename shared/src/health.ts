/** The GPU service's answer to `GET /health`; checked with zod on arrival. */
import { z } from "zod";
import { digestSchema } from "./protocol.ts";

/**
 * What of a session a model is shown besides its instructions: the request alone, or also the dialogue before it.
 * Sessions without a setting follow the model's `rosa2.json`.
 */
export const contextPolicies = ["request", "dialogue"] as const;
export type ContextPolicy = (typeof contextPolicies)[number];

export const healthSchema = z.object({
  status: z.enum(["loading", "ok", "draining"]),
  model: z
    .object({
      id: z.string(),
      /** SHA-256 over the checkpoint's config and weights; adapters are bound to it. */
      digest: digestSchema,
      context_length: z.number().int(),
      parameters: z.number().int(),
      /** Path or hub id of the LoRA merged into the weights, which the digest includes; absent without one. */
      lora: z.string().optional(),
      /** Absent if the model's `rosa2.json` has none. */
      context_policy: z.enum(contextPolicies).optional(),
    })
    .nullable(),
  provider: z.string(),
  queue: z.object({ waiting: z.number().int(), running: z.number().int() }),
});
export type Health = z.infer<typeof healthSchema>;
