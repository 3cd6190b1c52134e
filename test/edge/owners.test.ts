import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { refuseRevoked } from "../../edge/src/accounts/tokens/revocations.ts";
import type { ClientTokenBody, SessionDetail } from "../../edge/src/contract/index.ts";
import {
  appWith,
  ask,
  bindings,
  type Caller,
  callerWith,
  judge,
  newTenant,
  openSession,
  phoneOf,
} from "./support/client.ts";

async function failureOf(response: Response): Promise<{ status: number; code: string }> {
  const { error } = (await response.json()) as { error: { code: string } };
  return { status: response.status, code: error.code };
}

const invalid = { status: 401, code: "invalid_key" };
const forbidden = { status: 403, code: "insufficient_scope" };
const hello = { model: "fake-mini", messages: [{ role: "user", content: "hello" }] };

describe("a client token", () => {
  it("opens, asks, judges, lists and erases its owner's sessions", async () => {
    const phone = await phoneOf(await newTenant(), "ann");
    const session = await openSession(phone);
    expect(session.owner).toBe("ann");
    const turn = await ask(phone, session.id, "Sort them: 31, 7, 12");
    await judge(phone, session.id, turn.id, { reward: -1, correction: "31, 12, 7", retry: true });
    expect(await phone.get("/v1/sessions")).toMatchObject({ data: [{ id: session.id }] });
    const erased = await phone.fetch(`/v1/sessions/${session.id}`, { method: "DELETE" });
    expect(erased.status).toBe(200);
    expect(await phone.get("/v1/sessions")).toMatchObject({ data: [] });
    await phone.make("/v1/chat/completions", hello);
  });

  it("sees neither another owner's sessions nor those that a server opened for nobody", async () => {
    const server = await newTenant();
    const [ann, bob] = [await phoneOf(server, "ann"), await phoneOf(server, "bob")];
    const nobodys = await openSession(server);
    const anns = await openSession(ann);
    expect(await bob.get("/v1/sessions")).toMatchObject({ data: [] });
    for (const id of [nobodys.id, anns.id]) {
      expect((await bob.fetch(`/v1/sessions/${id}`)).status).toBe(404);
    }
    const all = await server.get<{ data: SessionDetail[] }>("/v1/sessions");
    expect(all.data.map(({ owner }) => owner)).toEqual(["ann", null]);
    expect(await server.get("/v1/sessions?owner=ann")).toMatchObject({ data: [{ id: anns.id }] });
    expect((await server.fetch(`/v1/sessions/${anns.id}`)).status).toBe(200);
  });

  it("cannot do what only a server may do", async () => {
    const phone = await phoneOf(await newTenant(), "ann");
    for (const path of ["/v1/keys", "/v1/usage", "/v1/budget", "/v1/tenant", "/v1/signing_keys"]) {
      expect(await failureOf(await phone.fetch(path)), path).toEqual(forbidden);
    }
    const minted = await phone.post("/v1/client_tokens", { owner: "bob" });
    expect(await failureOf(minted)).toEqual(forbidden);
    const asBob = await phone.fetch("/v1/sessions", { headers: { "x-rosa2-owner": "bob" } });
    expect(await failureOf(asBob)).toEqual(forbidden);
  });

  it("does no more than its scopes say", async () => {
    const phone = await phoneOf(await newTenant(), "ann", { scopes: ["chat"] });
    const { id } = await openSession(phone);
    const turn = await ask(phone, id, "hello");
    const judged = await phone.post(`/v1/sessions/${id}/turns/${turn.id}/feedback`, { reward: 1 });
    expect(await failureOf(judged)).toEqual(forbidden);
  });

  it("for one session reaches no other session", async () => {
    const server = await newTenant();
    const ann = await phoneOf(server, "ann");
    const [one, two] = [await openSession(ann), await openSession(ann)];
    const bound = await phoneOf(server, "ann", { session: one.id });
    expect((await ask(bound, one.id, "hello")).status).toBe("completed");
    expect((await bound.fetch(`/v1/sessions/${two.id}`)).status).toBe(404);
    for (const answer of [
      await bound.post("/v1/sessions", {}),
      await bound.fetch("/v1/sessions"),
      await bound.post("/v1/chat/completions", hello),
      await bound.post(`/v1/sessions/${one.id}/fork`, {}),
    ]) {
      expect(await failureOf(answer)).toEqual(forbidden);
    }
    const strangers = await phoneOf(server, "bob", { session: one.id });
    expect((await strangers.fetch(`/v1/sessions/${one.id}`)).status).toBe(404);
  });

  it("is made in batches of a hundred, each token for its own owner", async () => {
    const server = await newTenant();
    const wanted = Array.from({ length: 100 }, (_, i) => ({ owner: `user_${i}` }));
    const { data } = await server.make<{ data: ClientTokenBody[] }>("/v1/client_tokens/batch", {
      tokens: wanted,
    });
    expect(data.map(({ owner }) => owner)).toEqual(wanted.map(({ owner }) => owner));
    const last = callerWith(server.tenantId, data[99]?.token ?? "");
    expect((await openSession(last)).owner).toBe("user_99");
    const tooMany = await server.post("/v1/client_tokens/batch", {
      tokens: [...wanted, { owner: "user_100" }],
    });
    expect(tooMany.status).toBe(400);
  });

  it("is made by keys with the scope mint, which can do nothing else", async () => {
    const server = await newTenant();
    const { key } = await server.make<{ key: string }>("/v1/keys", {
      name: "back end",
      scopes: ["mint"],
    });
    const minting = callerWith(server.tenantId, key);
    await phoneOf(minting, "ann");
    expect(await failureOf(await minting.post("/v1/sessions", {}))).toEqual(forbidden);
    const { key: chatting } = await server.make<{ key: string }>("/v1/keys", {
      name: "chat",
      scopes: ["chat"],
    });
    const refused = await callerWith(server.tenantId, chatting).post("/v1/client_tokens", {
      owner: "ann",
    });
    expect(await failureOf(refused)).toEqual(forbidden);
  });

  it("is refused once it has expired, and when anything in it is changed", async () => {
    const server = await newTenant();
    const { token } = await server.make<ClientTokenBody>("/v1/client_tokens", { owner: "ann" });
    const [head = "", claims = "", signature = ""] = token.split(".");
    const changed = { ...JSON.parse(atob(claims)), sub: "bob" };
    const forged = btoa(JSON.stringify(changed)).replace(/=+$/, "");
    const unsigned = btoa(JSON.stringify({ alg: "none", typ: "JWT" })).replace(/=+$/, "");
    const secret = new TextEncoder().encode(String(bindings.CLIENT_TOKEN_SECRET).split(",")[0]);
    const kid = JSON.parse(atob(head)).kid as string;
    const own = (lived: number, lasts: number) =>
      new SignJWT({ tenant: server.tenantId, key: "key_x", scope: "chat" })
        .setProtectedHeader({ alg: "HS256", kid })
        .setSubject("ann")
        .setAudience("rosa2")
        .setIssuedAt(Math.floor(Date.now() / 1000) - lived)
        .setExpirationTime(Math.floor(Date.now() / 1000) + lasts)
        .sign(secret);
    const good = await own(10, 600);
    expect((await callerWith(server.tenantId, good).fetch("/v1/sessions")).status).toBe(200);
    const bad: [string, string][] = [
      ["expired", await own(900, -60)],
      ["another's claims", `${head}.${forged}.${signature}`],
      ["no signature", `${unsigned}.${forged}.AA`],
      ["too long a life", await own(0, 90_000)],
      ["a life longer than a day that is nearly over", await own(90_000, 60)],
      ["not JSON", "YQ.YQ.YQ"],
    ];
    for (const [what, text] of bad) {
      const answer = await callerWith(server.tenantId, text).fetch("/v1/sessions");
      expect(await failureOf(answer), what).toEqual(invalid);
    }
  });

  it("is accepted as long as the secret that signed it is configured", async () => {
    const server = await newTenant();
    const [newest, older] = String(bindings.CLIENT_TOKEN_SECRET).split(",");
    const before = appWith({ CLIENT_TOKEN_SECRET: older });
    const after = appWith({ CLIENT_TOKEN_SECRET: newest });
    const minted = await before("/v1/client_tokens", {
      method: "POST",
      headers: { authorization: `Bearer ${server.key}`, "content-type": "application/json" },
      body: JSON.stringify({ owner: "ann" }),
    });
    const { token } = (await minted.json()) as ClientTokenBody;
    const headers = { authorization: `Bearer ${token}` };
    expect((await callerWith(server.tenantId, token).fetch("/v1/sessions")).status).toBe(200);
    expect(await failureOf(await after("/v1/sessions", { headers }))).toEqual(invalid);
  });

  it("ends with its owner's revocation, while others and later ones go on", async () => {
    const server = await newTenant();
    const [ann, bob] = [await phoneOf(server, "ann"), await phoneOf(server, "bob")];
    const revoked = await server.fetch("/v1/client_tokens?owner=ann", { method: "DELETE" });
    expect(await revoked.json()).toMatchObject({ object: "client_tokens.revoked", owner: "ann" });
    expect(await failureOf(await ann.fetch("/v1/sessions"))).toEqual(invalid);
    expect((await bob.fetch("/v1/sessions")).status).toBe(200);
    expect((await (await phoneOf(server, "ann")).fetch("/v1/sessions")).status).toBe(200);
  });

  it("that was revoked elsewhere ends within a minute, and waits for no list while it is young", async () => {
    const { tenantId } = await newTenant();
    const at = Date.now() + 3_600_000;
    const work: Promise<unknown>[] = [];
    const use = (now: number, issuedAt = at - 60_000) =>
      refuseRevoked(bindings.DB, { tenantId, owner: "ann", keyId: "key_1", issuedAt }, now, (one) =>
        work.push(one),
      );
    await use(at);
    await use(at);
    // Another isolate revokes: this one hears nothing of it.
    await bindings.DB.prepare("INSERT INTO token_revocations VALUES (?1, 'owner:ann', ?2)")
      .bind(tenantId, at)
      .run();
    await use(at + 10_000);
    expect(work).toHaveLength(0);
    await use(at + 40_000);
    expect(work).toHaveLength(1);
    await Promise.all(work);
    await expect(use(at + 41_000)).rejects.toMatchObject({ code: "invalid_key" });
    await use(at + 41_000, at + 1);
    const nowhere = { withSession: () => expect.unreachable("a young token waits for no list") };
    const young = { tenantId: "ten_unmet", owner: "ann", keyId: "key_1", issuedAt: at - 1_000 };
    await refuseRevoked(nowhere as unknown as D1Database, young, at, (one) => {
      one.catch(() => {});
    });
  });

  it("ends with the key that made it", async () => {
    const server = await newTenant();
    const { id, key } = await server.make<{ id: string; key: string }>("/v1/keys", {
      name: "back end",
      scopes: ["mint"],
    });
    const phone = await phoneOf(callerWith(server.tenantId, key), "ann");
    expect((await phone.fetch("/v1/sessions")).status).toBe(200);
    await server.fetch(`/v1/keys/${id}`, { method: "DELETE" });
    expect(await failureOf(await phone.fetch("/v1/sessions"))).toEqual(invalid);
  });

  it("ends when everything of the tenant is erased", async () => {
    const server = await newTenant();
    const phone = await phoneOf(server, "ann");
    await server.fetch(`/v1/tenant?confirm=${server.tenantId}`, { method: "DELETE" });
    expect(await failureOf(await phone.fetch("/v1/sessions"))).toEqual(invalid);
  });

  it("has an owner's rate, however many tokens that owner has", async () => {
    const server = await newTenant();
    const limited = appWith({ RATE_LIMIT: "on" });
    const tokens = await Promise.all([1, 2].map(() => phoneOf(server, "ann")));
    let taken = 0;
    for (; taken < 125; taken++) {
      const answer = await limited("/v1/sessions", {
        headers: { authorization: `Bearer ${tokens[taken % 2]?.key}` },
      });
      if (taken === 0) expect(answer.headers.get("ratelimit-policy")).toBe('"owner";q=60;w=60');
      if (answer.status === 429) break;
      expect(answer.status).toBe(200);
    }
    // Sixty, and as many again where the minute turned meanwhile.
    expect(taken).toBeGreaterThanOrEqual(60);
    expect(taken).toBeLessThanOrEqual(120);
    const bob = await phoneOf(server, "bob");
    const other = await limited("/v1/sessions", {
      headers: { authorization: `Bearer ${bob.key}` },
    });
    expect(other.status).toBe(200);
  });

  it("keeps two owners' Idempotency-Keys apart", async () => {
    const server = await newTenant();
    const [ann, bob] = [await phoneOf(server, "ann"), await phoneOf(server, "bob")];
    const keyed = { "idempotency-key": "same" };
    const anns = await ann.make<SessionDetail>("/v1/sessions", { title: "t" }, keyed);
    const bobs = await bob.make<SessionDetail>("/v1/sessions", { title: "t" }, keyed);
    expect([anns.owner, bobs.owner]).toEqual(["ann", "bob"]);
    expect((await ann.make<SessionDetail>("/v1/sessions", { title: "t" }, keyed)).id).toBe(anns.id);
    const said = (caller: Caller) =>
      caller.make<{ id: string }>("/v1/chat/completions", hello, keyed);
    expect((await said(ann)).id).not.toBe((await said(bob)).id);
  });
});

