/** The Worker's routes in one place: middleware, the API, its documents, and the one error handler. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { RosaError } from "@rosa2/shared/errors";
import { Scalar } from "@scalar/hono-api-reference";
import type { AppEnv } from "./http/context.ts";
import { answerError, refuseInvalid } from "./http/errors.ts";
import { account, crossOrigin, identify, sizeLimit } from "./http/middleware.ts";
import { accounts } from "./routes/accounts.ts";
import { chat } from "./routes/chat.ts";
import { generations } from "./routes/generations.ts";
import { service } from "./routes/service.ts";
import { sessions } from "./routes/sessions.ts";
import { turns } from "./routes/turns.ts";
import { words } from "./routes/words.ts";

export function createApp(): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid });
  app.use(identify, crossOrigin, sizeLimit);
  app.use("/v1/*", account);
  for (const routes of [service, chat, sessions, turns, words, generations, accounts]) {
    app.route("/", routes);
  }
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "An API key: `Authorization: Bearer rosa2_…`",
  });
  app.doc31("/openapi.json", {
    openapi: "3.1.0",
    info: {
      title: "rosa2",
      version: "0.1.0",
      description:
        "A hosted chat API that adapts inside a conversation: words first, then weights. Errors always have the shape of `Error`.",
      license: { name: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: [
      "Chat",
      "Sessions",
      "Turns",
      "Feedback",
      "Words",
      "Generations",
      "Account",
      "Service",
    ].map((name) => ({ name })),
  });
  app.get("/docs", Scalar({ url: "/openapi.json", pageTitle: "rosa2 API", telemetry: false }));
  app.notFound((c) => {
    throw new RosaError("not_found", `No route ${c.req.method} ${c.req.path}`);
  });
  app.onError((error, c) => answerError(error, c));
  return app;
}
