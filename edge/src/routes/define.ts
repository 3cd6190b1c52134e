/** Helpers that keep route definitions short: JSON bodies, and the error answers that every route shares. */
import { z } from "@hono/zod-openapi";
import { errorSchema } from "../contract/index.ts";

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
  401: "No valid API key",
  402: "The month's spend cap is reached",
  403: "The key lacks the scope",
  404: "No such thing, or another tenant's",
  409: "Not possible in the present state",
  413: "The body is too large",
  422: "The Idempotency-Key was used with another request",
  429: "Too many requests",
  500: "A bug",
  503: "The GPU service cannot be reached; what was sent is kept and can be retried",
} as const;

/** Error answers by status; every keyed route has 401, 429 and 500. */
export function errors<S extends keyof typeof meanings>(...statuses: S[]) {
  const all = [401, 429, 500, ...statuses] as (keyof typeof meanings)[];
  return Object.fromEntries(
    all.map((status) => [status, json(errorSchema, meanings[status])]),
  ) as Record<S | 401 | 429 | 500, ReturnType<typeof json<typeof errorSchema>>>;
}

export const bearer = [{ bearer: [] }];

export const sessionParam = z.object({
  s: z
    .string()
    .openapi({ param: { name: "s", in: "path" }, example: "ses_01KAQ2V7S3Z3XWJ0H1G8Y4T5RM" }),
});
export const turnParams = sessionParam.extend({
  t: z
    .string()
    .openapi({ param: { name: "t", in: "path" }, example: "turn_01KAQ2V9M6M8YB6T1N3D5P7QRS" }),
});
export const generationParams = sessionParam.extend({
  g: z.string().openapi({ param: { name: "g", in: "path" }, example: "base" }),
});

export const idempotencyHeader = z.object({
  "idempotency-key": z
    .string()
    .optional()
    .openapi({ description: "The same key with the same request gives the same answer" }),
});