describe("an owner's cap", () => {
  const reply = { ...hello, max_tokens: 8 };

  it("holds over all its sessions and stateless calls, to the nano-dollar", async () => {
    const server = await newTenant();
    const capUsd = 0.00008;
    const phone = await phoneOf(server, "ann", { cap_usd: capUsd });
    const sessions = await Promise.all([1, 2, 3].map(() => openSession(phone)));
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const id = sessions[i % 4]?.id;
        const answer =
          id === undefined
            ? await phone.post("/v1/chat/completions", reply)
            : await phone.post(`/v1/sessions/${id}/turns`, { content: `n ${i}`, max_tokens: 8 });
        await answer.text();
        return answer.status;
      }),
    );
    expect(outcomes.filter((status) => status === 200).length).toBeGreaterThan(0);
    // Then one call after the other until there is no room.
    let refused = 0;
    for (let i = 0; i < 400 && refused < 3; i++) {
      const answer = await phone.post("/v1/chat/completions", reply);
      await answer.text();
      if (answer.status === 402) refused++;
    }
    expect(refused).toBe(3);
    const { data } = await server.get<{ data: { group: string; cost: { usd: number } }[] }>(
      "/v1/usage?group_by=owner",
    );
    const spent = data.find(({ group }) => group === "ann")?.cost.usd ?? 0;
    expect(spent).toBeLessThanOrEqual(capUsd);
    expect(spent).toBeGreaterThan(capUsd / 2);
    // The cap of one owner binds no other.
    const bob = await phoneOf(server, "bob", { cap_usd: capUsd });
    await bob.make("/v1/chat/completions", reply);
    await server.make("/v1/chat/completions", reply);
  });

  it("holds in a session that was lent money before the cap was set", async () => {
    const server = await newTenant();
    const free = await phoneOf(server, "ann");
    const { id } = await openSession(free);
    await ask(free, id, "hello");
    const capped = await phoneOf(server, "ann", { cap_usd: 0.0000001 });
    const refused = await capped.post(`/v1/sessions/${id}/turns`, { content: "more" });
    expect(await failureOf(refused)).toEqual({ status: 402, code: "budget_exceeded" });
    expect((await ask(free, id, "more")).status).toBe("completed");
  });

  it("has a row of its own in the tenant's usage", async () => {
    const server = await newTenant();
    const phone = await phoneOf(server, "ann");
    const { id } = await openSession(phone);
    await ask(phone, id, "hello");
    await phone.make("/v1/chat/completions", hello);
    await server.make("/v1/chat/completions", hello);
    const usage = await server.get<{ data: { group: string | null; replies: number }[] }>(
      "/v1/usage?group_by=owner",
    );
    expect(usage.data).toMatchObject([
      { group: "ann", replies: 2 },
      { group: null, replies: 1 },
    ]);
    expect(await server.get("/v1/usage?owner=ann&group_by=day")).toMatchObject({
      data: [{ replies: 2 }],
    });
  });
});

