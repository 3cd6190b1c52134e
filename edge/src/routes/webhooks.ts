/** Webhooks of a tenant, for updates, roll-backs and a nearly spent budget. */
import { z } from "@hono/zod-openapi";
import { accountOf } from "../accounts/account.ts";
import {
  messageSchemas,
  webhookCreateSchema,
  webhookDeletedSchema,
  webhookListSchema,
  webhookSecretSchema,
  webhookTestedSchema,
} from "../contract/index.ts";
import { type WebhookEvent, webhookEvents } from "../contract/sets.ts";
import { idempotently } from "../http/idempotency.ts";
import { unwrap } from "../rpc.ts";
import { json, jsonBody, route, routeGroup } from "./define.ts";

export const webhooks = routeGroup();

const params = z.object({ h: z.string() });

/** No saved answer contains a secret. */
const withoutSecret = (body: string) => {
  const { secret: _, ...rest } = JSON.parse(body) as Record<string, unknown>;
  return JSON.stringify(rest);
};

webhooks.openapi(
  route({
    method: "post",
    path: "/v1/webhooks",
    tags: ["Webhooks"],
    summary: "Register a webhook; its secret is shown once",
    description:
      "Messages have the form of Standard Webhooks: the headers `webhook-id`, `webhook-timestamp` and `webhook-signature` (v1, HMAC-SHA256), and a body of `type`, `timestamp` and `data`, without any text of a conversation. One that is not answered with 2xx within ten seconds is posted again with growing pauses, thirteen times in two days, under the same `webhook-id`: it may come twice. Redirects are not followed.",
    scope: "admin",
    idempotent: true,
    request: { ...jsonBody(webhookCreateSchema) },
    answers: { 201: json(webhookSecretSchema, "The webhook") },
    fails: [400, 403, 409, 422],
  }),
  async (c) => {
    const body = c.req.valid("json");
    const { tenantId } = c.var.principal;
    const make = async () =>
      c.json(await unwrap(accountOf(c.env, tenantId).webhooks(tenantId, "add", body)), 201);
    return (await idempotently(c, make, { redact: withoutSecret })) as never;
  },
);

webhooks.openapi(
  route({
    method: "get",
    path: "/v1/webhooks",
    tags: ["Webhooks"],
    summary: "List webhooks, and what waits for each",
    scope: "admin",
    answers: { 200: json(webhookListSchema, "All of them, oldest first") },
    fails: [403],
  }),
  async (c) => {
    const { tenantId } = c.var.principal;
    const data = await unwrap(accountOf(c.env, tenantId).webhooks(tenantId, "list"));
    return c.json({ object: "list" as const, data }, 200);
  },
);

webhooks.openapi(
  route({
    method: "delete",
    path: "/v1/webhooks/{h}",
    tags: ["Webhooks"],
    summary: "Delete a webhook, and what waits for it",
    scope: "admin",
    request: { params },
    answers: { 200: json(webhookDeletedSchema, "It is deleted") },
    fails: [403, 404],
  }),
  async (c) => {
    const { h: id } = c.req.valid("param");
    const { tenantId } = c.var.principal;
    await unwrap(accountOf(c.env, tenantId).webhooks(tenantId, "remove", id));
    return c.json({ id, object: "webhook.deleted" as const }, 200);
  },
);

webhooks.openapi(
  route({
    method: "post",
    path: "/v1/webhooks/{h}/rotate",
    tags: ["Webhooks"],
    summary:
      "Give a webhook a new secret, which is shown once; the old one signs as well for a day",
    scope: "admin",
    idempotent: true,
    request: { params },
    answers: { 200: json(webhookSecretSchema, "The webhook with its new secret") },
    fails: [403, 404],
  }),
  async (c) => {
    const { h: id } = c.req.valid("param");
    const { tenantId } = c.var.principal;
    const rotate = async () =>
      c.json(await unwrap(accountOf(c.env, tenantId).webhooks(tenantId, "rotate", id)), 200);
    return (await idempotently(c, rotate, { redact: withoutSecret })) as never;
  },
);

webhooks.openapi(
  route({
    method: "post",
    path: "/v1/webhooks/{h}/test",
    tags: ["Webhooks"],
    summary: "Post a message of the type `webhook.test`; a disabled webhook is enabled again",
    scope: "admin",
    idempotent: true,
    request: { params },
    answers: { 200: json(webhookTestedSchema, "The message is on its way") },
    fails: [403, 404],
  }),
  async (c) => {
    const { h: id } = c.req.valid("param");
    const { tenantId } = c.var.principal;
    const test = async () => {
      const message_id = await unwrap(accountOf(c.env, tenantId).webhooks(tenantId, "test", id));
      return c.json({ object: "webhook.tested" as const, message_id }, 200);
    };
    return (await idempotently(c, test)) as never;
  },
);

const messageHeaders = z.object({
  "webhook-id": z.string().openapi({
    description: "Names the message; the same when it comes again",
    example: "msg_01KAQ2TB6N9S3W7Y0A2D4G6JKM",
  }),
  "webhook-timestamp": z.string().openapi({
    description: "When this attempt was made (seconds since 1970)",
    example: "1764410400",
  }),
  "webhook-signature": z.string().openapi({
    description:
      "`v1,` and the HMAC-SHA-256 of id, timestamp and body in base64; several with spaces between them while a secret is being replaced",
    example: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  }),
});

const summaries: Record<WebhookEvent, string> = {
  "adaptation.updated": "An update landed: a session has a new generation",
  "adaptation.rolled_back": "Rejections brought back an earlier generation of a session",
  "budget.near": "80 % of the month's cap is spent; told once a month and cap",
};

for (const type of webhookEvents) {
  webhooks.openAPIRegistry.registerWebhook({
    method: "post",
    path: type,
    operationId: `on${type.replace(/(^|[._])(.)/g, (_, __, letter: string) => letter.toUpperCase())}`,
    tags: ["Webhooks"],
    summary: summaries[type],
    description: `${summaries[type]}.`,
    security: [],
    request: { ...jsonBody(messageSchemas[type]), headers: messageHeaders },
    responses: { 200: { description: "It is taken; any other status, and it comes again" } },
  });
}
