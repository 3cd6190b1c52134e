/** The Worker's routes in one place: middleware, the API, its documents, and the one error handler. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { RosaError } from "@rosa2/shared/errors";
import { type ApiDocument, referencePage } from "./docs/page.ts";
import { style } from "./docs/style.ts";
import type { AppEnv } from "./http/context.ts";
import { answerError, refuseInvalid } from "./http/errors.ts";
import { pageHeaders, safeHeaders } from "./http/headers.ts";
import { account, crossOrigin, identify, sizeLimit } from "./http/middleware.ts";
import { accounts } from "./routes/accounts.ts";
import { chat } from "./routes/chat.ts";
import { generations } from "./routes/generations.ts";
import { service } from "./routes/service.ts";
import { sessions } from "./routes/sessions.ts";
import { tenant } from "./routes/tenant.ts";
import { turns } from "./routes/turns.ts";
import { words } from "./routes/words.ts";

export function createApp(): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid });
  app.use(identify, safeHeaders, crossOrigin, sizeLimit);
  app.use("/v1/*", account);
  for (const routes of [service, chat, sessions, turns, words, generations, accounts, tenant]) {
    app.route("/", routes);
  }
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "An API key: `Authorization: Bearer rosa2_…`",
  });
  serveDocuments(app);
  app.notFound((c) => {
    throw new RosaError("not_found", `No route ${c.req.method} ${c.req.path}`);
  });
  app.onError((error, c) => answerError(error, c));
  return app;
}

const description = {
  openapi: "3.1.0",
  info: {
    title: "rosa2",
    version: "0.1.0",
    description:
      "A hosted chat API that adapts inside a conversation: words first, then weights. Errors always have the shape of `Error`.",
    license: { name: "MIT" },
  },
  servers: [{ url: "/" }],
  tags: ["Chat", "Sessions", "Turns", "Feedback", "Words", "Generations", "Account", "Service"].map(
    (name) => ({ name }),
  ),
};

/** `/openapi.json` and the page that shows it, both made once and from the same document. */
function serveDocuments(app: OpenAPIHono<AppEnv>): void {
  app.doc31("/openapi.json", description);
  let page: { body: string; headers: Record<string, string> } | undefined;
  const makePage = async () => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
    const document = app.getOpenAPI31Document(description) as unknown as ApiDocument;
    return {
      body: String(await referencePage(document)),
      headers: pageHeaders(btoa(String.fromCharCode(...new Uint8Array(digest)))),
    };
  };
  app.get("/docs", async (c) => {
    page ??= await makePage();
    const { body, headers } = page;
    return c.html(body, 200, headers);
  });
}
