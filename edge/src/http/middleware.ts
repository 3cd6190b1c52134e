/** Around every route: request id, key check, rate limit, body size, headers, one log line. */
import { RosaError } from "@rosa2/shared/errors";
import { limits } from "@rosa2/shared/protocol";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import { matchedRoutes } from "hono/route";
import { authenticate } from "../accounts/keys.ts";
import { countRequest } from "../accounts/metrics.ts";
import { type Principal, requireScope } from "../accounts/principal.ts";
import { authenticateToken, isToken } from "../accounts/tokens/token.ts";
import { ownerSchema, type Scope } from "../contract/index.ts";
import { newId } from "../ids.ts";
import { type AppContext, type AppEnv, background, config } from "./context.ts";
import { ownerHeader } from "./headers.ts";
import { takeRequest } from "./rate.ts";
import { traceparentOf } from "./trace.ts";

/** Takes the caller's `x-request-id` if it is well-formed, otherwise makes one; every answer has it. */
export const identify = createMiddleware<AppEnv>(async (c, next) => {
  const given = c.req.header("x-request-id");
  const requestId = given !== undefined && /^[\w.:-]{1,128}$/.test(given) ? given : newId("req");
  c.set("requestId", requestId);
  c.set("traceparent", traceparentOf(c.req.header("traceparent")));
  c.set("startedAt", Date.now());
  await next();
  c.res.headers.set("x-request-id", requestId);
});

/** One JSON line per request, without content and keys. A bug is logged even if the log is off. */
export const accessLog = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const { failure, requestId, traceparent, startedAt } = c.var;
  if (failure?.error === undefined && !config(c).log) return;
  const line = {
    at: new Date(startedAt).toISOString(),
    request_id: requestId,
    trace_id: traceparent.split("-")[1],
    path: c.req.path,
    ...outcomeOf(c),
    ...failure,
  };
  console[c.res.status >= 500 ? "error" : "log"](JSON.stringify(line));
});

/** Counts the request if a dataset for counters is bound. */
export const counters = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  countRequest(c.env, { ...outcomeOf(c), route: matchedRoutes(c).at(-1)?.path ?? "" });
});

function outcomeOf(c: AppContext) {
  const { principal } = c.var as { principal?: { tenantId: string } };
  return {
    method: c.req.method,
    status: c.res.status,
    ms: Date.now() - c.var.startedAt,
    tenant: principal?.tenantId,
  };
}

const exposed = [
  "idempotency-replayed",
  "ratelimit",
  "ratelimit-limit",
  "ratelimit-policy",
  "ratelimit-remaining",
  "ratelimit-reset",
  "retry-after",
  "x-request-id",
  "x-rosa2-feedback",
  "x-rosa2-generation",
  "x-rosa2-history",
  "x-rosa2-session",
  "x-rosa2-turn",
];

/** Headers are set on the answer as it is; hono's own way makes one before the route's, and copies it. */
export const crossOrigin = createMiddleware<AppEnv>(async (c, next) => {
  const { corsOrigins } = config(c);
  const isAnyones = corsOrigins.includes("*");
  if (c.req.method === "OPTIONS") {
    const preflight = cors({
      origin: isAnyones ? "*" : corsOrigins,
      allowMethods: ["GET", "POST", "PUT", "PATCH", "DELETE"],
      // Any header that a listed origin requests: official clients send a dozen of their own.
      exposeHeaders: exposed,
      maxAge: 600,
    });
    return preflight(c, next);
  }
  await next();
  const { headers } = c.res;
  const origin = c.req.header("origin") ?? "";
  if (isAnyones) headers.set("access-control-allow-origin", "*");
  else if (corsOrigins.includes(origin)) headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", exposed.join(","));
  if (!isAnyones) headers.append("vary", "Origin");
});

const countedBody = bodyLimit({
  maxSize: limits.bodyBytesMax,
  onError: () => {
    throw new RosaError("payload_too_large", `A body may have ${limits.bodyBytesMax} bytes`);
  },
});

/** A body that says its length is not looked at: that would make a stream of it. */
export const sizeLimit = createMiddleware<AppEnv>(async (c, next) => {
  const length = c.req.header("content-length");
  const isTold = length !== undefined && c.req.header("transfer-encoding") === undefined;
  if (isTold && Number(length) <= limits.bodyBytesMax) return next();
  return countedBody(c, next);
});

function hasBody(request: Request): boolean {
  const length = request.headers.get("content-length");
  return length === null ? request.body !== null : length !== "0";
}

/**
 * Bodies are JSON and uncompressed; one without a content type is read as JSON.
 *
 * @throws RosaError `unsupported_media_type` for any other.
 */
export const mediaType = createMiddleware<AppEnv>(async (c, next) => {
  const { raw } = c.req;
  if (!hasBody(raw)) return next();
  const encoding = c.req.header("content-encoding") ?? "identity";
  if (encoding !== "identity") {
    throw new RosaError(
      "unsupported_media_type",
      `Cannot read a body in the encoding ${encoding}: send it uncompressed`,
      { param: "Content-Encoding" },
    );
  }
  const type = c.req.header("content-type");
  if (type === undefined) {
    const headers = new Headers(raw.headers);
    headers.set("content-type", "application/json");
    c.req.raw = new Request(raw, { headers });
  } else if (!/^application\/([\w.+-]+\+)?json *(;|$)/i.test(type)) {
    throw new RosaError(
      "unsupported_media_type",
      `Cannot read a body of the type ${type}: send application/json`,
      { param: "Content-Type" },
    );
  }
  await next();
});

/** Checks the key or client token, then its rate. */
export const account = createMiddleware<AppEnv>(async (c, next) => {
  const principal = actingFor(c, await callerOf(c));
  c.set("principal", principal);
  if (!config(c).rateLimit) return next();
  const rate = await takeRequest(c.env, principal, Date.now());
  c.set("rateHeaders", rate.headers);
  if (!rate.allowed) {
    throw new RosaError(
      "rate_limited",
      `This ${principal.token === null ? "key" : "owner"} may make ${principal.requestsPerMinute} requests a minute`,
      { retryAfterS: rate.resetS },
    );
  }
  await next();
  for (const [name, value] of Object.entries(rate.headers)) c.res.headers.set(name, value);
});

async function callerOf(c: AppContext): Promise<Principal> {
  const authorization = c.req.header("authorization");
  const now = Date.now();
  const later = (work: Promise<unknown>) => background(c, work);
  const [, bearer = ""] = /^Bearer +(\S+)$/i.exec(authorization ?? "") ?? [];
  if (!isToken(bearer)) return await authenticate(c.env.DB, authorization, now, later);
  return await authenticateToken(c.env.DB, config(c).tokenSecrets, bearer, now, later);
}

/** A server key may act for one owner; it then sees what the owner's own token would. */
function actingFor(c: AppContext, principal: Principal): Principal {
  const owner = c.req.header(ownerHeader);
  if (owner === undefined || owner === principal.owner) return principal;
  if (principal.token !== null) {
    throw new RosaError("insufficient_scope", "A client token acts for its own owner alone");
  }
  const parsed = ownerSchema.safeParse(owner);
  if (parsed.success) return { ...principal, owner };
  throw new RosaError("invalid_request", `${ownerHeader}: must be 1 to 128 visible characters`, {
    param: ownerHeader,
  });
}

export function needs(scope: Scope) {
  return createMiddleware<AppEnv>(async (c, next) => {
    requireScope(c.var.principal, scope);
    await next();
  });
}