describe("a server key with x-rosa2-owner", () => {
  it("sees and opens what that owner's token would", async () => {
    const server = await newTenant();
    const phone = await phoneOf(server, "ann");
    const nobodys = await openSession(server);
    const asAnn = { "x-rosa2-owner": "ann" };
    const opened = await server.make<SessionDetail>("/v1/sessions", {}, asAnn);
    expect(opened.owner).toBe("ann");
    expect(await phone.get("/v1/sessions")).toMatchObject({ data: [{ id: opened.id }] });
    const listed = await server.fetch("/v1/sessions", { headers: asAnn });
    expect(await listed.json()).toMatchObject({ data: [{ id: opened.id }] });
    const hidden = await server.fetch(`/v1/sessions/${nobodys.id}`, { headers: asAnn });
    expect(hidden.status).toBe(404);
    const bad = await server.fetch("/v1/sessions", { headers: { "x-rosa2-owner": "a b" } });
    expect(await failureOf(bad)).toEqual({ status: 400, code: "invalid_request" });
  });

  it("forks an owner's session for that owner", async () => {
    const server = await newTenant();
    const phone = await phoneOf(server, "ann");
    const { id } = await openSession(phone);
    const fork = await server.make<SessionDetail>(`/v1/sessions/${id}/fork`, {});
    expect(fork.owner).toBe("ann");
  });
});

