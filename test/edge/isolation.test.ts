import { exportJWK, generateKeyPair } from "jose";
import { describe, expect, it } from "vitest";
import { exampleOf } from "../../edge/src/docs/schema.ts";
import {
  apiDocument,
  ask,
  type Caller,
  callerWith,
  judge,
  newTenant,
  openSession,
  phoneOf,
} from "./support/client.ts";

interface Owned {
  s: string;
  t: string;
  g: string;
}

/** A session with a turn, feedback and a generation. */
async function ownedBy(caller: Caller): Promise<Owned> {
  const { id } = await openSession(caller);
  const turn = await ask(caller, id, "Say hello");
  const body = { reward: -1, correction: "hello", retry: true };
  const { weights } = await judge(caller, id, turn.id, body);
  return { s: id, t: turn.id, g: weights.generation ?? "" };
}

describe("every route below a session, as the documents list them", () => {
  it("is 404 for another owner and another tenant, and works for its owner and the server", async () => {
    const [server, elsewhere] = [await newTenant(), await newTenant()];
    const keyOf = async (tenant: Caller, headers: Record<string, string> = {}) => {
      const { key } = await tenant.make<{ key: string }>("/v1/keys", { name: "back end" });
      const caller = callerWith(tenant.tenantId, key);
      const fetch: Caller["fetch"] = (path, init) =>
        caller.fetch(path, { ...init, headers: { ...init?.headers, ...headers } });
      return { ...caller, fetch };
    };
    const ann = await phoneOf(server, "ann");
    const mine: [string, Caller][] = [
      ["its owner's token", ann],
      ["a chat key of its tenant", await keyOf(server)],
      ["an admin key of its tenant", server],
      ["a chat key that acts for its owner", await keyOf(server, { "x-rosa2-owner": "ann" })],
    ];
    const foreign: [string, Caller][] = [
      ["another owner's token", await phoneOf(server, "bob")],
      ["a chat key that acts for another owner", await keyOf(server, { "x-rosa2-owner": "bob" })],
      ["another tenant's token of the same owner", await phoneOf(elsewhere, "ann")],
      ["another tenant's chat key", await keyOf(elsewhere)],
      ["another tenant's admin key", elsewhere],
      [
        "another tenant's chat key that acts for the owner",
        await keyOf(elsewhere, { "x-rosa2-owner": "ann" }),
      ],
    ];
    const owned = await ownedBy(ann);
    const bobs = await ownedBy(foreign[0]?.[1] as Caller);
    const document = apiDocument();
    const named = document.components?.schemas ?? {};
    const operations = Object.entries(document.paths ?? {})
      .filter(([path]) => path.includes("{s}"))
      .flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, { requestBody }]) => ({ path, method, requestBody })),
      );
    const call = async (
      caller: Caller,
      { path, method, requestBody }: (typeof operations)[number],
      ids: Owned,
    ) => {
      const media = requestBody?.content["application/json"];
      const known: Record<string, string> = { ...ids, c: "con_9", w: "nothing" };
      const url = path.replace(/\{(\w+)\}/g, (_, name: string) => {
        return known[name] ?? expect.unreachable(name);
      });
      const body = media?.example ?? exampleOf(media?.schema ?? {}, named);
      const answer = await caller.fetch(url, {
        method: method.toUpperCase(),
        headers: { "content-type": "application/json" },
        ...(media === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return { status: answer.status, isUnknown: text.includes("No such session") };
    };
    let cells = 0;
    for (const operation of operations) {
      const name = `${operation.method} ${operation.path}`;
      for (const [who, caller] of foreign) {
        const answer = await call(caller, operation, owned);
        expect(answer, `${name} by ${who}`).toEqual({ status: 404, isUnknown: true });
        cells++;
      }
      // Nor is another session's turn or generation found under a caller's own session.
      for (const id of ["t", "g"] as const) {
        if (!operation.path.includes(`{${id}}`)) continue;
        const answer = await call(ann, operation, { ...owned, [id]: bobs[id] });
        expect(answer, `${name} with another's ${id}`).toEqual({ status: 404, isUnknown: false });
        cells++;
      }
    }
    for (const [who, caller] of mine) {
      // Each needs a session of its own, because one of the routes erases it.
      const own = await ownedBy(ann);
      const last = operations.toSorted((a, b) => rank(a) - rank(b));
      for (const operation of last) {
        const answer = await call(caller, operation, own);
        const name = `${operation.method} ${operation.path} by ${who}`;
        expect([401, 403], name).not.toContain(answer.status);
        expect(answer.isUnknown, name).toBe(false);
        cells++;
      }
    }
    expect(cells).toBeGreaterThan(180);
    for (const [who, caller] of foreign) {
      const listed = await (await caller.fetch("/v1/sessions")).text();
      expect(listed.includes(owned.s), who).toBe(false);
    }
  });
});

