/** Sessions: open, list, read, erase, fork. */
import { z } from "@hono/zod-openapi";
import { RosaError } from "@rosa2/shared/errors";
import { accountOf } from "../accounts/account.ts";
import { refuseBound } from "../accounts/principal.ts";
import type { Config } from "../config.ts";
import {
  type ContextPolicy,
  erasedSchema,
  forkSchema,
  type Mode,
  ownerSchema,
  pageQuerySchema,
  type RewriterName,
  sessionCreateSchema,
  sessionDetailSchema,
  sessionListSchema,
  sessionPatchSchema,
  sessionSchema,
  turnsPerPageMax,
} from "../contract/index.ts";
import {
  type AppContext,
  background,
  config,
  mySession,
  newSessionObject,
} from "../http/context.ts";
import { idempotently } from "../http/idempotency.ts";
import { servedModel } from "../inference/served-model.ts";
import { regionOfCaller } from "../regions.ts";
import { unwrap } from "../rpc.ts";
import type { Origin, SessionWish } from "../session/opening.ts";
import { newSessionId } from "../session-address.ts";
import { json, jsonBody, route, routeGroup, sessionParam } from "./define.ts";

export const sessions = routeGroup();

sessions.openapi(
  route({
    method: "post",
    path: "/v1/sessions",
    tags: ["Sessions"],
    summary: "Open a session",
    scope: "chat",
    idempotent: true,
    request: { ...jsonBody(sessionCreateSchema) },
    answers: { 201: json(sessionDetailSchema, "The session") },
    fails: [400, 403, 409, 422],
  }),
  async (c) => {
    const body = c.req.valid("json");
    return (await idempotently(
      c,
      async (keyed) => {
        const mode = body.adaptation?.mode ?? "both";
        const now = Date.now();
        const input = {
          owner: c.var.principal.owner,
          region: body.region ?? regionOfCaller(c.req.raw.cf),
          title: body.title ?? null,
          metadata: body.metadata ?? {},
          instructions: body.instructions ?? null,
          mode,
          context: body.adaptation?.context ?? (await contextOf(c, mode)),
          rewriter: usableRewriter(config(c), body.adaptation?.rewriter),
          reasoningEffort: body.reasoning_effort ?? null,
          lexicon: body.lexicon?.senses ?? [],
          mayBeHeldOut: mode !== "off" && body.adaptation?.holdout !== false,
          expiresAt: body.ttl_seconds === undefined ? null : now + body.ttl_seconds * 1000,
        };
        const opened = await openSession(c, input, keyed?.sessionId);
        return c.json(opened, 201, { location: `/v1/sessions/${opened.id}` });
      },
      { sessionOf: idOf, opens: true },
    )) as never;
  },
);

sessions.openapi(
  route({
    method: "get",
    path: "/v1/sessions",
    tags: ["Sessions"],
    summary: "List sessions, newest first",
    scope: "chat",
    request: {
      query: pageQuerySchema.extend({
        owner: ownerSchema.optional().openapi({ description: "Those of one owner alone" }),
        metadata: z
          .string()
          .regex(/^[\w.-]{1,64}:/, "must be key:value")
          .optional()
          .openapi({ description: "Those with this pair alone, as `key:value`" }),
      }),
    },
    answers: { 200: json(sessionListSchema, "One page") },
    fails: [400, 403],
  }),
  async (c) => {
    const { limit, cursor, owner: wanted, metadata: pair } = c.req.valid("query");
    refuseBound(c.var.principal);
    const { tenantId, owner = null } = c.var.principal;
    if (owner !== null && wanted !== undefined && wanted !== owner) {
      return c.json({ object: "list" as const, data: [], next_cursor: null }, 200);
    }
    const [key = "", ...value] = pair?.split(":") ?? [];
    const metadata = pair === undefined ? undefined : { key, value: value.join(":") };
    const page = await unwrap(
      accountOf(c.env, tenantId).listSessions(tenantId, {
        owner: owner ?? wanted,
        metadata,
        cursor,
        limit,
      }),
    );
    return c.json({ object: "list" as const, ...page }, 200);
  },
);

sessions.openapi(
  route({
    method: "get",
    path: "/v1/sessions/{s}",
    tags: ["Sessions"],
    summary: "Read a session: turns, words before and after, active generation, totals",
    scope: "chat",
    request: {
      params: sessionParam,
      query: pageQuerySchema.extend({
        limit: z.coerce
          .number()
          .int()
          .min(1)
          .max(turnsPerPageMax)
          .default(turnsPerPageMax)
          .openapi({ description: "Turns to show" }),
        cursor: pageQuerySchema.shape.cursor.openapi({
          description: "The `next_cursor` of the page before: the turns before those",
        }),
      }),
    },
    answers: { 200: json(sessionDetailSchema, "The session with one page of its turns") },
    fails: [400, 404],
  }),
  async (c) => {
    const page = c.req.valid("query");
    return c.json(await unwrap(mySession(c, c.req.valid("param").s).read(page)), 200);
  },
);

