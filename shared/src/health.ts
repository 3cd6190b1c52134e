/** What the GPU service says of itself at `GET /health`. Checked with zod where bytes arrive. */
import { z } from "zod";
import { digestSchema } from "./protocol.ts";

/**
 * What of a session a model is shown beside its instructions: the request alone, or the dialogue before it as well.
 * A session that does not say is served as the model's `rosa2.json` says.
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
      /** Path or hub id of the LoRA merged into the weights, which the digest counts in; absent where there is none. */
      lora: z.string().optional(),
      /** Absent where the model's `rosa2.json` does not say. */
      context_policy: z.enum(contextPolicies).optional(),
    })
    .nullable(),
  provider: z.string(),
  queue: z.object({ waiting: z.number().int(), running: z.number().int() }),
});
export type Health = z.infer<typeof healthSchema>;
