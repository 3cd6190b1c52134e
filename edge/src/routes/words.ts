/** What a session has learnt about words: read it, undo it, change it. */
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { constraintPatchSchema, lexiconSchema, wordsStateSchema } from "../contract/index.ts";
import { type AppEnv, idempotencyOf, mySession } from "../http/context.ts";
import { refuseInvalid } from "../http/errors.ts";
import { needs } from "../http/middleware.ts";
import { unwrap } from "../rpc.ts";
import { bearer, errors, idempotencyHeader, json, jsonBody, sessionParam } from "./define.ts";

export const words = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid });

const answer = json(wordsStateSchema, "The words as they now are");
const constraintParams = sessionParam.extend({ c: z.string() });
const senseParams = sessionParam.extend({ w: z.string() });

words.openapi(
  createRoute({
    method: "get",
    path: "/v1/sessions/{s}/words",
    tags: ["Words"],
    summary: "Read what the session has learnt about words",
    security: bearer,
    middleware: needs("chat"),
    request: { params: sessionParam },
    responses: { 200: answer, ...errors(404) },
  }),
  async (c) => c.json(await unwrap(mySession(c, c.req.valid("param").s).words()), 200),
);

words.openapi(
  createRoute({
    method: "post",
    path: "/v1/sessions/{s}/words/undo",
    tags: ["Words"],
    summary: "Take the latest revision of the words back, with what was learnt from it",
    security: bearer,
    middleware: needs("adapt"),
    request: { headers: idempotencyHeader, params: sessionParam },
    responses: { 200: answer, ...errors(400, 403, 404, 409, 422) },
  }),
  async (c) => {
    const session = mySession(c, c.req.valid("param").s);
    return c.json(await unwrap(session.changeWords({ kind: "undo" }, await idempotencyOf(c))), 200);
  },
);

words.openapi(
  createRoute({
    method: "patch",
    path: "/v1/sessions/{s}/words/constraints/{c}",
    tags: ["Words"],
    summary: "Change the text or the scope of a constraint",
    security: bearer,
    middleware: needs("adapt"),
    request: { params: constraintParams, ...jsonBody(constraintPatchSchema) },
    responses: { 200: answer, ...errors(400, 403, 404) },
  }),
  async (c) => {
    const { s, c: constraintId } = c.req.valid("param");
    const change = { kind: "edit" as const, constraintId, patch: c.req.valid("json") };
    return c.json(await unwrap(mySession(c, s).changeWords(change)), 200);
  },
);

words.openapi(
  createRoute({
    method: "delete",
    path: "/v1/sessions/{s}/words/constraints/{c}",
    tags: ["Words"],
    summary: "Withdraw a constraint",
    security: bearer,
    middleware: needs("adapt"),
    request: { params: constraintParams },
    responses: { 200: answer, ...errors(403, 404) },
  }),
  async (c) => {
    const { s, c: constraintId } = c.req.valid("param");
    return c.json(await unwrap(mySession(c, s).changeWords({ kind: "delete", constraintId })), 200);
  },
);

words.openapi(
  createRoute({
    method: "delete",
    path: "/v1/sessions/{s}/words/senses/{w}",
    tags: ["Words"],
    summary: "Forget what was learnt about an ambiguous wording",
    security: bearer,
    middleware: needs("adapt"),
    request: { params: senseParams },
    responses: { 200: answer, ...errors(403, 404) },
  }),
  async (c) => {
    const { s, w: senseId } = c.req.valid("param");
    return c.json(await unwrap(mySession(c, s).changeWords({ kind: "forget", senseId })), 200);
  },
);

words.openapi(
  createRoute({
    method: "get",
    path: "/v1/sessions/{s}/words/lexicon",
    tags: ["Words"],
    summary: "Read the session's own senses",
    security: bearer,
    middleware: needs("chat"),
    request: { params: sessionParam },
    responses: { 200: json(lexiconSchema, "Own senses"), ...errors(404) },
  }),
  async (c) => {
    const senses = await unwrap(mySession(c, c.req.valid("param").s).lexicon());
    return c.json({ senses }, 200);
  },
);

words.openapi(
  createRoute({
    method: "put",
    path: "/v1/sessions/{s}/words/lexicon",
    tags: ["Words"],
    summary: "Set the session's own senses",
    description:
      "What was learnt about a sense whose readings change is forgotten, and older revisions can no longer be taken back then.",
    security: bearer,
    middleware: needs("adapt"),
    request: { params: sessionParam, ...jsonBody(lexiconSchema) },
    responses: { 200: json(lexiconSchema, "Own senses"), ...errors(400, 403, 404, 413) },
  }),
  async (c) => {
    const { senses } = c.req.valid("json");
    return c.json(
      { senses: await unwrap(mySession(c, c.req.valid("param").s).setLexicon(senses)) },
      200,
    );
  },
);
