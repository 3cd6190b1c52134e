/**
 * The wire between edge and GPU service, as zod schemas that both validate.
 *
 * `POST /v1/generate`, `/v1/sample`, `/v1/adapt` and `/v1/score` take JSON, or `multipart/form-data` with the JSON in
 * the part `request` and an adapter file in the part `adapter` (after `409 adapter_missing`). The GPU service keeps no
 * user state: everything an answer depends on is in the request.
 */
import { z } from "zod";
import { adaptPlanSchema } from "./adapt-plan.ts";

export * from "./adapt-plan.ts";

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
  stopsMax: 16,
  stopCharsMax: 1_024,
  biasedTokensMax: 1_024,
  /** Watched replies of an update, and reported tokens of each. */
  watchedMax: 2,
  watchedTokensMax: 64,
} as const;

/** A call of a function that the assistant made; `arguments` are JSON. */
export const toolCallSchema = z.object({
  id: z.string().min(1).max(256),
  name: z.string().min(1).max(64),
  arguments: z.string().max(limits.contentCharsMax),
});
export type ToolCall = z.infer<typeof toolCallSchema>;

export const messageSchema = z.object({
  role: z.enum(["system", "user", "assistant"]),
  content: z.string().max(limits.contentCharsMax),
});
export type Message = z.infer<typeof messageSchema>;

/** A message of a prompt, which may also be a call of a function or its result. */
export const promptMessageSchema = z.object({
  role: z.enum(["system", "user", "assistant", "tool"]),
  content: z.string().max(limits.contentCharsMax),
  /** Of an assistant's message. */
  tool_calls: z.array(toolCallSchema).max(128).optional(),
  /** Of a tool's message: the call that it answers. */
  tool_call_id: z.string().min(1).max(256).optional(),
});
export type PromptMessage = z.infer<typeof promptMessageSchema>;

/** Lower-case hexadecimal SHA-256 of the adapter file. */
export const digestSchema = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hexadecimal");

/** The adapter of a request; null for the base model. Caches are keyed by tenant as well as digest. */
const tenantSchema = z.string().min(1).max(64);
const adapterSchema = z.object({ digest: digestSchema }).nullable();

/** Any 64-bit integer, as far as JSON numbers can hold it. */
export const seedSchema = z
  .number()
  .min(-(2 ** 63))
  .max(2 ** 64)
  .refine(Number.isInteger, "must be an integer");

/** Logits by token id. */
export const logitBiasSchema = z
  .record(z.string().regex(/^\d{1,7}$/, "must be a token id"), z.number().min(-100).max(100))
  .refine(
    (bias) => Object.keys(bias).length <= limits.biasedTokensMax,
    `may name ${limits.biasedTokensMax} tokens`,
  );

const jsonSchemaSchema = z.record(z.string(), z.unknown());

/** The required shape of a reply; without it any text. */
export const outputShapeSchema = z.object({
  /** Whether a thinking model thinks first; by default as its template has it. */
  thinking: z.boolean().optional(),
  /** The text is JSON. */
  format: z
    .discriminatedUnion("type", [
      z.object({ type: z.literal("json_object") }),
      z.object({ type: z.literal("json_schema"), schema: jsonSchemaSchema }),
    ])
    .optional(),
  /** Callable functions; a call is written as `<tool_call>\\n{"name": …, "arguments": …}\\n</tool_call>`. */
  tools: z
    .array(
      z.object({
        name: z.string().regex(/^[\w-]{1,64}$/, "must be 1 to 64 letters, digits, _ or -"),
        description: z.string().max(8_192).optional(),
        parameters: jsonSchemaSchema.optional(),
      }),
    )
    .max(128)
    .optional(),
  tool_choice: z
    .union([z.enum(["none", "auto", "required"]), z.object({ name: z.string() })])
    .optional(),
  /** Whether one reply may hold several calls; true by default. */
  parallel_tool_calls: z.boolean().optional(),
});
export type OutputShape = z.infer<typeof outputShapeSchema>;

/** Sampling. The first five default to the checkpoint's generation_config.json; without one, to greedy. */
export const samplingSchema = z.object({
  /** 0 is greedy. */
  temperature: z.number().min(0).max(2).optional(),
  /** 0 keeps only the likeliest token. */
  top_p: z.number().min(0).max(1).optional(),
  /** 0 keeps every token. */
  top_k: z.number().int().min(0).optional(),
  min_p: z.number().min(0).max(1).optional(),
  /** Above 1, tokens of the prompt and the reply so far become less likely; 1 changes nothing. */
  repetition_penalty: z.number().gt(0).max(2).optional(),
  max_tokens: z.number().int().min(1).max(limits.tokensMax).optional(),
  /** Whether max_tokens shrinks to the rest of the window; otherwise a prompt that leaves less is refused. */
  max_tokens_may_shrink: z.boolean().optional(),
  stop: z.array(z.string().min(1).max(limits.stopCharsMax)).max(limits.stopsMax).default([]),
  seed: seedSchema.optional(),
  /** Added to the logits of token ids before a token is chosen; -100 forbids one in practice. */
  logit_bias: logitBiasSchema.optional(),
  frequency_penalty: z.number().min(-2).max(2).default(0),
  presence_penalty: z.number().min(-2).max(2).default(0),
  /** Constrains what is drawn. */
  output: outputShapeSchema.optional(),
  /** Alternatives reported with each token's log-prob; none if absent. */
  top_logprobs: z.number().int().min(0).max(20).optional(),
});
export type Sampling = z.infer<typeof samplingSchema>;