describe("every other route, as the documents list them", () => {
  it("reaches nothing of another tenant by path, header, body or list", async () => {
    const [server, elsewhere] = [await newTenant(), await newTenant()];
    const { publicKey } = await generateKeyPair("EdDSA", { extractable: true });
    const make = (path: string, body: object) => server.make<{ id: string }>(path, body);
    const chatKeyOf = async (tenant: Caller) => {
      const { key } = await tenant.make<{ key: string }>("/v1/keys", { name: "back end" });
      return callerWith(tenant.tenantId, key);
    };
    const [key, signingKey, webhook] = [
      await make("/v1/keys", { name: "of the first tenant" }),
      await make("/v1/signing_keys", { name: "k", public_key: await exportJWK(publicKey) }),
      await make("/v1/webhooks", { url: "http://127.0.0.1:1/" }),
    ];
    const asked = { model: "fake-mini", input: "one" };
    const response = await server.make<{ id: string }>("/v1/responses", asked);
    const { s, t } = await ownedBy(server);
    const theirs = [key.id, signingKey.id, webhook.id, response.id, s, t, server.tenantId];
    const foreign: [string, Caller, number][] = [
      ["another tenant's admin key", elsewhere, 404],
      ["another tenant's chat key", await chatKeyOf(elsewhere), 403],
      ["another tenant's token", await phoneOf(elsewhere, "ann"), 403],
      ["a chat key of its own tenant", await chatKeyOf(server), 403],
      ["a token of its own tenant", await phoneOf(server, "ann"), 403],
    ];
    const { paths = {} } = apiDocument();
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ path, method: method.toUpperCase() })),
    );
    let cells = 0;
    for (const { path, method } of operations) {
      const params = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string);
      // Routes below a session are tried above; models belong to nobody.
      if (params.includes("s") || params.includes("model")) continue;
      for (const [who, caller, status] of foreign) {
        const name = `${method} ${path} by ${who}`;
        if (params.length > 0) {
          const ids: Record<string, string> = {
            k: path.includes("signing") ? signingKey.id : key.id,
            h: webhook.id,
          };
          const url = path.replace(/\{(\w+)\}/g, (_, id: string) => {
            return ids[id] ?? expect.unreachable(`${name}: {${id}}`);
          });
          expect((await caller.fetch(url, { method })).status, name).toBe(status);
        } else if (method === "GET" && caller.tenantId !== server.tenantId) {
          const text = await (await caller.fetch(path)).text();
          for (const id of theirs) expect(text.includes(id), `${name}: ${id}`).toBe(false);
        } else continue;
        cells++;
      }
    }
    const messages = [{ role: "user", content: "hello" }];
    for (const [who, caller] of foreign) {
      if (who === "a chat key of its own tenant") continue;
      const chat = { model: "fake-mini", messages };
      const inSession = { "x-rosa2-session": s };
      const answers = [
        await caller.post("/v1/chat/completions", chat, inSession),
        await caller.post("/v1/responses", { ...asked, previous_response_id: response.id }),
      ];
      for (const answer of answers) expect(answer.status, who).toBe(404);
      cells += answers.length;
    }
    expect(cells).toBeGreaterThan(45);
    // Nothing of the other tenant's is missing.
    expect((await server.get<{ data: unknown[] }>("/v1/webhooks")).data).toHaveLength(1);
    expect(await server.get(`/v1/sessions/${s}`)).toMatchObject({ id: s });
  });
});

function rank({ path, method }: { path: string; method: string }): number {
  return method === "delete" && path === "/v1/sessions/{s}" ? 1 : 0;
}
