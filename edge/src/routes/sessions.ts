/** Sessions: open, list, read, erase, fork. */
import { z } from "@hono/zod-openapi";
import { RosaError } from "@rosa2/shared/errors";
import { accountOf } from "../accounts/account.ts";
import type { LeaseAnswer } from "../accounts/purse/purse.ts";
import { type Config, spareNanos } from "../config.ts";
import {
  erasedSchema,
  forkSchema,
  type Mode,
  type RewriterName,
  sessionCreateSchema,
  sessionDetailSchema,
  sessionListSchema,
} from "../contract/index.ts";
import { type AppContext, config, mySession, sessionStub } from "../http/context.ts";
import { idempotently } from "../http/idempotency.ts";
import { isId, newId } from "../ids.ts";
import { unwrap } from "../rpc.ts";
import type { NewSession } from "../session/context.ts";
import { mergeLexicons } from "../session/store/lexicon.ts";
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
    fails: [400, 409, 422],
  }),
  async (c) => {
    const body = c.req.valid("json");
    return (await idempotently(
      c,
      async () => {
        const mode = body.adaptation?.mode ?? "both";
        const now = Date.now();
        const input = {
          title: body.title ?? null,
          instructions: body.instructions ?? null,
          mode,
          // The words axis makes a request stand alone; without it the dialogue must carry the meaning.
          context: body.adaptation?.context ?? contextOf(mode),
          rewriter: usableRewriter(config(c), body.adaptation?.rewriter),
          lexicon: body.lexicon?.senses ?? [],
          expiresAt: body.ttl_seconds === undefined ? null : now + body.ttl_seconds * 1000,
        };
        const opened = await openSession(c, input, (stub, session, lease) =>
          stub.create(session, lease),
        );
        return c.json(opened, 201, { location: `/v1/sessions/${opened.id}` });
      },
      { sessionOf: idOf },
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
      query: z.object({
        limit: z.coerce.number().int().min(1).max(100).default(20),
        cursor: z.string().optional(),
      }),
    },
    answers: { 200: json(sessionListSchema, "One page") },
    fails: [400],
  }),
  async (c) => {
    const { limit, cursor } = c.req.valid("query");
    if (cursor !== undefined && !isId(cursor, "ses")) {
      throw new RosaError("invalid_request", "cursor: is not one of this list's", {
        param: "cursor",
      });
    }
    const { tenantId } = c.var.principal;
    const page = await accountOf(c.env, tenantId).listSessions(tenantId, { limit, cursor });
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
    request: { params: sessionParam },
    answers: { 200: json(sessionDetailSchema, "The session") },
    fails: [404],
  }),
  async (c) => c.json(await unwrap(mySession(c, c.req.valid("param").s).read()), 200),
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
    fails: [400, 404, 409, 422],
  }),
  async (c) => {
    const { s } = c.req.valid("param");
    const body = c.req.valid("json");
    return (await idempotently(
      c,
      async () => {
        const source = mySession(c, s);
        const origin = await unwrap(source.read());
        const snapshot = await unwrap(source.snapshot(body.turn_id ?? null));
        const { tenantId } = c.var.principal;
        const input = {
          title: body.title ?? origin.title,
          instructions: origin.instructions,
          mode: origin.mode,
          context: origin.context,
          rewriter: origin.rewriter,
          // The snapshot brings the origin's own.
          lexicon: [],
          expiresAt: origin.expires_at === null ? null : Date.parse(origin.expires_at),
        };
        const forked = await openSession(c, input, async (stub, session, lease) => {
          const digests = snapshot.generations.map(({ digest }) => digest);
          await unwrap(
            accountOf(c.env, tenantId).shareAdapters(
              tenantId,
              s,
              session.id,
              digests,
              config(c).adapterBytesMax,
            ),
          );
          return stub.restore(session, lease, snapshot);
        });
        return c.json(forked, 201, { location: `/v1/sessions/${forked.id}` });
      },
      { sessionOf: idOf },
    )) as never;
  },
);

function idOf(body: string): string {
  return (JSON.parse(body) as { id: string }).id;
}

function contextOf(mode: Mode): "request" | "dialogue" {
  return mode === "both" || mode === "words" ? "request" : "dialogue";
}

/** Composing and the served model are always there; the others where the deployment is set up for them. */
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

/** Puts a new session into the index, then makes its object; a failure leaves neither. */
async function openSession(
  c: AppContext,
  input: Omit<NewSession, "id" | "tenantId">,
  create: (
    stub: ReturnType<typeof sessionStub>,
    session: NewSession,
    lease: LeaseAnswer,
  ) => ReturnType<ReturnType<typeof sessionStub>["create"]>,
) {
  const { tenantId } = c.var.principal;
  const id = newId("ses");
  const account = accountOf(c.env, tenantId);
  const { title, mode } = input;
  const { sessionsMax } = config(c);
  const row = { id, title, mode, createdAt: Date.now() };
  const { lexicon: ofTenant, lease } = await unwrap(
    account.openSession(tenantId, row, sessionsMax, spareNanos(config(c))),
  );
  const lexicon = mergeLexicons(input.lexicon, ofTenant);
  try {
    const session: NewSession = { ...input, id, tenantId, lexicon };
    return await unwrap(create(sessionStub(c.env, tenantId, id), session, lease));
  } catch (error) {
    await account.dropSession(tenantId, id);
    throw error;
  }
}