export const generateRequestSchema = z.object({
  tenant: tenantSchema,
  adapter: adapterSchema.default(null),
  messages: z.array(promptMessageSchema).min(1).max(limits.messagesMax),
  sampling: samplingSchema.prefault({}),
  /** Replies already rejected for this request: never given again while another reply is likely. */
  rejected: z.array(z.string().max(limits.contentCharsMax)).max(32).default([]),
  /** Whether the reply is sent as it grows; otherwise only its end, which holds all but the tokens' log-probs. */
  deltas: z.boolean().default(true),
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
  /** The token's part of the text; part of a character is written as its bytes, \\xe2\\x80. */
  token: z.string(),
  /** The same in UTF-8; the bytes of a reply's tokens join to its text. */
  bytes: z.array(z.number().int().min(0).max(255)).optional(),
  logprob: z.number(),
  top: z
    .array(
      z.object({
        token: z.string(),
        bytes: z.array(z.number().int().min(0).max(255)).optional(),
        logprob: z.number(),
      }),
    )
    .default([]),
});
export type TokenLogprob = z.infer<typeof tokenLogprobSchema>;

/** Milliseconds of a reply: waiting, reading the prompt, writing. */
const replyMsSchema = z.object({ queue: z.number(), prefill: z.number(), decode: z.number() });

/** Usage of a reply up to now; a stopped reply never reaches its `done`. */
export const spentSchema = z.object({ usage: usageSchema, ms: replyMsSchema });
export type Spent = z.infer<typeof spentSchema>;

