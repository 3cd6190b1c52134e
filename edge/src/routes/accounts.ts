/** Keys, usage and budget of a tenant. */
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { readBudget, setBudget } from "../accounts/budget.ts";
import { createKey, listKeys, revokeKey } from "../accounts/keys.ts";
import { reportUsage } from "../accounts/usage.ts";
import {
  budgetPutSchema,
  budgetSchema,
  keyCreatedSchema,
  keyCreateSchema,
  keyListSchema,
  keySchema,
  usageQuerySchema,
  usageReportSchema,
} from "../contract/index.ts";
import type { AppEnv } from "../http/context.ts";
import { refuseInvalid } from "../http/errors.ts";
import { idempotently } from "../http/idempotency.ts";
import { needs } from "../http/middleware.ts";
import { bearer, errors, idempotencyHeader, json, jsonBody } from "./define.ts";

export const accounts = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid });
const admin = needs("admin");

accounts.openapi(
  createRoute({
    method: "post",
    path: "/v1/keys",
    tags: ["Account"],
    summary: "Make an API key; it is shown once",
    description:
      "A call repeated with the same Idempotency-Key makes no second key; its answer leaves `key` out, because keys are not stored.",
    security: bearer,
    middleware: admin,
    request: { headers: idempotencyHeader, ...jsonBody(keyCreateSchema) },
    responses: { 201: json(keyCreatedSchema, "The key"), ...errors(400, 403, 422) },
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
  createRoute({
    method: "get",
    path: "/v1/keys",
    tags: ["Account"],
    summary: "List API keys",
    security: bearer,
    middleware: admin,
    responses: { 200: json(keyListSchema, "Keys, without their secrets"), ...errors(403) },
  }),
  async (c) => {
    const data = await listKeys(c.env.DB, c.var.principal.tenantId);
    return c.json({ object: "list" as const, data }, 200);
  },
);

accounts.openapi(
  createRoute({
    method: "delete",
    path: "/v1/keys/{k}",
    tags: ["Account"],
    summary: "Revoke an API key; it stops working within a minute",
    security: bearer,
    middleware: admin,
    request: { params: z.object({ k: z.string() }) },
    responses: { 200: json(keySchema, "The revoked key"), ...errors(403, 404) },
  }),
  async (c) => {
    const { k } = c.req.valid("param");
    return c.json(await revokeKey(c.env.DB, c.var.principal.tenantId, k, Date.now()), 200);
  },
);

accounts.openapi(
  createRoute({
    method: "get",
    path: "/v1/usage",
    tags: ["Account"],
    summary: "Tokens, adaptations and cost by day, session or key",
    security: bearer,
    middleware: admin,
    request: { query: usageQuerySchema },
    responses: { 200: json(usageReportSchema, "Usage"), ...errors(400, 403) },
  }),
  async (c) => {
    const { group_by: groupBy, ...range } = c.req.valid("query");
    const report = await reportUsage(c.env.DB, c.var.principal.tenantId, { groupBy, ...range });
    return c.json(report, 200);
  },
);

accounts.openapi(
  createRoute({
    method: "get",
    path: "/v1/budget",
    tags: ["Account"],
    summary: "This month's cap, spend and reservations",
    security: bearer,
    middleware: admin,
    responses: { 200: json(budgetSchema, "Budget"), ...errors(403) },
  }),
  async (c) => c.json(await readBudget(c.env.DB, c.var.principal.tenantId, Date.now()), 200),
);

accounts.openapi(
  createRoute({
    method: "put",
    path: "/v1/budget",
    tags: ["Account"],
    summary: "Set or lift the monthly spend cap",
    security: bearer,
    middleware: admin,
    request: jsonBody(budgetPutSchema),
    responses: { 200: json(budgetSchema, "Budget"), ...errors(400, 403) },
  }),
  async (c) => {
    const { tenantId } = c.var.principal;
    const now = Date.now();
    await setBudget(c.env.DB, tenantId, c.req.valid("json").cap_usd, now);
    return c.json(await readBudget(c.env.DB, tenantId, now), 200);
  },
);
