/** Turns of a session: ask, retry, stop, follow, and give feedback. */
import { z } from "@hono/zod-openapi";
import {
  feedbackResultSchema,
  feedbackSchema,
  reachQuestionSchema,
  reachSchema,
  turnCreateSchema,
  turnSchema,
} from "../contract/index.ts";
import { samplingOf, thinks } from "../contract/sampling.ts";
import { readEventId } from "../cursors.ts";
import { idempotencyOf, mySession, traceOf } from "../http/context.ts";
import { sseResponse } from "../http/sse.ts";
import { unwrap } from "../rpc.ts";
import {
  json,
  jsonBody,
  jsonOrEvents,
  route,
  routeGroup,
  sessionParam,
  turnParams,
} from "./define.ts";

export const turns = routeGroup();

turns.openapi(
  route({
    method: "post",
    path: "/v1/sessions/{s}/turns",
    tags: ["Turns"],
    summary: "Send a request and get the session's reply",
    description:
      "With `stream`, events `turn`, `delta`…, then `done` or `error`. `reset` (rare: the reply was interrupted and came out differently) empties the text shown so far. While the GPU service starts a stream waits, with heartbeats; otherwise the answer is 503 `gpu_cold` with `Retry-After`. When the GPU service cannot be reached the turn is kept (header `x-rosa2-turn`): POST …/turns/{t}/retry, or the same request with the same Idempotency-Key, runs it again.",
    scope: "chat",
    idempotent: true,
    request: { params: sessionParam, ...jsonBody(turnCreateSchema) },
    answers: {
      200: jsonOrEvents(turnSchema, "The turn with its reply"),
    },
    fails: [400, 402, 404, 409, 413, 422, 503],
  }),
  async (c) => {
    const { s } = c.req.valid("param");
    const { content, stream, reasoning_effort: effort, ...sampling } = c.req.valid("json");
    const session = mySession(c, s);
    const output = effort === undefined ? {} : { output: { thinking: thinks(effort) } };
    const input = {
      content,
      sampling: samplingOf({ ...sampling, ...output }),
      keyId: c.var.principal.keyId,
      idempotency: await idempotencyOf(c),
    };
    if (stream) {
      const begun = await unwrap(session.turnStream(input, traceOf(c, true)));
      const headers = {
        "x-rosa2-session": s,
        "x-rosa2-turn": begun.turnId,
        "x-rosa2-generation": begun.generation,
      };
      return sseResponse(begun.stream, headers) as never;
    }
    const turn = await unwrap(session.turn(input, traceOf(c)));
    return c.json(turn, 200, {
      "x-rosa2-session": s,
      "x-rosa2-turn": turn.id,
      "x-rosa2-generation": turn.generation,
    });
  },
);

turns.openapi(
  route({
    method: "get",
    path: "/v1/sessions/{s}/turns/{t}",
    tags: ["Turns"],
    summary: "Read a turn",
    scope: "chat",
    request: { params: turnParams },
    answers: { 200: json(turnSchema, "The turn") },
    fails: [404],
  }),
  async (c) => {
    const { s, t } = c.req.valid("param");
    return c.json(await unwrap(mySession(c, s).readTurn(t)), 200);
  },
);

turns.openapi(
  route({
    method: "post",
    path: "/v1/sessions/{s}/turns/{t}/retry",
    tags: ["Turns"],
    summary: "Run a failed turn again, under the same id",
    scope: "chat",
    idempotent: true,
    request: {
      params: turnParams,
      body: {
        required: false,
        content: {
          "application/json": { schema: z.strictObject({ stream: z.boolean().default(false) }) },
        },
      },
    },
    answers: {
      200: jsonOrEvents(turnSchema, "The turn with its reply"),
    },
    fails: [400, 402, 404, 409, 422, 503],
  }),
  async (c) => {
    const { s, t } = c.req.valid("param");
    const session = mySession(c, s);
    const key = await idempotencyOf(c);
    if ((c.req.valid("json") as { stream?: boolean } | undefined)?.stream === true) {
      const stream = await unwrap(session.retryStream(t, traceOf(c, true), key));
      return sseResponse(stream, { "x-rosa2-session": s, "x-rosa2-turn": t }) as never;
    }
    return c.json(await unwrap(session.retry(t, traceOf(c), key)), 200);
  },
);

