/** The one place where a failure becomes an HTTP answer. */
import type { Hook } from "@hono/zod-openapi";
import { type ErrorCode, RosaError } from "@rosa2/shared/errors";
import { HTTPException } from "hono/http-exception";
import { reportOf } from "../failure.ts";
import { KeptError } from "../rpc.ts";
import type { AppContext, AppEnv } from "./context.ts";
import { allowedMethods, type KnownRoute, nearPath } from "./paths.ts";

/** RFC 6750, section 3: a parameter at least must follow the scheme, and none names an error where no key was sent. */
const challenges: { [code in ErrorCode]?: string } = {
  missing_key: 'Bearer realm="rosa2"',
  invalid_key: 'Bearer realm="rosa2", error="invalid_token"',
};

export function answerError(error: Error, c: AppContext): Response {
  const failure = toRosaError(error);
  c.set("failure", {
    code: failure.code,
    ...(failure.code === "internal_error" ? { error: reportOf(error) } : {}),
  });
  const headers = new Headers(c.var.rateHeaders);
  if (failure.retryAfterS !== undefined) headers.set("retry-after", String(failure.retryAfterS));
  const challenge = challenges[failure.code];
  if (challenge !== undefined) headers.set("www-authenticate", challenge);
  if (c.var.allow !== undefined) headers.set("allow", c.var.allow);
  if (failure instanceof KeptError) {
    headers.set(failure.kept.startsWith("fb_") ? "x-rosa2-feedback" : "x-rosa2-turn", failure.kept);
  }
  const status = error instanceof HTTPException ? error.status : failure.status;
  return Response.json(failure.body(c.var.requestId), { status, headers });
}

function toRosaError(error: Error): RosaError {
  if (error instanceof RosaError) return error;
  const status = error instanceof HTTPException ? error.status : 500;
  if (status === 400) {
    return new RosaError("invalid_json", "The body is not valid JSON", { cause: error });
  }
  if (status < 500) return new RosaError("invalid_request", error.message, { cause: error });
  return new RosaError("internal_error", "Something unexpected went wrong", { cause: error });
}

/** OpenAI routes that clients call and this API does not have, each with a hint. */
const elsewhere: readonly (readonly [RegExp, string])[] = [
  [
    /^\/v1\/embeddings$/,
    "the served model gives replies and no embeddings; ask a provider of embeddings",
  ],
  [/^\/v1\/completions$/, "send messages to /v1/chat/completions"],
  [/^\/v1\/(assistants|threads|conversations)\b/, "use /v1/responses, or /v1/sessions"],
  [
    /^\/v1\/(audio|images|videos|realtime|moderations|files|uploads|batches|fine_tuning|vector_stores)\b/,
    "the served model reads and writes text alone",
  ],
];

/**
 * Throws for a path or method without a route.
 *
 * @throws RosaError `method_not_allowed` with the path's methods, `not_found` with a similar path.
 */
export function refuseUnknown(c: AppContext, routes: readonly KnownRoute[]): never {
  const { method, path } = c.req;
  const allowed = allowedMethods(routes, path);
  if (allowed.length > 0) {
    const allow = allowed.join(", ");
    c.set("allow", allow);
    throw new RosaError("method_not_allowed", `${path} takes ${allow}, not ${method}`);
  }
  const why = elsewhere.find(([route]) => route.test(path))?.[1];
  if (why !== undefined) throw new RosaError("not_found", `${path} is not served here: ${why}`);
  const near = nearPath(routes, path);
  const hint = near === null ? "" : `. Did you mean ${near}?`;
  throw new RosaError("not_found", `No route ${method} ${path}${hint}`);
}

/** Turns a schema's first issue into an error that names the parameter. */
// biome-ignore lint/suspicious/noExplicitAny: the hook serves every route, whatever its input is
export const refuseInvalid: Hook<any, AppEnv, any, any> = (result) => {
  if (result.success) return;
  const { path, message } = complaintOf(result.error.issues[0]);
  const param = path.map(String).join(".") || undefined;
  throw new RosaError("invalid_request", param === undefined ? message : `${param}: ${message}`, {
    param,
  });
};

interface Issue {
  path: PropertyKey[];
  message: string;
  code?: string;
  /** For a union: the issues of each member. */
  errors?: Issue[][];
}

/** For a union: the issue of the member that got furthest, or all allowed values. */
function complaintOf(issue: Issue | undefined): Issue {
  if (issue === undefined) return { path: [], message: "is invalid" };
  if (issue.code !== "invalid_union" || !issue.errors?.length) return issue;
  const members = issue.errors.map(([first]) => complaintOf(first));
  const depth = Math.max(...members.map(({ path }) => path.length));
  const furthest = members.filter(({ path }) => path.length === depth);
  return {
    path: [...issue.path, ...(furthest[0]?.path ?? [])],
    message: [...new Set(furthest.map(({ message }) => message))].join(" or "),
  };
}
