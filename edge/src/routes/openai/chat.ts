/** OpenAI-compatible chat completions, with or without a session. */
import { z } from "@hono/zod-openapi";
import { costSchema, usageSchema } from "../../contract/index.ts";
import {
  type AppContext,
  background,
  idempotencyOf,
  mySession,
  traceOf,
} from "../../http/context.ts";
import { idempotently, type Owe } from "../../http/idempotency.ts";
import { sseResponse, streamOf } from "../../http/sse.ts";
import { newId } from "../../ids.ts";
import { namedModel, servedModel } from "../../inference/served-model.ts";
import { unwrap } from "../../rpc.ts";
import type { History } from "../../session/store/dialogue.ts";
import { jsonBody, jsonOrEvents, route, routeGroup } from "../define.ts";
import { ChunkWriter, completion, type ReplyEvent, type ReplyHead } from "./answer.ts";
import { conversationOf } from "./conversation.ts";
import {
  type ChatRequest,
  chatRequestSchema,
  checkRequest,
  toMessages,
  toSampling,
} from "./request.ts";
import { sessionReply, statelessCall, statelessReply } from "./source.ts";

export const chat = routeGroup();

const completionSchema = z
  .object({
    id: z.string(),
    object: z.literal("chat.completion"),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        message: z.object({
          role: z.literal("assistant"),
          content: z.string().nullable(),
          refusal: z.null(),
          reasoning_content: z.string().optional(),
          tool_calls: z
            .array(
              z.object({
                id: z.string(),
                type: z.literal("function"),
                function: z.object({ name: z.string(), arguments: z.string() }),
              }),
            )
            .optional(),
        }),
        logprobs: z.unknown().nullable(),
        finish_reason: z.enum(["stop", "length", "tool_calls"]),
      }),
    ),
    usage: usageSchema,
    rosa2: z.object({ session: z.string().nullable(), generation: z.string(), cost: costSchema }),
  })
  .openapi("ChatCompletion");

chat.openapi(
  route({
    method: "post",
    path: "/v1/chat/completions",
    tags: ["Chat"],
    summary: "OpenAI-compatible chat completion",
    description:
      "Without a session: the base model, no state. With the header `x-rosa2-session`: the last user message becomes the session's next turn, answered with the server's history, the session's words and its active generation; the reply's `id` is the turn's. A system message becomes the instructions of a session that has none and no turn yet; later it must be the same. Earlier messages are compared with the history and never replace it: the answer's header `x-rosa2-history` says `matched`, `differs`, or `server` where none were sent. `x-rosa2-session: none` says that a request belongs to no session: for a chat client's side requests (titles, tags), where its other requests carry the header.",
    scope: "chat",
    idempotent: true,
    request: {
      headers: z.object({ "x-rosa2-session": z.string().optional() }),
      ...jsonBody(chatRequestSchema),
    },
    answers: {
      200: jsonOrEvents(completionSchema, "The reply"),
    },
    fails: [400, 402, 403, 404, 409, 413, 422, 503],
  }),
  async (c) => {
    const body = c.req.valid("json");
    checkRequest(body);
    await namedModel(c.env, body.model, (work) => background(c, work));
    const sessionId = c.req.header("x-rosa2-session") ?? "none";
    if (sessionId !== "none") return (await chatInSession(c, body, sessionId)) as never;
    return (await idempotently(c, (keyed) => chatWithoutState(c, body, keyed?.owe), {
      sharded: true,
    })) as never;
  },
);

async function chatWithoutState(c: AppContext, body: ChatRequest, owe?: Owe): Promise<Response> {
  const id = newId("chatcmpl");
  const call = statelessCall(c, id, body.stream === true, owe);
  const messages = toMessages(body);
  const events = statelessReply(call, messages, toSampling(body));
  return answer(c, body, { ...headOf(id), session: null, generation: "base" }, events);
}

async function chatInSession(
  c: AppContext,
  body: ChatRequest,
  sessionId: string,
): Promise<Response> {
  const { request, said } = conversationOf(toMessages(body));
  const begun = await unwrap(
    mySession(c, sessionId).turnStream(
      {
        content: request,
        said,
        sampling: toSampling(body),
        keyId: c.var.principal.keyId,
        idempotency: await idempotencyOf(c),
      },
      traceOf(c, body.stream === true),
    ),
  );
  const { turnId, generation, history, stream } = begun;
  const head = { ...headOf(turnId), session: sessionId, generation, history };
  return answer(c, body, head, sessionReply(turnId, stream));
}

function headOf(id: string) {
  return { id, created: Math.floor(Date.now() / 1000) };
}

async function answer(
  c: AppContext,
  body: ChatRequest,
  from: Omit<ReplyHead, "model" | "calls"> & { history?: History },
  events: AsyncGenerator<ReplyEvent>,
): Promise<Response> {
  const headers = {
    "x-rosa2-generation": from.generation,
    ...(from.session === null
      ? {}
      : {
          "x-rosa2-session": from.session,
          "x-rosa2-turn": from.id,
          "x-rosa2-history": from.history ?? "server",
        }),
  };
  const servedId = async () =>
    (await servedModel(c.env, (work) => background(c, work)))?.id ?? body.model;
  const head = { ...from, model: body.model, calls: (body.tools?.length ?? 0) > 0 };
  if (body.stream !== true) {
    const whole = await completion(head, events);
    return c.json({ ...whole, model: await servedId() }, 200, headers);
  }
  const first = await events.next();
  // A service that could not name its model at first has begun to answer by now.
  const model = await servedId();
  const includeUsage = body.stream_options?.include_usage === true;
  const writer = new ChunkWriter({ ...head, model }, includeUsage, c.var.requestId);
  return sseResponse(streamOf(first, events, writer), headers);
}
