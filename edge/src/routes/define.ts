/** Defines a route: scope, answers and failures once; security and shared errors are added here. */
import { createRoute, OpenAPIHono, type RouteConfig, z } from "@hono/zod-openapi";
import { errorSchema, type Scope } from "../contract/index.ts";
import type { AppEnv } from "../http/context.ts";
import { refuseInvalid } from "../http/errors.ts";
import { needs } from "../http/middleware.ts";

/** An empty group of routes. */
export function routeGroup(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid });
}

/**
 * One route of the API.
 *
 * `scope` is what a key must hold: `any` for every valid key, `public` for a route without a key.
 * `idempotent` says that the route takes an Idempotency-Key. `fails` are its own error statuses; 401, 429
 * and 500 are every keyed route's.
 *
 * @example
 * group.openapi(
 *   route({
 *     method: "get",
 *     path: "/v1/things/{t}",
 *     tags: ["Things"],
 *     summary: "Read a thing",
 *     scope: "chat",
 *     request: { params: z.object({ t: z.string() }) },
 *     answers: { 200: json(thingSchema, "The thing") },
 *     fails: [404],
 *   }),
 *   (c) => c.json(thing, 200),
 * );
 */
export function route<
  const Method extends RouteConfig["method"],
  const Path extends string,
  Request extends NonNullable<RouteConfig["request"]>,
  Answers extends RouteConfig["responses"],
  Status extends FailureStatus = never,
>(definition: {
  method: Method;
  path: Path;
  tags: string[];
  summary: string;
  description?: string;
  scope: Scope | "any" | "public";
  idempotent?: boolean;
  request?: Request;
  answers: Answers;
  fails?: Status[];
}) {
  const { scope, idempotent = false, request, answers, fails = [], ...rest } = definition;
  const headers = [request?.headers, idempotent ? idempotencyHeader : undefined].filter(
    (one) => one !== undefined,
  ) as z.ZodObject[];
  return createRoute({
    operationId: operationIdOf(definition.method, definition.path),
    ...rest,
    ...(scope === "public" ? {} : { security: [{ bearer: [] }] }),
    middleware: scope === "public" || scope === "any" ? [] : [needs(scope)],
    request: {
      ...request,
      ...(headers.length === 0
        ? {}
        : { headers: headers.reduce((all, one) => all.extend(one.shape)) }),
    } as Request,
    responses: {
      ...answers,
      ...(scope === "public"
        ? {}
        : errors(
            ...fails,
            ...(request?.body === undefined ? [] : ([415] as const)),
            ...(idempotent ? ([400, 422] as const) : []),
          )),
    } as Answers & ErrorAnswers<Status>,
  });
}

/** A route's name in generated clients: its method and the subject of its path, `get /v1/sessions/{s}` → `getSession`. */
function operationIdOf(method: string, path: string): string {
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== "v1");
  const words = segments.flatMap((segment, i) => {
    if (segment.startsWith("{")) return [];
    const isOne = segments[i + 1]?.startsWith("{") === true;
    return (isOne ? segment.replace(/s$/, "") : segment).split("_");
  });
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

export function json<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { "application/json": { schema } } };
}

export function jsonBody<T extends z.ZodType>(schema: T) {
  return { body: { required: true, content: { "application/json": { schema } } } };
}

/** A JSON answer, or server-sent events when the body asks to `stream`. */
export function jsonOrEvents<T extends z.ZodType>(schema: T, description: string) {
  return {
    description,
    content: {
      "application/json": { schema },
      "text/event-stream": { schema: z.string() },
    },
  };
}

const meanings = {
  400: "The request is not valid",
  401: "No valid API key or client token",
  402: "The month's spend cap is reached",
  403: "The key or client token lacks the scope",
  404: "No such thing, or another tenant's or owner's",
  409: "Not possible in the present state",
  413: "The body is too large",
  415: "The body is not JSON, or compressed",
  422: "The Idempotency-Key was used with another request",
  429: "Too many requests",
  500: "A bug",
  503: "The GPU service cannot be reached; what was sent is kept and can be retried",
} as const;

type FailureStatus = keyof typeof meanings;
type ErrorAnswers<Status extends FailureStatus> = Record<
  Status | 401 | 429 | 500,
  ReturnType<typeof json<typeof errorSchema>>
>;

/** Error answers by status; every keyed route has 401, 429 and 500. */
function errors(...statuses: FailureStatus[]) {
  const all: FailureStatus[] = [401, 429, 500, ...statuses];
  return Object.fromEntries(all.map((status) => [status, json(errorSchema, meanings[status])]));
}

export const sessionParam = z.object({
  s: z.string().openapi({
    param: { name: "s", in: "path" },
    example: "ses_Ag3kPz9xWq1Tn5Yb7Ls0Vd2Hf4Jr6Mc8Ue-QiSoKwZE",
  }),
});
export const turnParams = sessionParam.extend({
  t: z
    .string()
    .openapi({ param: { name: "t", in: "path" }, example: "turn_01KAQ2V9M6M8YB6T1N3D5P7QRS" }),
});
export const generationParams = sessionParam.extend({
  g: z.string().openapi({ param: { name: "g", in: "path" }, example: "base" }),
});

const idempotencyHeader = z.object({
  "idempotency-key": z
    .string()
    .optional()
    .openapi({ description: "The same key with the same request gives the same answer" }),
});