sessions.openapi(
  route({
    method: "patch",
    path: "/v1/sessions/{s}",
    tags: ["Sessions"],
    summary: "Rename a session, or change its metadata",
    scope: "chat",
    request: { params: sessionParam, ...jsonBody(sessionPatchSchema) },
    answers: { 200: json(sessionSchema, "The session") },
    fails: [400, 404],
  }),
  async (c) => {
    const { s } = c.req.valid("param");
    return c.json(await unwrap(mySession(c, s).change(c.req.valid("json"))), 200);
  },
);

sessions.openapi(
  route({
    method: "delete",
    path: "/v1/sessions/{s}",
    tags: ["Sessions"],
    summary: "Erase a session: turns, words, events, adapters",
    scope: "chat",
    request: { params: sessionParam },
    answers: { 200: json(erasedSchema, "What was erased, and what is kept") },
    fails: [404],
  }),
  async (c) => c.json(await unwrap(mySession(c, c.req.valid("param").s).erase()), 200),
);

sessions.openapi(
  route({
    method: "post",
    path: "/v1/sessions/{s}/fork",
    tags: ["Sessions"],
    summary: "Branch a session, now or at an earlier turn",
    scope: "chat",
    idempotent: true,
    request: { params: sessionParam, ...jsonBody(forkSchema) },
    answers: { 201: json(sessionDetailSchema, "The new session") },
    fails: [400, 403, 404, 409, 422],
  }),
  async (c) => {
    const { s } = c.req.valid("param");
    const body = c.req.valid("json");
    return (await idempotently(
      c,
      async (keyed) => {
        const source = mySession(c, s);
        const origin = await unwrap(source.read());
        const snapshot = await unwrap(source.snapshot(body.turn_id ?? null));
        const input = {
          owner: origin.owner,
          region: origin.region,
          title: body.title ?? origin.title,
          metadata: origin.metadata,
          instructions: origin.instructions,
          mode: origin.mode,
          context: origin.context,
          rewriter: origin.rewriter,
          reasoningEffort: origin.reasoning_effort,
          // The snapshot contains the origin's settings.
          lexicon: [],
          // Its past belongs to the origin: the comparison would count that session twice.
          mayBeHeldOut: false,
          expiresAt: origin.expires_at === null ? null : Date.parse(origin.expires_at),
        };
        const from = { sessionId: s, snapshot };
        const forked = await openSession(c, input, keyed?.sessionId, from);
        return c.json(forked, 201, { location: `/v1/sessions/${forked.id}` });
      },
      { sessionOf: idOf, opens: true },
    )) as never;
  },
);

function idOf(body: string): string {
  return (JSON.parse(body) as { id: string }).id;
}

/**
 * The model sees the dialogue, unless its checkpoint asks for the request alone and the words axis makes a request
 * stand alone.
 */
async function contextOf(c: AppContext, mode: Mode): Promise<ContextPolicy> {
  if (mode === "weights" || mode === "off") return "dialogue";
  const model = await servedModel(c.env, (work) => background(c, work));
  return model?.context_policy ?? "dialogue";
}

/** Composing and the served model are always available; the others if the deployment is set up for them. */
function usableRewriter(
  { rewriter }: Config,
  wanted: RewriterName | undefined,
): RewriterName | null {
  if (wanted === undefined) return null;
  if (wanted === "compose" || wanted === "gpu" || wanted === rewriter.name) return wanted;
  throw new RosaError("invalid_request", `This deployment has no rewriter "${wanted}"`, {
    param: "adaptation.rewriter",
  });
}

/**
 * A session as OpenAI's clients expect a conversation: both axes adapt, and the model sees the dialogue. `opensAs` is its
 * id if an Idempotency-Key fixes one.
 *
 * @returns its id.
 */
export async function openDefaultSession(
  c: AppContext,
  { instructions, ttlSeconds }: { instructions: string | null; ttlSeconds: number },
  opensAs?: string | null,
): Promise<string> {
  const input = {
    owner: c.var.principal.owner,
    region: regionOfCaller(c.req.raw.cf),
    title: null,
    metadata: {},
    instructions,
    mode: "both",
    context: "dialogue",
    rewriter: usableRewriter(config(c), undefined),
    reasoningEffort: null,
    lexicon: [],
    mayBeHeldOut: true,
    expiresAt: Date.now() + ttlSeconds * 1000,
  } as const;
  return (await openSession(c, { ...input, lexicon: [] }, opensAs)).id;
}

/**
 * Makes a session's object, which enters it at the account. If the session is open already, it is returned. `origin` is
 * what a fork starts from.
 */
async function openSession(
  c: AppContext,
  wish: Omit<SessionWish, "id" | "tenantId" | "ownerCapNanos" | "limits">,
  opensAs: string | null = null,
  origin: Origin | null = null,
) {
  refuseBound(c.var.principal);
  const { tenantId, token } = c.var.principal;
  const id = opensAs ?? newSessionId(c.env);
  const { sessionsMax, adapterBytesMax } = config(c);
  const limits = { sessionsMax, adapterBytesMax };
  const whose = { id, tenantId, ownerCapNanos: token?.capNanos ?? null, limits };
  return await unwrap(newSessionObject(c.env, id, wish.region).open({ ...wish, ...whose }, origin));
}
