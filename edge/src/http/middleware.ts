/** What happens around every route: request id, key check, rate limit, body size, headers, one log line. */
import { RosaError } from "@rosa2/shared/errors";
import { limits } from "@rosa2/shared/protocol";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import { authenticate, requireScope } from "../accounts/keys.ts";
import type { Scope } from "../contract.ts";
import { newId } from "../ids.ts";
import { type AppEnv, config } from "./context.ts";

/** Takes the caller's `x-request-id` if it is a sane one, else makes one; every answer carries it. */
export const identify = createMiddleware<AppEnv>(async (c, next) => {
  const given = c.req.header("x-request-id");
  const requestId = given !== undefined && /^[\w.:-]{1,128}$/.test(given) ? given : newId("req");
  c.set("requestId", requestId);
  const startedAt = Date.now();
  await next();
  c.header("x-request-id", requestId);
  if (!config(c).log) return;
  console.log(
    JSON.stringify({
      at: new Date(startedAt).toISOString(),
      request_id: requestId,
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      ms: Date.now() - startedAt,
      tenant: (c.var as { principal?: { tenantId: string } }).principal?.tenantId,
    }),
  );
});

export const crossOrigin = createMiddleware<AppEnv>(async (c, next) => {
  const { corsOrigins } = config(c);
  const handler = cors({
    origin: corsOrigins.includes("*") ? "*" : corsOrigins,
    allowMethods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
    allowHeaders: [
      "authorization",
      "content-type",
      "idempotency-key",
      "last-event-id",
      "traceparent",
      "x-request-id",
      "x-rosa2-session",
    ],
    exposeHeaders: [
      "ratelimit-policy",
      "retry-after",
      "x-request-id",
      "x-rosa2-feedback",
      "x-rosa2-generation",
      "x-rosa2-session",
      "x-rosa2-turn",
    ],
    maxAge: 600,
  });
  return handler(c, next);
});

export const sizeLimit = bodyLimit({
  maxSize: limits.bodyBytesMax,
  onError: () => {
    throw new RosaError("payload_too_large", `A body may have ${limits.bodyBytesMax} bytes`);
  },
});

/** Figures of the binding in wrangler.toml, as clients are told. */
const rate = { requests: 1200, windowS: 60 };

/** Checks the key, then the key's rate. */
export const account = createMiddleware<AppEnv>(async (c, next) => {
  const principal = await authenticate(c.env.DB, c.req.header("authorization"), Date.now());
  c.set("principal", principal);
  if (config(c).rateLimit) {
    const { success } = await c.env.LIMITER.limit({ key: principal.keyId });
    if (!success) {
      throw new RosaError(
        "rate_limited",
        `A key may make ${rate.requests} requests in ${rate.windowS} s`,
        { retryAfterS: rate.windowS },
      );
    }
  }
  await next();
  c.header("ratelimit-policy", `"key";q=${rate.requests};w=${rate.windowS}`);
});

export function needs(scope: Scope) {
  return createMiddleware<AppEnv>(async (c, next) => {
    requireScope(c.var.principal, scope);
    await next();
  });
}
