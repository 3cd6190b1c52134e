/**
 * The wire between the edge and the GPU service, as zod schemas that both sides validate against.
 *
 * `POST /v1/generate`, `/v1/sample`, `/v1/adapt` and `/v1/score` take JSON, or `multipart/form-data` with the JSON
 * in the part `request` and an adapter file in the part `adapter` (after `409 adapter_missing`).
 * The GPU service keeps no user state: everything an answer depends on is in the request.
 */
import { z } from "zod";

export const limits = {
  /** Bytes of one JSON body. */
  bodyBytesMax: 1_048_576,
  /** Bytes of one adapter file. */
  adapterBytesMax: 64 * 1_048_576,
  contentCharsMax: 65_536,
  messagesMax: 512,
  rowsMax: 64,
  samplesMax: 16,
  scoreItemsMax: 256,
  tokensMax: 32_768,
} as const;

export const messageSchema = z.object({
  role: z.enum(["system", "user", "assistant"]),
  content: z.string().max(limits.contentCharsMax),
});
export type Message = z.infer<typeof messageSchema>;

/** Lower-case hexadecimal SHA-256 of the adapter file. */
export const digestSchema = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hexadecimal");

/** Which adapter answers; null is the base model. Caches are keyed by tenant as well as digest. */
const tenantSchema = z.string().min(1).max(64);
const adapterSchema = z.object({ digest: digestSchema }).nullable();

/** What is left out of the first five is as the checkpoint's generation_config.json says; without one, greedy. */
export const samplingSchema = z.object({
  /** 0 is greedy. */
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  /** 0 keeps every token. */
  top_k: z.number().int().min(0).optional(),
  min_p: z.number().min(0).max(1).optional(),
  /** Above 1 tokens of the prompt and the reply so far become less likely; 1 changes nothing. */
  repetition_penalty: z.number().gt(0).max(2).optional(),
  max_tokens: z.number().int().min(1).max(limits.tokensMax).optional(),
  stop: z.array(z.string().min(1).max(64)).max(4).default([]),
  seed: z.number().int().optional(),
  frequency_penalty: z.number().min(-2).max(2).default(0),
  presence_penalty: z.number().min(-2).max(2).default(0),
  /** Number of alternatives reported with each token's log-prob; absent means none are reported. */
  top_logprobs: z.number().int().min(0).max(20).optional(),
});
export type Sampling = z.infer<typeof samplingSchema>;

export const generateRequestSchema = z.object({
  tenant: tenantSchema,
  adapter: adapterSchema.default(null),
  messages: z.array(messageSchema).min(1).max(limits.messagesMax),
  sampling: samplingSchema.prefault({}),
  /** Replies already rejected for this request: never answered again while another reply is likely. */
  rejected: z.array(z.string().max(limits.contentCharsMax)).max(32).default([]),
});
export type GenerateRequest = z.infer<typeof generateRequestSchema>;

export const usageSchema = z.object({
  prompt_tokens: z.number().int(),
  completion_tokens: z.number().int(),
  /** Prompt tokens whose keys and values were reused from an earlier request. */
  cached_tokens: z.number().int(),
});
export type Usage = z.infer<typeof usageSchema>;

export const tokenLogprobSchema = z.object({
  token: z.string(),
  logprob: z.number(),
  top: z.array(z.object({ token: z.string(), logprob: z.number() })).default([]),
});
export type TokenLogprob = z.infer<typeof tokenLogprobSchema>;

/** Milliseconds of a reply: waiting, reading the prompt, writing. */
const replyMsSchema = z.object({ queue: z.number(), prefill: z.number(), decode: z.number() });

/** What a reply has taken up to now; a reply that is stopped never comes to its `done`. */
export const spentSchema = z.object({ usage: usageSchema, ms: replyMsSchema });
export type Spent = z.infer<typeof spentSchema>;

/** Server-sent events of `/v1/generate`, in order: `delta`…, then one `done` or one `error`. */
export const generateEventSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("delta"),
    text: z.string(),
    logprobs: z.array(tokenLogprobSchema).optional(),
    spent: spentSchema.optional(),
  }),
  z.object({
    type: z.literal("done"),
    text: z.string(),
    finish_reason: z.enum(["stop", "length"]),
    usage: usageSchema,
    /** Summed log-prob S of the reply at temperature 1 (nats); the model's confidence is e^S. */
    logprob: z.number(),
    ms: replyMsSchema,
  }),
  z.object({
    type: z.literal("error"),
    error: z.object({ code: z.string(), message: z.string() }),
  }),
]);
export type GenerateEvent = z.infer<typeof generateEventSchema>;

/**
 * `POST /v1/sample`: several replies to one prompt, which is read once. They are decoded together, so K of them take
 * far less than K times as long as one. The answer is JSON, once all have ended; going away ends them all.
 */
export const sampleRequestSchema = z.object({
  tenant: tenantSchema,
  adapter: adapterSchema.default(null),
  messages: z.array(messageSchema).min(1).max(limits.messagesMax),
  count: z.number().int().min(1).max(limits.samplesMax),
  /** Whether the first reply is the greedy one; the others are drawn. */
  greedy_first: z.boolean().default(true),
  /** Of the drawn replies; the greedy one takes its limits and stop strings. Reply i is drawn from seed + i. */
  sampling: samplingSchema
    .omit({ top_logprobs: true })
    .extend({ temperature: z.number().gt(0).max(2).default(1) })
    .prefault({}),
});
export type SampleRequest = z.infer<typeof sampleRequestSchema>;

