/** The Worker's routes in one place: middleware, the API, and the one error handler. Its documents are files (docs/files.ts). */
import { OpenAPIHono } from "@hono/zod-openapi";
import { RegExpRouter } from "hono/router/reg-exp-router";
import type { H, RouterRoute } from "hono/types";
import type { AppEnv } from "./http/context.ts";
import { answerError, refuseInvalid, refuseUnknown } from "./http/errors.ts";
import { safeHeaders } from "./http/headers.ts";
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
  // Refuses at once a path that it cannot match quickly; hono's usual choice would take a slower router for all paths.
  const router = new RegExpRouter<[H, RouterRoute]>();
  const app = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid, router });
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
  const known = app.routes.filter(({ method }) => method !== "ALL");
  app.notFound((c) => refuseUnknown(c, known));
  app.onError((error, c) => answerError(error, c));
  return app;
}