/** Server-sent events of `/v1/generate`, in order: `delta`… unless turned off, then one `done` or one `error`. */
export const generateEventSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("delta"),
    text: z.string(),
    /** A thinking model's thought before its reply; no part of the text. */
    reasoning: z.string().optional(),
    logprobs: z.array(tokenLogprobSchema).optional(),
    spent: spentSchema.optional(),
  }),
  z.object({
    type: z.literal("done"),
    text: z.string(),
    reasoning: z.string().optional(),
    finish_reason: z.enum(["stop", "length"]),
    usage: usageSchema,
    /** Summed log-prob S of the reply at temperature 1 (nats); the model's confidence is e^{S/T} over T tokens. */
    logprob: z.number(),
    /** The reply is a near copy of a long rejected one, and a few warmer draws gave no other. */
    repeats_rejected: z.boolean().optional(),
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
 * far less than K times one. The drawn ones lie as evenly as samples can (arithmetic sampling, see
 * gpu-service/src/engine/batch/draws.ts): each is a sample of the model, and together they repeat each other less than
 * independent ones. The answer is JSON, sent when all have ended; disconnecting ends them all.
 */
export const sampleRequestSchema = z.object({
  tenant: tenantSchema,
  adapter: adapterSchema.default(null),
  messages: z.array(messageSchema).min(1).max(limits.messagesMax),
  count: z.number().int().min(1).max(limits.samplesMax),
  /** Whether the first reply is greedy; the others are drawn. */
  greedy_first: z.boolean().default(true),
  /** For the drawn replies; the greedy one uses its limits and stop strings. */
  sampling: samplingSchema
    .omit({ top_logprobs: true })
    .extend({ temperature: z.number().gt(0).max(2).default(1) })
    .prefault({}),
});
export type SampleRequest = z.infer<typeof sampleRequestSchema>;

export const sampleResultSchema = z.object({
  /** As many as requested, in order; texts may repeat. */
  samples: z.array(
    z.object({
      text: z.string(),
      finish_reason: z.enum(["stop", "length"]),
      /** Summed log-prob S of the reply at temperature 1 (nats). */
      logprob: z.number(),
      completion_tokens: z.number().int(),
    }),
  ),
  /** The prompt counts once; the replies' tokens are added up. */
  usage: usageSchema,
  ms: replyMsSchema,
});
export type SampleResult = z.infer<typeof sampleResultSchema>;

/**
 * What an example asks of its reply: see shared/src/objective.ts. Accepted and corrected replies should become likely,
 * rejected ones less so; a `held` one is right already and should stay as likely as it is.
 */
export const rowKindSchema = z.enum(["accepted", "corrected", "rejected", "held"]);
export type RowKind = z.infer<typeof rowKindSchema>;

export const adaptRowSchema = z.object({
  messages: z.array(messageSchema).min(1).max(limits.messagesMax),
  reply: z.string().min(1).max(limits.contentCharsMax),
  kind: rowKindSchema,
  /** Multiplies the row in the least squares; 0 drops it. */
  weight: z.number().min(0).max(1).default(1),
});
export type AdaptRow = z.infer<typeof adaptRowSchema>;

/** A reply to a prompt, to be measured. */
const scoreItemSchema = z.object({
  messages: z.array(messageSchema).min(1).max(limits.messagesMax),
  reply: z.string().min(1).max(limits.contentCharsMax),
});

export const adaptRequestSchema = z.object({
  tenant: tenantSchema,
  /** The parent generation's adapter; null starts from the base model. */
  adapter: adapterSchema.default(null),
  rows: z.array(adaptRowSchema).min(1).max(limits.rowsMax),
  /** Differences from the plan of the model (rosa2.json) and the defaults. */
  plan: adaptPlanSchema.partial().prefault({}),
  /** Replies whose tokens are measured before and after the update, without learning from them. */
  watch: z.array(scoreItemSchema).max(limits.watchedMax).default([]),
});
export type AdaptRequest = z.infer<typeof adaptRequestSchema>;

export const rowReportSchema = z.object({
  kind: rowKindSchema,
  /** Summed log-prob S of the reply before and after (nats). */
  logprob_before: z.number(),
  logprob_after: z.number(),
  /** Nats: what was asked of the unsettled tokens, what the linear model predicted, what was measured. */
  target_shift: z.number(),
  predicted_shift: z.number(),
  realised_shift: z.number(),
  reply_tokens: z.number().int(),
  /** Tokens that were unsettled before. */
  owed_tokens: z.number().int(),
});
export type RowReport = z.infer<typeof rowReportSchema>;

/** A token's log-prob before and after an update (nats). A reply's end token has an empty text. */
export const tokenShiftSchema = z.object({
  text: z.string(),
  before: z.number(),
  after: z.number(),
});
export type TokenShift = z.infer<typeof tokenShiftSchema>;

/** The part `result` of the answer. An accepted update adds the part `adapter`, the new file. */
export const adaptResultSchema = z.object({
  decision: z.enum(["updated", "skipped", "rejected"]),
  reason: z.string(),
  /** What ended the path of steps; `kl` and `kl_base` are the bounds on this update and on the whole adapter. */
  stopped_by: z.enum(["reached", "kl", "kl_base", "iterations", "no_progress"]),
  /** Digest of the new adapter file, when one was made. */
  digest: digestSchema.optional(),
  rank: z.number().int(),
  /** Frobenius norm of this update, and of the adapter after it. */
  step_norm: z.number(),
  shift_norm: z.number(),
  /**
   * Mean KL(new ‖ this update's start) in nats a token, over the model's own samples and the session's accepted replies
   * among the rows. For a rejected update, where its path ended.
   */
  kl: z.number(),
  /** Mean KL(new ‖ base model) in nats a token, over the model's own samples. */
  kl_base: z.number(),
  /** Steps of the path that were taken. */
  steps: z.number().int(),
  objective: z.object({ before: z.number(), after: z.number() }),
  rows: z.array(rowReportSchema),
  /** For an accepted update: the first tokens of each watched reply. */
  watched: z.array(z.array(tokenShiftSchema).max(limits.watchedTokensMax)).default([]),
  ms: z.object({ queue: z.number(), update: z.number() }),
});
export type AdaptResult = z.infer<typeof adaptResultSchema>;

export const scoreRequestSchema = z.object({
  tenant: tenantSchema,
  adapter: adapterSchema.default(null),
  items: z.array(scoreItemSchema).min(1).max(limits.scoreItemsMax),
  /** Whether the answer should say if an update could teach each reply. */
  reach: z.boolean().optional(),
});
export type ScoreRequest = z.infer<typeof scoreRequestSchema>;

/** What an update would have to overcome for a reply, as far as it is known in advance. */
export const replyReachSchema = z.object({
  /** Text that the tokenizer drops or replaces by one common token: no update can make the model write it. */
  unwritable: z.array(z.string()),
  /** Characters without a token of their own, spelled in bytes. */
  in_bytes: z.array(z.string()),
  /** Nats: what the unsettled tokens lack of the plan's target, and the most that one update raises one reply. */
  owed_nats: z.number(),
  owed_nats_max: z.number(),
  /** Tokens that prompt and reply may have together. */
  context_length: z.number().int(),
});
export type ReplyReach = z.infer<typeof replyReachSchema>;

export const scoreResultSchema = z.object({
  scores: z.array(
    z.object({
      /** Summed log-prob of the reply and its end token (nats). */
      logprob: z.number(),
      token_logprobs: z.array(z.number()),
      prompt_tokens: z.number().int(),
      /** Present if requested. */
      reach: replyReachSchema.optional(),
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

/** Header that carries the shared secret from the edge to the GPU service. */
export const secretHeader = "x-rosa2-secret";
