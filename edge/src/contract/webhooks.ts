/** The part of the contract about webhooks, in the form of Standard Webhooks. */
import { z } from "@hono/zod-openapi";
import { budgetSchema } from "./account.ts";
import { rollBackSchema } from "./adaptation.ts";
import { type WebhookEvent, webhookEvents } from "./sets.ts";
import { ownerSchema, timestamp, turnId } from "./shared.ts";
import { generationName, weightsReportSchema } from "./weights.ts";

export const webhooksMax = 8;

const eventsSchema = z.array(z.enum(webhookEvents)).min(1).max(webhookEvents.length).openapi({
  description:
    "Events that are sent: `adaptation.updated` (an update landed), `adaptation.rolled_back`, `budget.near` (80 % of the month's cap is spent)",
});

export const webhookCreateSchema = z
  .strictObject({
    url: z.string().min(1).max(2_048).openapi({
      description:
        "Where messages are posted: https, under a public name, without user or password",
      example: "https://example.com/hooks/rosa2",
    }),
    events: eventsSchema.default([...webhookEvents]),
  })
  .openapi("WebhookCreate");
export type WebhookCreate = z.infer<typeof webhookCreateSchema>;

export const webhookSchema = z
  .object({
    id: z.string(),
    object: z.literal("webhook"),
    url: z.string().openapi({ description: "Where messages are posted" }),
    events: eventsSchema,
    created_at: timestamp,
    disabled_at: timestamp.nullable().openapi({
      description: "When its receiver answered 410 Gone; null while it is enabled",
    }),
    delivered_at: timestamp.nullable().openapi({
      description: "When its receiver took the latest message; null: none yet",
    }),
    waiting: z.int().openapi({ description: "Messages that its receiver has not taken yet" }),
    failure: z.string().nullable().openapi({
      description: "Why the latest attempt failed; null: it did not",
    }),
  })
  .openapi("Webhook");
export type WebhookBody = z.infer<typeof webhookSchema>;

export const webhookSecretSchema = webhookSchema
  .extend({
    secret: z.string().openapi({
      description: "Signs its messages (`whsec_…`). Shown once",
    }),
  })
  .openapi("WebhookSecret");
export type WebhookSecretBody = z.infer<typeof webhookSecretSchema>;

export const webhookListSchema = z
  .object({ object: z.literal("list"), data: z.array(webhookSchema) })
  .openapi("WebhookList");

export const webhookDeletedSchema = z
  .object({ id: z.string(), object: z.literal("webhook.deleted") })
  .openapi("WebhookDeleted");

export const webhookTestedSchema = z
  .object({
    object: z.literal("webhook.tested"),
    message_id: z.string().openapi({ description: "The message's `webhook-id`" }),
  })
  .openapi("WebhookTested");

/** Fields of every message about a session. */
const ofSession = {
  session: z.string().openapi({ description: "The session" }),
  owner: ownerSchema.nullable(),
  feedback_id: z.string(),
  turn_id: turnId,
};

const message = <Type extends WebhookEvent, Data extends z.ZodRawShape>(type: Type, data: Data) =>
  z.object({
    type: z.literal(type),
    timestamp: timestamp.openapi({ description: "When it happened (ISO 8601, UTC)" }),
    data: z.object(data).openapi({ description: "What happened" }),
  });

/** The bodies of messages, by their types. */
export const messageSchemas = {
  "adaptation.updated": message("adaptation.updated", {
    ...ofSession,
    ...weightsReportSchema.pick({
      generation: true,
      active: true,
      step_norm: true,
      shift_norm: true,
      kl: true,
      kl_base: true,
    }).shape,
    parent: generationName,
  }).openapi("AdaptationUpdated"),
  "adaptation.rolled_back": message("adaptation.rolled_back", {
    ...ofSession,
    ...rollBackSchema.shape,
  }).openapi("AdaptationRolledBack"),
  "budget.near": message("budget.near", {
    ...budgetSchema.pick({ month: true, spent_usd: true }).shape,
    cap_usd: z.number().openapi({ description: "The month's cap, in US dollars" }),
    share: z.number().openapi({ description: "Share of the cap from which on this is sent" }),
  }).openapi("BudgetNear"),
} satisfies Record<WebhookEvent, z.ZodType>;

export type MessageData<Type extends WebhookEvent> = z.infer<(typeof messageSchemas)[Type]>["data"];
