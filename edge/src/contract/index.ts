/** The public HTTP contract as zod schemas: bodies, answers, limits. It knows no storage and no route. */
import { z } from "@hono/zod-openapi";
import { rollBackSchema, sessionAdaptationSchema } from "./adaptation.ts";
import { correctionSchema } from "./reach.ts";
import { effortSchema, samplingFields } from "./sampling.ts";
import {
  arms,
  contexts,
  finishReasons,
  modes,
  regions,
  rewriterNames,
  turnStatuses,
} from "./sets.ts";
import {
  contentCharsMax,
  costSchema,
  metadataSchema,
  nextCursor,
  ownerSchema,
  sessionId,
  textCharsMax,
  timestamp,
  turnId,
} from "./shared.ts";
import { generationName, weightsReportSchema } from "./weights.ts";
import { lexiconSchema, wordsReportSchema } from "./words.ts";

export * from "./account.ts";
export * from "./adaptation.ts";
export type { OwnLexicon } from "./lexicon.ts";
export { type ReachBody, reachQuestionSchema, reachSchema } from "./reach.ts";
export type { ContextPolicy, Mode, RequestRate, RewriterName, Scope } from "./sets.ts";
export { requestRates } from "./sets.ts";
export {
  type Cost,
  contentCharsMax,
  costSchema,
  type Metadata,
  ownerSchema,
  pageQuerySchema,
} from "./shared.ts";
export * from "./tokens.ts";
export * from "./webhooks.ts";
export * from "./weights.ts";
export * from "./words.ts";

export const instructionsCharsMax = 8_192;
/** Turns of one session; a longer conversation continues in a fork or a new session. */
export const turnsMax = 1_000;
/** Turns in one read of a session. */
export const turnsPerPageMax = 100;

export const usageSchema = z
  .object({
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    total_tokens: z.int(),
    prompt_tokens_details: z.object({ cached_tokens: z.int() }),
  })
  .openapi("Usage");
export type UsageBody = z.infer<typeof usageSchema>;

export const errorSchema = z
  .object({
    error: z.object({
      type: z.string().openapi({ example: "invalid_request_error" }),
      code: z.string().openapi({ example: "invalid_request" }),
      message: z.string(),
      param: z.string().optional(),
      request_id: z.string().optional(),
    }),
  })
  .openapi("Error");

const sessionEffort =
  "Whether a thinking model thinks before the replies of this session, where a request does not say: `none` and `minimal` switch it off, the others on. The model's own habit unless given";

export const sessionCreateSchema = z
  .strictObject({
    instructions: z.string().min(1).max(instructionsCharsMax).optional(),
    title: z.string().min(1).max(200).optional(),
    metadata: metadataSchema.optional(),
    reasoning_effort: effortSchema.optional().openapi({ description: sessionEffort }),
    region: z.enum(regions).optional().openapi({
      description:
        "Where the session's user is, if not where this call comes from: a hint, by which the platform places the session and the nearest GPU service answers",
      example: "weur",
    }),
    adaptation: sessionAdaptationSchema.optional(),
    lexicon: lexiconSchema.optional().openapi({
      description: "Own senses of this session, beside and before the tenant's",
    }),
    ttl_seconds: z.int().min(60).max(31_536_000).optional().openapi({
      description: "The session erases itself this long after it was made",
    }),
  })
  .openapi("SessionCreate");

export const sessionPatchSchema = z
  .strictObject({
    title: z.string().min(1).max(200).nullable().optional(),
    metadata: metadataSchema.optional(),
    reasoning_effort: effortSchema.nullable().optional().openapi({ description: sessionEffort }),
  })
  .openapi("SessionPatch", { description: "What is given replaces what there was" });
export type SessionPatch = z.infer<typeof sessionPatchSchema>;

export const turnSchema = z
  .object({
    id: turnId,
    object: z.literal("turn"),
    session_id: sessionId,
    index: z.int(),
    status: z.enum(turnStatuses),
    content: z.string().openapi({ description: "The request as said" }),
    prompt: z.string().openapi({ description: "The request as the model saw it" }),
    reply: z.string(),
    finish_reason: z.enum(finishReasons).nullable(),
    repeats_rejected: z.boolean().openapi({
      description:
        "The reply is a near copy of a long reply that was rejected: a few warmer draws gave nothing else",
    }),
    generation: generationName,
    retry_of: turnId.nullable(),
    attempt: z.int(),
    confidence: z.number().nullable().openapi({
      description: "exp(S/T) of the reply, 0…1: the geometric mean of its T tokens' probabilities",
    }),
    usage: z.union([usageSchema, z.null()]),
    cost: costSchema,
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    created_at: timestamp,
  })
  .openapi("Turn");
export type TurnBody = z.infer<typeof turnSchema>;

