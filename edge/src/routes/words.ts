/** What a session has learnt about words: read it, undo it, change it. */
import { z } from "@hono/zod-openapi";
import { constraintPatchSchema, lexiconSchema, wordsStateSchema } from "../contract/index.ts";
import { idempotencyOf, mySession } from "../http/context.ts";
import { unwrap } from "../rpc.ts";
import { json, jsonBody, route, routeGroup, sessionParam } from "./define.ts";

export const words = routeGroup();

const answer = json(wordsStateSchema, "The words as they now are");
const constraintParams = sessionParam.extend({ c: z.string() });
const senseParams = sessionParam.extend({ w: z.string() });

words.openapi(
  route({
    method: "get",
    path: "/v1/sessions/{s}/words",
    tags: ["Words"],
    summary: "Read what the session has learnt about words",
    scope: "chat",
    request: { params: sessionParam },
    answers: { 200: answer },
    fails: [404],
  }),
  async (c) => c.json(await unwrap(mySession(c, c.req.valid("param").s).words()), 200),
);

words.openapi(
  route({
    method: "post",
    path: "/v1/sessions/{s}/words/undo",
    tags: ["Words"],
    summary: "Take the latest revision of the words back, with what was learnt from it",
    scope: "adapt",
    idempotent: true,
    request: { params: sessionParam },
    answers: { 200: answer },
    fails: [400, 403, 404, 409, 422],
  }),
  async (c) => {
    const session = mySession(c, c.req.valid("param").s);
    return c.json(await unwrap(session.changeWords({ kind: "undo" }, await idempotencyOf(c))), 200);
  },
);

words.openapi(
  route({
    method: "patch",
    path: "/v1/sessions/{s}/words/constraints/{c}",
    tags: ["Words"],
    summary: "Change the text or the scope of a constraint",
    scope: "adapt",
    request: { params: constraintParams, ...jsonBody(constraintPatchSchema) },
    answers: { 200: answer },
    fails: [400, 403, 404],
  }),
  async (c) => {
    const { s, c: constraintId } = c.req.valid("param");
    const change = { kind: "edit" as const, constraintId, patch: c.req.valid("json") };
    return c.json(await unwrap(mySession(c, s).changeWords(change)), 200);
  },
);

words.openapi(
  route({
    method: "delete",
    path: "/v1/sessions/{s}/words/constraints/{c}",
    tags: ["Words"],
    summary: "Withdraw a constraint",
    scope: "adapt",
    request: { params: constraintParams },
    answers: { 200: answer },
    fails: [403, 404],
  }),
  async (c) => {
    const { s, c: constraintId } = c.req.valid("param");
    return c.json(await unwrap(mySession(c, s).changeWords({ kind: "delete", constraintId })), 200);
  },
);

words.openapi(
  route({
    method: "delete",
    path: "/v1/sessions/{s}/words/senses/{w}",
    tags: ["Words"],
    summary: "Forget what was learnt about an ambiguous wording",
    scope: "adapt",
    request: { params: senseParams },
    answers: { 200: answer },
    fails: [403, 404],
  }),
  async (c) => {
    const { s, w: senseId } = c.req.valid("param");
    return c.json(await unwrap(mySession(c, s).changeWords({ kind: "forget", senseId })), 200);
  },
);

words.openapi(
  route({
    method: "get",
    path: "/v1/sessions/{s}/words/lexicon",
    tags: ["Words"],
    summary: "Read the session's own senses",
    scope: "chat",
    request: { params: sessionParam },
    answers: { 200: json(lexiconSchema, "Own senses") },
    fails: [404],
  }),
  async (c) => {
    const senses = await unwrap(mySession(c, c.req.valid("param").s).lexicon());
    return c.json({ senses }, 200);
  },
);

words.openapi(
  route({
    method: "put",
    path: "/v1/sessions/{s}/words/lexicon",
    tags: ["Words"],
    summary: "Set the session's own senses",
    description:
      "What was learnt about a sense whose readings change is forgotten, and older revisions can no longer be taken back then.",
    scope: "adapt",
    request: { params: sessionParam, ...jsonBody(lexiconSchema) },
    answers: { 200: json(lexiconSchema, "Own senses") },
    fails: [400, 403, 404, 413],
  }),
  async (c) => {
    const { senses } = c.req.valid("json");
    return c.json(
      { senses: await unwrap(mySession(c, c.req.valid("param").s).setLexicon(senses)) },
      200,
    );
  },
);
