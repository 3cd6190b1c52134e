/** The Worker's routes in one place: middleware, the API, its documents, and the one error handler. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { describeApi } from "./docs/document.ts";
import { guidesPage } from "./docs/guides-page.ts";
import { type ApiDocument, referencePage } from "./docs/page.ts";
import type { Html } from "./docs/schema.ts";
import { style } from "./docs/style.ts";
import type { AppEnv } from "./http/context.ts";
import { answerError, refuseInvalid, refuseUnknown } from "./http/errors.ts";
import { pageHeaders, safeHeaders } from "./http/headers.ts";
import {
  accessLog,
  account,
  counters,
  crossOrigin,
  identify,
  mediaType,
  sizeLimit,
} from "./http/middleware.ts";
import { accounts } from "./routes/accounts.ts";
import { generations } from "./routes/generations.ts";
import { chat } from "./routes/openai/chat.ts";
import { responses } from "./routes/openai/responses.ts";
import { service } from "./routes/service.ts";
import { sessions } from "./routes/sessions.ts";
import { tenant } from "./routes/tenant.ts";
import { tokens } from "./routes/tokens.ts";
import { turns } from "./routes/turns.ts";
import { webhooks } from "./routes/webhooks.ts";
import { words } from "./routes/words.ts";

export function createApp(): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid });
  app.use(identify, accessLog, counters, safeHeaders, crossOrigin, sizeLimit, mediaType);
  app.use("/v1/*", account);
  for (const routes of [
    service,
    chat,
    responses,
    sessions,
    turns,
    words,
    generations,
    accounts,
    tokens,
    tenant,
    webhooks,
  ]) {
    app.route("/", routes);
  }
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description:
      "An API key, for servers: `Authorization: Bearer rosa2_…`; or a client token, for one owner's phone or browser. A key acts for one owner with the header `x-rosa2-owner`",
  });
  serveDocuments(app);
  const known = app.routes.filter(({ method }) => method !== "ALL");
  app.notFound((c) => refuseUnknown(c, known));
  app.onError((error, c) => answerError(error, c));
  return app;
}

/** `/openapi.json`, the page that shows it, and the guides; each made once. */
function serveDocuments(app: OpenAPIHono<AppEnv>): void {
  let document: ApiDocument | undefined;
  const described = () => {
    document ??= describeApi(app);
    return document;
  };
  app.get("/openapi.json", (c) => c.json(described() as object));
  servePage(app, "/docs", () => referencePage(described()));
  servePage(app, "/docs/guides", guidesPage);
}

function servePage(app: OpenAPIHono<AppEnv>, path: string, make: () => Html): void {
  let page: { body: string; headers: Record<string, string> } | undefined;
  app.get(path, async (c) => {
    if (page === undefined) {
      const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
      const styleDigest = btoa(String.fromCharCode(...new Uint8Array(digest)));
      page = { body: String(await make()), headers: pageHeaders(styleDigest) };
    }
    return c.html(page.body, 200, page.headers);
  });
}