export const sessionSchema = z
  .object({
    id: sessionId,
    object: z.literal("session"),
    owner: ownerSchema.nullable(),
    title: z.string().nullable(),
    metadata: metadataSchema,
    mode: z.enum(modes),
    generation: generationName,
    turn_count: z.int(),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .openapi("SessionSummary");
export type SessionSummary = z.infer<typeof sessionSchema>;

export const sessionDetailSchema = sessionSchema
  .extend({
    instructions: z.string().nullable(),
    region: z.enum(regions).nullable().openapi({
      description: "As it was given, or where the call came from; null where unknown",
    }),
    context: z.enum(contexts),
    rewriter: z.enum(rewriterNames),
    reasoning_effort: effortSchema.nullable().openapi({
      description: "What the session says of thinking; null: nothing",
    }),
    forked_from: sessionId.nullable(),
    holdout: z.enum(arms).nullable().openapi({
      description:
        "Its part in the tenant's holdout: `held_out` stays unadapted, whatever mode was asked for; null: it takes no part",
    }),
    expires_at: timestamp.nullable(),
    turns: z.array(turnSchema).openapi({
      description: "The latest turns, or those before `cursor`, oldest first",
    }),
    feedback: z.array(z.lazy(() => feedbackRecordSchema)).openapi({
      description: "Feedback on these turns",
    }),
    next_cursor: z.string().nullable().openapi({
      description: "With it as `cursor` the turns before these are read; null where there are none",
    }),
    totals: z.object({
      turns: z.int(),
      feedback: z.int(),
      generations: z.int(),
      prompt_tokens: z.int().openapi({
        description: "Tokens read for replies and in words steps, as they are billed",
      }),
      completion_tokens: z.int().openapi({
        description: "Tokens written as replies and in words steps, as they are billed",
      }),
      cost: costSchema,
    }),
  })
  .openapi("Session");
export type SessionDetail = z.infer<typeof sessionDetailSchema>;

export const sessionListSchema = z
  .object({
    object: z.literal("list"),
    data: z.array(sessionSchema),
    next_cursor: nextCursor,
  })
  .openapi("SessionList");

export const erasedSchema = z
  .object({
    id: sessionId,
    object: z.literal("session.erased"),
    erased: z.object({ turns: z.int(), generations: z.int(), events: z.int(), adapters: z.int() }),
    kept: z.string().openapi({
      example: "usage rows and a holdout's counts, without content",
    }),
  })
  .openapi("SessionErased");
export type Erased = z.infer<typeof erasedSchema>;

export const turnCreateSchema = z
  .strictObject({
    content: z
      .string()
      .max(contentCharsMax)
      .refine((text) => text.trim() !== "", "must not be empty")
      .openapi({ example: "Write a haiku about rain" }),
    stream: z.boolean().default(false),
    temperature: samplingFields.temperature.optional(),
    top_p: samplingFields.top_p.optional(),
    top_k: samplingFields.top_k.optional(),
    min_p: samplingFields.min_p.optional(),
    repetition_penalty: samplingFields.repetition_penalty.optional(),
    max_tokens: samplingFields.max_tokens.optional(),
    stop: samplingFields.stop.optional(),
    seed: samplingFields.seed.optional(),
    logit_bias: samplingFields.logit_bias.optional(),
    reasoning_effort: effortSchema.optional().openapi({
      description: "For this reply, whatever the session says",
    }),
  })
  .openapi("TurnCreate");

export const feedbackSchema = z
  .strictObject({
    reward: z.number().min(-1).max(1),
    text: z.string().max(textCharsMax).optional(),
    correction: correctionSchema.optional(),
    retry: z.boolean().default(false),
    wait: z.boolean().optional().openapi({
      description:
        "Wait for the weights step. Defaults to `retry`; otherwise the step runs while the user reads and the decision is `queued`",
    }),
    stream: z.boolean().default(false),
  })
  .openapi("Feedback");
export type FeedbackBody = z.infer<typeof feedbackSchema>;

const rollBackOrNull = z.union([rollBackSchema, z.null()]).openapi({
  description:
    "The roll-back that this feedback completed, where the tenant wants one after so many rejections; null: none",
});

export const feedbackResultSchema = z
  .object({
    id: z.string(),
    object: z.literal("feedback"),
    turn_id: turnId,
    status: z.enum(["pending", "done"]),
    words: wordsReportSchema,
    weights: weightsReportSchema,
    rolled_back: rollBackOrNull,
    plan: z.record(z.string(), z.unknown()).nullable().openapi({
      description: "What the schedule decided, and the update plan sent to the GPU service",
    }),
    turn: turnSchema.optional(),
    cost: costSchema,
  })
  .openapi("FeedbackResult");
export type FeedbackResult = z.infer<typeof feedbackResultSchema>;

export const feedbackRecordSchema = z
  .object({
    id: z.string(),
    turn_id: turnId,
    status: z.enum(["pending", "done"]),
    reward: z.number(),
    text: z.string().nullable(),
    correction: z.string().nullable(),
    words: z.union([wordsReportSchema, z.null()]),
    weights: z.union([weightsReportSchema, z.null()]),
    rolled_back: rollBackOrNull,
    plan: z.record(z.string(), z.unknown()).nullable(),
    cost: costSchema,
    retry_turn_id: turnId.nullable(),
    created_at: timestamp,
  })
  .openapi("FeedbackRecord");
export type FeedbackRecord = z.infer<typeof feedbackRecordSchema>;

export const forkSchema = z
  .strictObject({
    turn_id: turnId.optional().openapi({
      description:
        "Fork right after this turn's reply: its generation, the words as they then were. Without it, the session as it is now",
    }),
    title: z.string().min(1).max(200).optional(),
  })
  .openapi("Fork");

/** One entry of a turn's event log; `id` is the number to send back as `Last-Event-ID`. */
export interface LogEvent {
  id: number;
  type:
    | "turn"
    | "delta"
    | "reset"
    | "rolled_back"
    | "words"
    | "weights"
    | "done"
    | "feedback"
    | "error";
  data: unknown;
}
