import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { SessionDetail } from "../../edge/src/contract/index.ts";
import { exampleOf } from "../../edge/src/docs/schema.ts";
import { newSessionId, sessionStub } from "../../edge/src/session-address.ts";
import {
  apiDocument,
  ask,
  bindings,
  type Caller,
  judge,
  newTenant,
  openSession,
} from "./support/client.ts";

interface Owned {
  session: string;
  turn: string;
  generation: string;
}

/** Every route below a session, as a call. */
const routes: [name: string, call: (caller: Caller, owned: Owned) => Promise<Response>][] = [
  ["read the session", (c, o) => c.fetch(`/v1/sessions/${o.session}`)],
  ["erase the session", (c, o) => c.fetch(`/v1/sessions/${o.session}`, { method: "DELETE" })],
  ["fork the session", (c, o) => c.post(`/v1/sessions/${o.session}/fork`, {})],
  ["ask", (c, o) => c.post(`/v1/sessions/${o.session}/turns`, { content: "hi" })],
  [
    "ask in a stream",
    (c, o) => c.post(`/v1/sessions/${o.session}/turns`, { content: "hi", stream: true }),
  ],
  [
    "chat by header",
    (c, o) =>
      c.post(
        "/v1/chat/completions",
        { model: "fake-mini", messages: [{ role: "user", content: "hi" }] },
        { "x-rosa2-session": o.session },
      ),
  ],
  ["read a turn", (c, o) => c.fetch(`/v1/sessions/${o.session}/turns/${o.turn}`)],
  ["follow a turn", (c, o) => c.fetch(`/v1/sessions/${o.session}/turns/${o.turn}/events`)],
  ["stop a turn", (c, o) => c.post(`/v1/sessions/${o.session}/turns/${o.turn}/stop`, {})],
  ["retry a turn", (c, o) => c.post(`/v1/sessions/${o.session}/turns/${o.turn}/retry`, {})],
  [
    "give feedback",
    (c, o) => c.post(`/v1/sessions/${o.session}/turns/${o.turn}/feedback`, { reward: 1 }),
  ],
  ["read the words", (c, o) => c.fetch(`/v1/sessions/${o.session}/words`)],
  ["undo the words", (c, o) => c.post(`/v1/sessions/${o.session}/words/undo`, {})],
  [
    "change a constraint",
    (c, o) =>
      c.fetch(`/v1/sessions/${o.session}/words/constraints/con_1`, {
        method: "PATCH",
        body: "{}",
        headers: { "content-type": "application/json" },
      }),
  ],
  [
    "delete a constraint",
    (c, o) => c.fetch(`/v1/sessions/${o.session}/words/constraints/con_1`, { method: "DELETE" }),
  ],
  [
    "forget a sense",
    (c, o) => c.fetch(`/v1/sessions/${o.session}/words/senses/sort`, { method: "DELETE" }),
  ],
  ["read own senses", (c, o) => c.fetch(`/v1/sessions/${o.session}/words/lexicon`)],
  [
    "set own senses",
    (c, o) =>
      c.fetch(`/v1/sessions/${o.session}/words/lexicon`, {
        method: "PUT",
        body: JSON.stringify({ senses: [] }),
        headers: { "content-type": "application/json" },
      }),
  ],
  ["list generations", (c, o) => c.fetch(`/v1/sessions/${o.session}/generations`)],
  [
    "activate",
    (c, o) => c.post(`/v1/sessions/${o.session}/generations/${o.generation}/activate`, {}),
  ],
  ["activate base", (c, o) => c.post(`/v1/sessions/${o.session}/generations/base/activate`, {})],
  [
    "download an adapter",
    (c, o) => c.fetch(`/v1/sessions/${o.session}/generations/${o.generation}/adapter`),
  ],
];

async function ownedBy(caller: Caller): Promise<Owned> {
  const { id } = await openSession(caller);
  const turn = await ask(caller, id, "Say hello");
  const { weights } = await judge(caller, id, turn.id, {
    reward: -1,
    correction: "hello",
    retry: true,
  });
  return { session: id, turn: turn.id, generation: weights.generation ?? "" };
}

