/** Keys, usage and budget of a tenant. */
import { z } from "@hono/zod-openapi";
import { accountOf, setCap } from "../accounts/account.ts";
import { createKey, listKeys, revokeKey } from "../accounts/keys.ts";
import {
  budgetPutSchema,
  budgetSchema,
  keyCreatedSchema,
  keyCreateSchema,
  keyListSchema,
  keySchema,
  pageQuerySchema,
  usageQuerySchema,
  usageReportSchema,
} from "../contract/index.ts";
import { idempotently } from "../http/idempotency.ts";
import { json, jsonBody, route, routeGroup } from "./define.ts";

export const accounts = routeGroup();

accounts.openapi(
  route({
    method: "post",
    path: "/v1/keys",
    tags: ["Account"],
    summary: "Make an API key; it is shown once",
    description:
      "A call repeated with the same Idempotency-Key makes no second key; its answer leaves `key` out, because keys are not stored.",
    scope: "admin",
    idempotent: true,
    request: { ...jsonBody(keyCreateSchema) },
    answers: { 201: json(keyCreatedSchema, "The key") },
    fails: [400, 403, 422],
  }),
  async (c) => {
    const { name, scopes, ...limits } = c.req.valid("json");
    const { expires_in_seconds: lifeS, requests_per_minute: requestsPerMinute } = limits;
    const make = async () => {
      const now = Date.now();
      const expiresAt = lifeS === undefined ? null : now + lifeS * 1000;
      const { tenantId } = c.var.principal;
      const input = { name, scopes, expiresAt, requestsPerMinute };
      return c.json(await createKey(c.env.DB, tenantId, input, now), 201);
    };
    const withoutSecret = (body: string) => {
      const { key: _, ...rest } = JSON.parse(body) as Record<string, unknown>;
      return JSON.stringify(rest);
    };
    return (await idempotently(c, make, { redact: withoutSecret })) as never;
  },
);

accounts.openapi(
  route({
    method: "get",
    path: "/v1/keys",
    tags: ["Account"],
    summary: "List API keys",
    scope: "admin",
    request: {
      query: pageQuerySchema.extend({
        prefix: z.string().min(1).max(64).optional().openapi({
          description: "Keys that begin so; the first twelve characters count",
          example: "rosa2_4fT9",
        }),
      }),
    },
    answers: { 200: json(keyListSchema, "One page of keys, without their secrets") },
    fails: [400, 403],
  }),
  async (c) => {
    const page = await listKeys(c.env.DB, c.var.principal.tenantId, c.req.valid("query"));
    return c.json({ object: "list" as const, ...page }, 200);
  },
);

accounts.openapi(
  route({
    method: "delete",
    path: "/v1/keys/{k}",
    tags: ["Account"],
    summary: "Revoke an API key; it stops working within a minute",
    scope: "admin",
    request: { params: z.object({ k: z.string() }) },
    answers: { 200: json(keySchema, "The revoked key") },
    fails: [403, 404],
  }),
  async (c) => {
    const { k } = c.req.valid("param");
    return c.json(await revokeKey(c.env.DB, c.var.principal.tenantId, k, Date.now()), 200);
  },
);

accounts.openapi(
  route({
    method: "get",
    path: "/v1/usage",
    tags: ["Account"],
    summary: "Tokens, adaptations and cost by day, session or key; what adaptation changes",
    scope: "admin",
    request: { query: usageQuerySchema },
    answers: { 200: json(usageReportSchema, "Usage") },
    fails: [400, 403],
  }),
  async (c) => {
    const { group_by: groupBy, ...range } = c.req.valid("query");
    const { tenantId } = c.var.principal;
    return c.json(await accountOf(c.env, tenantId).usage(tenantId, { groupBy, ...range }), 200);
  },
);

accounts.openapi(
  route({
    method: "get",
    path: "/v1/budget",
    tags: ["Account"],
    summary: "This month's cap, spend and reservations",
    scope: "admin",
    answers: { 200: json(budgetSchema, "Budget") },
    fails: [403],
  }),
  async (c) => {
    const { tenantId } = c.var.principal;
    return c.json(await accountOf(c.env, tenantId).budget(tenantId), 200);
  },
);

accounts.openapi(
  route({
    method: "put",
    path: "/v1/budget",
    tags: ["Account"],
    summary: "Set or lift the monthly spend cap",
    description:
      "A cap holds at once. Where there was none before, there are two exceptions. If more than 512 sessions are open, each older one that rests may make one more call, from which it learns of the cap. Stateless calls in other regions may go on until the first of them ends, for ten seconds at most.",
    scope: "admin",
    request: jsonBody(budgetPutSchema),
    answers: { 200: json(budgetSchema, "Budget") },
    fails: [400, 403],
  }),
  async (c) => {
    const { tenantId } = c.var.principal;
    const { cap_usd } = c.req.valid("json");
    return c.json(await setCap(c.env, tenantId, cap_usd), 200);
  },
);
