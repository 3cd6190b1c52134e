/** Security headers of every answer; it knows no route. */
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./context.ts";

/** The owner that a server key acts for. */
export const ownerHeader = "x-rosa2-owner";

/** For answers that are not pages: nothing is loaded or run, and no frame shows them. */
const dataPolicy = "default-src 'none'; frame-ancestors 'none'";

/**
 * Headers set by a route stay. They are set on the answer itself, because the context's own method makes a new answer
 * for each header.
 */
export const safeHeaders = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const { headers } = c.res;
  const defaults: Record<string, string> = {
    "content-security-policy": dataPolicy,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    // Answers of an account must not be cached elsewhere.
    ...(c.req.path.startsWith("/v1/") ? { "cache-control": "no-store" } : {}),
    // Browsers ignore it over http; it is left out so that local use shows nothing odd.
    ...(c.req.url.startsWith("https:")
      ? { "strict-transport-security": "max-age=31536000; includeSubDomains" }
      : {}),
  };
  for (const [name, value] of Object.entries(defaults)) {
    if (!headers.has(name)) headers.set(name, value);
  }
});