describe("tenants", () => {
  it.each(routes)("answers 404 to another tenant that tries to %s", async (_, call) => {
    const owner = await newTenant();
    const stranger = await newTenant();
    const owned = await ownedBy(owner);
    const foreign = await call(stranger, owned);
    const unknown = await call(stranger, { ...owned, session: newSessionId(bindings) });
    const forged = await call(stranger, { ...owned, session: `ses_${"A".repeat(43)}` });
    const malformed = await call(stranger, { ...owned, session: "ses_1%20OR%201" });
    const all = [foreign, unknown, forged, malformed];
    expect(all.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
    // The answers tell nothing about which of them exists.
    const code = async (response: Response) =>
      ((await response.json()) as { error: { message: string } }).error.message;
    expect(await code(foreign)).toBe(await code(unknown));
    const kept = await owner.get<{ turns: unknown[]; generation: string }>(
      `/v1/sessions/${owned.session}`,
    );
    expect(kept).toMatchObject({ generation: owned.generation });
    expect(kept.turns).toHaveLength(2);
  });

  it("writes nothing for a session that does not exist", async () => {
    const caller = await newTenant();
    // An id that the platform gave out, and no session was ever opened under.
    const id = newSessionId(bindings);
    await caller.fetch(`/v1/sessions/${id}`);
    const stub = sessionStub(bindings, id);
    const tables = await runInDurableObject(stub, (_, state) =>
      state.storage.sql.exec("SELECT name FROM sqlite_master").toArray(),
    );
    expect(tables).toEqual([]);
  });

  it("lists only a tenant's own sessions, keys, usage and budget", async () => {
    const owner = await newTenant();
    const stranger = await newTenant();
    const owned = await ownedBy(owner);
    await owner.fetch("/v1/budget", {
      method: "PUT",
      body: JSON.stringify({ cap_usd: 5 }),
      headers: { "content-type": "application/json" },
    });
    expect(await stranger.get("/v1/sessions")).toMatchObject({ data: [] });
    expect(await stranger.get("/v1/usage")).toMatchObject({ data: [] });
    expect(await stranger.get("/v1/budget")).toMatchObject({ cap_usd: null, spent_usd: 0 });
    const { data } = await owner.get<{ data: { id: string }[] }>("/v1/keys");
    const revoked = await stranger.fetch(`/v1/keys/${data[0]?.id}`, { method: "DELETE" });
    expect(revoked.status).toBe(404);
    expect(await owner.get("/v1/sessions")).toMatchObject({ data: [{ id: owned.session }] });
  });

  it("keeps adapters apart even when their bytes are the same", async () => {
    const [a, b] = [await newTenant(), await newTenant()];
    await ownedBy(a);
    await ownedBy(b);
    const digests = async (caller: Caller) =>
      (await bindings.ADAPTERS.list({ prefix: `adapters/${caller.tenantId}/` })).objects.map(
        ({ key }) => key.split("/").at(-1),
      );
    expect(await digests(a)).toHaveLength(1);
    expect(await digests(a)).toEqual(await digests(b));
    // Each call names its own tenant, so the tenants share no cache of the GPU service.
    const calls = await b.calls("/v1/adapt");
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ adapter: null });
  });

  it("get 404 on every route of the documents for each id that is another's", async () => {
    const [owner, stranger] = [await newTenant(), await newTenant()];
    const [theirs, own] = [await idsOf(owner), await idsOf(stranger)];
    const document = apiDocument();
    const named = document.components?.schemas ?? {};
    const asked: string[] = [];
    for (const [path, operations] of Object.entries(document.paths ?? {})) {
      const params = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
      for (const [method, { requestBody }] of Object.entries(operations)) {
        const media = requestBody?.content["application/json"];
        const body = media?.example ?? exampleOf(media?.schema ?? {}, named);
        // Each id in turn is the owner's, the others the caller's own; then all are the owner's.
        for (const foreign of [...params.map((name) => [name]), params]) {
          if (foreign.length === 0) continue;
          const url = path.replace(/\{(\w+)\}/g, (_, name: string) => {
            const ids = foreign.includes(name) ? theirs : own;
            return ids[name] ?? expect.unreachable(name);
          });
          const response = await stranger.fetch(url, {
            method: method.toUpperCase(),
            headers: { "content-type": "application/json" },
            ...(media === undefined ? {} : { body: JSON.stringify(body) }),
          });
          expect(response.status, `${method} ${url}`).toBe(404);
          asked.push(`${method} ${path}`);
        }
      }
    }
    expect(new Set(asked).size).toBeGreaterThan(20);
    expect(asked.length).toBeGreaterThan(40);
    const kept = await owner.get<SessionDetail>(`/v1/sessions/${theirs.s}`);
    expect(kept.turns).toHaveLength(2);
  });
});

/** An id for every parameter of a path: what a tenant has of each kind. */
async function idsOf(caller: Caller): Promise<Record<string, string>> {
  const { session, turn, generation } = await ownedBy(caller);
  const { data } = await caller.get<{ data: { id: string }[] }>("/v1/keys");
  const k = data[0]?.id ?? "";
  const hook = { url: "https://example.com/hooks" };
  const { id: h } = await caller.make<{ id: string }>("/v1/webhooks", hook);
  // The names of constraints, senses and models mean the same to everybody, so they belong to nobody.
  return { s: session, t: turn, g: generation, c: "con_9", w: "nothing", model: "org/other", k, h };
}