turns.openapi(
  route({
    method: "post",
    path: "/v1/sessions/{s}/turns/{t}/stop",
    tags: ["Turns"],
    summary: "End a reply where it is; the partial reply is kept",
    scope: "chat",
    idempotent: true,
    request: { params: turnParams },
    answers: { 200: json(turnSchema, "The turn as it now is") },
    fails: [400, 404, 422],
  }),
  async (c) => {
    const { s, t } = c.req.valid("param");
    return c.json(await unwrap(mySession(c, s).stop(t, await idempotencyOf(c))), 200);
  },
);

turns.openapi(
  route({
    method: "get",
    path: "/v1/sessions/{s}/turns/{t}/events",
    tags: ["Turns"],
    summary: "Follow a turn: replay after Last-Event-ID, then live",
    description:
      "Events of the reply (`turn`, `delta`, `reset`, `done`, `error`) and of feedback on it (`words`, `weights`, `feedback`). The stream ends when nothing more can come.",
    scope: "chat",
    request: {
      params: turnParams,
      headers: z.object({ "last-event-id": z.string().optional() }),
      query: z.object({
        after: z.coerce.number().int().min(0).optional().openapi({
          description: "As Last-Event-ID, for clients that cannot set headers",
        }),
      }),
    },
    answers: {
      200: {
        description: "Server-sent events with increasing ids",
        content: { "text/event-stream": { schema: z.string() } },
      },
      204: { description: "Nothing comes after this event; an EventSource stops asking" },
    },
    fails: [400, 404],
  }),
  async (c) => {
    const { s, t } = c.req.valid("param");
    const lastEventId = c.req.valid("header")["last-event-id"];
    const after =
      lastEventId === undefined ? (c.req.valid("query").after ?? 0) : readEventId(lastEventId);
    const stream = await unwrap(mySession(c, s).events(t, after));
    // Makes a browser's EventSource stop (HTML standard, 9.2.2).
    if (stream === null) return c.body(null, 204) as never;
    return sseResponse(stream, { "x-rosa2-session": s, "x-rosa2-turn": t }) as never;
  },
);

turns.openapi(
  route({
    method: "post",
    path: "/v1/sessions/{s}/turns/{t}/reach",
    tags: ["Feedback"],
    summary: "Ask whether a correction can be learned, before it is given",
    description:
      "Changes nothing and costs nothing. The correction is measured under the active wording and generation. `updates_min` is the least number of updates under this wording: the bounds on KL may stop an update earlier, and a better wording may bring the correction nearer.",
    scope: "adapt",
    idempotent: true,
    request: { params: turnParams, ...jsonBody(reachQuestionSchema) },
    answers: { 200: json(reachSchema, "How far it is") },
    fails: [400, 404, 409, 413, 503],
  }),
  async (c) => {
    const { s, t } = c.req.valid("param");
    const input = { turnId: t, ...c.req.valid("json") };
    return c.json(await unwrap(mySession(c, s).reach(input, traceOf(c))), 200);
  },
);

turns.openapi(
  route({
    method: "post",
    path: "/v1/sessions/{s}/turns/{t}/feedback",
    tags: ["Feedback"],
    summary: "Say how good a reply was; words first, then weights, then another try",
    description:
      "With `stream`, events `words`, `weights`, `turn`, `delta`…, `done`. Equal feedback on the same turn is the same feedback: it returns the stored result, or continues after an interruption. When the GPU service cannot be reached the feedback is kept (header `x-rosa2-feedback`) and processed in the background until it succeeds. Where another model rewrites, the answer has the words meanwhile: `status` is `pending`, `weights.decision` is `queued`, and the new turn follows.",
    scope: "adapt",
    idempotent: true,
    request: { params: turnParams, ...jsonBody(feedbackSchema) },
    answers: {
      200: jsonOrEvents(feedbackResultSchema, "What changed"),
    },
    fails: [400, 402, 403, 404, 409, 413, 422, 503],
  }),
  async (c) => {
    const { s, t } = c.req.valid("param");
    const body = c.req.valid("json");
    const session = mySession(c, s);
    const input = {
      turnId: t,
      body,
      keyId: c.var.principal.keyId,
      idempotency: await idempotencyOf(c),
    };
    if (body.stream) {
      const { feedbackId, stream } = await unwrap(session.feedbackStream(input, traceOf(c, true)));
      return sseResponse(stream, {
        "x-rosa2-session": s,
        "x-rosa2-feedback": feedbackId,
      }) as never;
    }
    const result = await unwrap(session.feedback(input, traceOf(c)));
    return c.json(result, 200, { "x-rosa2-session": s, "x-rosa2-feedback": result.id });
  },
);