export const sampleResultSchema = z.object({
  /** As many as asked for, in order; texts may repeat. */
  samples: z.array(
    z.object({
      text: z.string(),
      finish_reason: z.enum(["stop", "length"]),
      /** Summed log-prob S of the reply at temperature 1 (nats). */
      logprob: z.number(),
      completion_tokens: z.number().int(),
    }),
  ),
  /** The prompt counts once, the replies' tokens together. */
  usage: usageSchema,
  ms: replyMsSchema,
});
export type SampleResult = z.infer<typeof sampleResultSchema>;

/** What a row asks of the reply's log-prob: see shared/src/objective.ts. */
export const rowKindSchema = z.enum(["accepted", "corrected", "rejected"]);
export type RowKind = z.infer<typeof rowKindSchema>;

export const adaptRowSchema = z.object({
  messages: z.array(messageSchema).min(1).max(limits.messagesMax),
  reply: z.string().min(1).max(limits.contentCharsMax),
  kind: rowKindSchema,
  /** Multiplies the row in the least squares; 0 drops it. */
  weight: z.number().min(0).max(1).default(1),
});
export type AdaptRow = z.infer<typeof adaptRowSchema>;

/** The update's recipe; the symbols are those of the maths in gpu-service/README.md. */
export const adaptPlanSchema = z.object({
  /** KL price of the objective. */
  beta: z.number().gt(0).max(10).default(0.5),
  /** Ridge of the least squares. */
  lambda: z.number().gt(0).max(1e4).default(0.1),
  /** Bound on the Frobenius norm of one step. */
  rho: z.number().gt(0).max(100).default(6),
  iterations: z.number().int().min(1).max(8).default(2),
  /** Probability that accepted and corrected replies are moved to. */
  target: z.number().gt(0).lt(1).default(0.95),
  /** Largest rise of one row's log-prob asked for in one iteration (nats). */
  clip: z.number().gt(0).max(100).default(2),
  /** Rejected replies with a probability below this are left alone. */
  gate: z.number().min(0).max(1).default(0.02),
  /** Rank of the adapter when there is no parent. */
  rank: z.number().int().min(1).max(64).default(8),
  /** Protect base skills with the model's anchors, where it ships them. */
  anchors: z.boolean().default(true),
  /** `dual` is the one-shot solve; `adam` is the baseline of the evaluation. */
  method: z.enum(["dual", "adam"]).default("dual"),
});
export type AdaptPlan = z.infer<typeof adaptPlanSchema>;

export const adaptRequestSchema = z.object({
  tenant: tenantSchema,
  /** The parent generation's adapter; null starts from the base model. */
  adapter: adapterSchema.default(null),
  rows: z.array(adaptRowSchema).min(1).max(limits.rowsMax),
  plan: adaptPlanSchema.prefault({}),
});
export type AdaptRequest = z.infer<typeof adaptRequestSchema>;

export const rowReportSchema = z.object({
  kind: rowKindSchema,
  /** Reply's log-prob before, as asked for, as the linear model predicted, and as measured after. */
  logprob_before: z.number(),
  target_shift: z.number(),
  predicted_shift: z.number(),
  realised_shift: z.number(),
  reply_tokens: z.number().int(),
});
export type RowReport = z.infer<typeof rowReportSchema>;

/** The part `result` of the answer; an accepted update adds the part `adapter`, the new file. */
export const adaptResultSchema = z.object({
  decision: z.enum(["updated", "skipped", "rejected"]),
  reason: z.string(),
  /** Digest of the new adapter file, when one was made. */
  digest: digestSchema.optional(),
  rank: z.number().int(),
  /** Frobenius norm of this update, and of the adapter after it. */
  step_norm: z.number(),
  shift_norm: z.number(),
  /** Mean over rows of the KL estimate per reply, new against old policy (nats). */
  kl: z.number(),
  objective: z.object({ before: z.number(), after: z.number() }),
  rows: z.array(rowReportSchema),
  ms: z.object({ queue: z.number(), update: z.number() }),
});
export type AdaptResult = z.infer<typeof adaptResultSchema>;

export const scoreRequestSchema = z.object({
  tenant: tenantSchema,
  adapter: adapterSchema.default(null),
  items: z
    .array(
      z.object({
        messages: z.array(messageSchema).min(1).max(limits.messagesMax),
        reply: z.string().min(1).max(limits.contentCharsMax),
      }),
    )
    .min(1)
    .max(limits.scoreItemsMax),
});
export type ScoreRequest = z.infer<typeof scoreRequestSchema>;

export const scoreResultSchema = z.object({
  scores: z.array(
    z.object({
      /** Summed log-prob of the reply and its end token (nats). */
      logprob: z.number(),
      token_logprobs: z.array(z.number()),
      prompt_tokens: z.number().int(),
    }),
  ),
  ms: z.object({ queue: z.number(), score: z.number() }).optional(),
});
export type ScoreResult = z.infer<typeof scoreResultSchema>;

/** `POST /v1/export`: an adapter as a zip archive of the files that PEFT and vLLM read. */
export const exportRequestSchema = z.object({
  tenant: tenantSchema,
  adapter: z.object({ digest: digestSchema }),
});
export type ExportRequest = z.infer<typeof exportRequestSchema>;

export const healthSchema = z.object({
  status: z.enum(["loading", "ok", "draining"]),
  model: z
    .object({
      id: z.string(),
      /** SHA-256 over the checkpoint's config and weights; adapters are bound to it. */
      digest: digestSchema,
      context_length: z.number().int(),
      parameters: z.number().int(),
    })
    .nullable(),
  provider: z.string(),
  queue: z.object({ waiting: z.number().int(), running: z.number().int() }),
});
export type Health = z.infer<typeof healthSchema>;

/** Header that carries the shared secret from the edge to the GPU service. */
export const secretHeader = "x-rosa2-secret";
