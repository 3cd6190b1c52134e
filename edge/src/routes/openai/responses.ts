/** OpenAI's Responses over sessions: a stored response is a turn, and the response after it the session's next turn. */
import { z } from "@hono/zod-openapi";
import {
  type AppContext,
  background,
  idempotencyOf,
  mySession,
  traceOf,
} from "../../http/context.ts";
import { idempotently, type Keyed, type Owe } from "../../http/idempotency.ts";
import { sseResponse, streamOf } from "../../http/sse.ts";
import { newId } from "../../ids.ts";
import { namedModel, servedModel } from "../../inference/served-model.ts";
import { unwrap } from "../../rpc.ts";
import { jsonBody, jsonOrEvents, route, routeGroup } from "../define.ts";
import { openDefaultSession } from "../sessions.ts";
import type { ReplyEvent } from "./answer.ts";
import { conversationOf } from "./conversation.ts";
import { type ResponseHead, ResponseWriter, wholeResponse } from "./responses-answer.ts";
import {
  type ParsedRequest,
  parseRequest,
  type ResponsesRequest,
  responseIds,
  responsesRequestSchema,
} from "./responses-request.ts";
import { sessionReply, statelessCall, statelessReply } from "./source.ts";

export const responses = routeGroup();

/** As long as OpenAI keeps a stored response. */
const storedSeconds = 30 * 24 * 3600;

const responseSchema = z
  .looseObject({
    id: z.string().openapi({ description: "What the next request names as previous_response_id" }),
    object: z.literal("response"),
    created_at: z.int().openapi({ description: "Unix seconds" }),
    status: z.enum(["completed", "incomplete"]),
    model: z.string().openapi({ description: "The model that answered" }),
    output: z.array(z.looseObject({ id: z.string(), type: z.string() })).openapi({
      description:
        "A thought, what is said, and the functions that are called, as far as there are",
    }),
    usage: z.looseObject({
      input_tokens: z.int(),
      output_tokens: z.int(),
      total_tokens: z.int(),
    }),
  })
  .openapi("Response");

responses.openapi(
  route({
    method: "post",
    path: "/v1/responses",
    tags: ["Chat"],
    summary: "OpenAI-compatible response",
    description:
      "A response is a turn of a session: of a new one that erases itself after 30 days, or, with `previous_response_id` or references to its items, the next turn of the session that holds it (header `x-rosa2-session`), so that feedback can be given and the session adapts. Messages sent along with the first become its history. With `store: false` nothing is kept, and the base model answers what the request holds.",
    scope: "chat",
    idempotent: true,
    request: { ...jsonBody(responsesRequestSchema) },
    answers: { 200: jsonOrEvents(responseSchema, "The response") },
    fails: [400, 402, 403, 404, 409, 413, 422, 503],
  }),
  async (c) => {
    const body = c.req.valid("json");
    const parsed = parseRequest(body);
    await namedModel(c.env, body.model, (work) => background(c, work));
    const respond = (keyed?: Keyed) =>
      body.store === false
        ? respondWithoutState(c, body, parsed, keyed?.owe)
        : respondInSession(c, body, parsed, keyed?.sessionId);
    const opens = body.store !== false && parsed.after === null;
    return (await idempotently(c, respond, { sessionOf, opens })) as never;
  },
);

async function respondWithoutState(
  c: AppContext,
  body: ResponsesRequest,
  { messages, sampling }: ParsedRequest,
  owe?: Owe,
): Promise<Response> {
  const id = newId("resp");
  const call = statelessCall(c, id, body.stream === true, owe);
  const name = id.slice("resp_".length);
  const ids = { response: id, message: `msg_${name}`, call: `fc_${name}`, thought: `rs_${name}` };
  const from = { ids, previous: null, session: null, generation: "base" };
  return answer(c, body, from, statelessReply(call, messages, sampling), {});
}

async function respondInSession(
  c: AppContext,
  body: ResponsesRequest,
  { messages, after, sampling }: ParsedRequest,
  opensAs: string | null | undefined,
): Promise<Response> {
  const { request, said } = conversationOf(messages);
  const wish = { instructions: said.instructions, ttlSeconds: storedSeconds };
  const sessionId = after?.sessionId ?? (await openDefaultSession(c, wish, opensAs));
  const begun = await unwrap(
    mySession(c, sessionId).turnStream(
      {
        content: request,
        said: after === null ? { ...said, adopts: true } : { ...said, after: after.turnId },
        sampling,
        keyId: c.var.principal.keyId,
        // If this call dies before its answer is saved, the same key finds the turn.
        idempotency: await idempotencyOf(c),
      },
      traceOf(c, body.stream === true),
    ),
  );
  const { turnId, generation, history, stream } = begun;
  const from = {
    ids: responseIds({ sessionId, turnId }),
    previous: after === null ? null : responseIds(after).response,
    session: sessionId,
    generation,
  };
  return answer(c, body, from, sessionReply(turnId, stream), {
    "x-rosa2-session": sessionId,
    "x-rosa2-turn": turnId,
    "x-rosa2-history": history,
  });
}

async function answer(
  c: AppContext,
  body: ResponsesRequest,
  from: Omit<ResponseHead, "model" | "created" | "request">,
  events: AsyncGenerator<ReplyEvent>,
  headers: Record<string, string>,
): Promise<Response> {
  const all = { "x-rosa2-generation": from.generation, ...headers };
  const first = await events.next();
  const model = await servedModel(c.env, (work) => background(c, work));
  const created = Math.floor(Date.now() / 1000);
  const head = { ...from, model: model?.id ?? body.model, created, request: body };
  const writer = new ResponseWriter(head);
  if (body.stream === true) return sseResponse(streamOf(first, events, writer), all);
  return c.json(await wholeResponse(writer, first, events), 200, all);
}

/** The session that an answer shows: its saved copy is erased with the session. */
function sessionOf(text: string): string | null {
  return /"session":"(ses_[\w-]+)"/.exec(text)?.[1] ?? null;
}