describe("a tenant's own back end", () => {
  const signed = (key: CryptoKey, kid: string, alg: string, claims: object = {}) =>
    new SignJWT({ ...claims })
      .setProtectedHeader({ alg, kid })
      .setSubject("ann")
      .setAudience("rosa2")
      .setIssuedAt()
      .setExpirationTime("10m")
      .sign(key);

  it.each(["EdDSA", "ES256"])(
    "signs tokens itself with a key that it registered (%s)",
    async (alg) => {
      const server = await newTenant();
      const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
      const registered = await server.make<{ id: string; algorithm: string }>("/v1/signing_keys", {
        name: "back end",
        public_key: await exportJWK(publicKey),
      });
      expect(registered.algorithm).toBe(alg);
      const token = await signed(privateKey, registered.id, alg);
      const phone = callerWith(server.tenantId, token);
      expect((await openSession(phone)).owner).toBe("ann");
      // The token allows only what it says, and only a registered key may sign it.
      const narrow = await signed(privateKey, registered.id, alg, { scope: "chat admin mint" });
      const keys = await callerWith(server.tenantId, narrow).fetch("/v1/keys");
      expect(await failureOf(keys)).toEqual(forbidden);
      const others = await generateKeyPair(alg);
      const forged = await signed(others.privateKey, registered.id, alg);
      const refused = await callerWith(server.tenantId, forged).fetch("/v1/sessions");
      expect(await failureOf(refused)).toEqual(invalid);
      // A tenant named in the token is ignored: the key decides whose it is.
      const named = await signed(privateKey, registered.id, alg, { tenant: "ten_other" });
      expect((await openSession(callerWith(server.tenantId, named))).owner).toBe("ann");
      expect(await server.get("/v1/sessions")).toMatchObject({ data: [{}, {}] });

      await server.fetch(`/v1/signing_keys/${registered.id}`, { method: "DELETE" });
      expect(await failureOf(await phone.fetch("/v1/sessions"))).toEqual(invalid);
      expect(await server.get("/v1/signing_keys")).toMatchObject({
        data: [{ id: registered.id, revoked_at: expect.any(String) }],
      });
    },
  );

  it("registers no private key and nothing that is no key", async () => {
    const server = await newTenant();
    const { privateKey } = await generateKeyPair("EdDSA", { extractable: true });
    for (const jwk of [
      await exportJWK(privateKey),
      { kty: "oct", k: "c2VjcmV0" },
      { kty: "OKP", crv: "Ed25519", x: "short" },
      { kty: "EC", crv: "P-256", x: "AA" },
    ]) {
      const refused = await server.post("/v1/signing_keys", { name: "k", public_key: jwk });
      expect(await failureOf(refused), JSON.stringify(jwk)).toMatchObject({ status: 400 });
    }
  });

  it("revokes no key of another tenant", async () => {
    const [one, other] = [await newTenant(), await newTenant()];
    const { publicKey } = await generateKeyPair("EdDSA", { extractable: true });
    const { id } = await one.make<{ id: string }>("/v1/signing_keys", {
      name: "k",
      public_key: await exportJWK(publicKey),
    });
    const answer = await other.fetch(`/v1/signing_keys/${id}`, { method: "DELETE" });
    expect(answer.status).toBe(404);
  });
});
