/** The one place where a failure becomes an HTTP answer. */
import type { Hook } from "@hono/zod-openapi";
import { RosaError } from "@rosa2/shared/errors";
import { HTTPException } from "hono/http-exception";
import { reportOf } from "../failure.ts";
import { KeptError } from "../rpc.ts";
import type { AppContext, AppEnv } from "./context.ts";

export function answerError(error: Error, c: AppContext): Response {
  const failure = toRosaError(error);
  c.set("failure", {
    code: failure.code,
    ...(failure.code === "internal_error" ? { error: reportOf(error) } : {}),
  });
  const headers = new Headers(c.var.rateHeaders);
  if (failure.retryAfterS !== undefined) headers.set("retry-after", String(failure.retryAfterS));
  if (failure.code === "missing_key" || failure.code === "invalid_key") {
    headers.set("www-authenticate", "Bearer");
  }
  if (failure instanceof KeptError) {
    headers.set(failure.kept.startsWith("fb_") ? "x-rosa2-feedback" : "x-rosa2-turn", failure.kept);
  }
  return Response.json(failure.body(c.var.requestId), { status: failure.status, headers });
}

function toRosaError(error: Error): RosaError {
  if (error instanceof RosaError) return error;
  if (error instanceof HTTPException && error.status === 400) {
    return new RosaError("invalid_json", "The body is not valid JSON", { cause: error });
  }
  return new RosaError("internal_error", "Something unexpected went wrong", { cause: error });
}

/** Turns a schema's first complaint into an error that names the parameter. */
// biome-ignore lint/suspicious/noExplicitAny: the hook serves every route, whatever its input is
export const refuseInvalid: Hook<any, AppEnv, any, any> = (result) => {
  if (result.success) return;
  const issue = result.error.issues[0];
  const param = issue?.path.map(String).join(".") || undefined;
  const message = issue?.message ?? "is invalid";
  throw new RosaError("invalid_request", param === undefined ? message : `${param}: ${message}`, {
    param,
  });
};
