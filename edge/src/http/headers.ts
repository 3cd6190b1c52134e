/** Security headers of every answer; it knows no route. */
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./context.ts";

/** The owner that a server key acts for. */
export const ownerHeader = "x-rosa2-owner";

/** An answer that is no page loads nothing, runs nothing and is shown in no frame. */
const dataPolicy = "default-src 'none'; frame-ancestors 'none'";

/** What a route has set itself stays. Set on the answer as it is: the context's own way makes a new one for each header. */
export const safeHeaders = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const { headers } = c.res;
  const defaults: Record<string, string> = {
    "content-security-policy": dataPolicy,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    // Answers of an account are nobody else's to keep.
    ...(c.req.path.startsWith("/v1/") ? { "cache-control": "no-store" } : {}),
    // Browsers ignore it over http; it is left out there so that local use shows nothing odd.
    ...(c.req.url.startsWith("https:")
      ? { "strict-transport-security": "max-age=31536000; includeSubDomains" }
      : {}),
  };
  for (const [name, value] of Object.entries(defaults)) {
    if (!headers.has(name)) headers.set(name, value);
  }
});
