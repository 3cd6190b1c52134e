import {
  AuthenticationError,
  ConnectionError,
  InvalidRequestError,
  NotFoundError,
  PermissionDeniedError,
  Rosa2,
  Rosa2Error,
  ServerError,
  TimeoutError,
} from "rosa2";
import { describe, expect, it } from "vitest";
import { apiDocument, newTenant } from "../support/client.ts";
import { newClient, toWorker } from "./support.ts";

describe("the client's calls", () => {
  it("send a key, and on every POST an idempotency key of its own", async () => {
    const { client, network, caller } = await newClient();
    const session = await client.createSession({ title: "a" });
    await session.ask("hello");
    const posts = network.sent.filter(({ method }) => method === "POST");
    const keys = posts.map(({ headers }) => headers.get("idempotency-key"));
    expect(new Set(keys).size).toBe(2);
    expect(keys.every((key) => key !== null && key.length >= 16)).toBe(true);
    expect(posts[0]?.headers.get("authorization")).toBe(`Bearer ${caller.key}`);
  });

  it("take a function for the key, call it once for many, and again when its token is refused", async () => {
    const server = await newTenant();
    const made: string[] = [];
    const apiKey = async () => {
      const { token } = await server.make<{ token: string }>("/v1/client_tokens", { owner: "ann" });
      made.push(token);
      return token;
    };
    const { client } = await newClient({ apiKey });
    const [session] = await Promise.all([client.createSession(), client.models()]);
    await session.ask("hello");
    expect(made).toHaveLength(1);
    await server.fetch("/v1/client_tokens?owner=ann", { method: "DELETE" });
    const turns = await Promise.all([session.read(), session.stream("again").result()]);
    expect(turns).toHaveLength(2);
    expect(made).toHaveLength(2);
    // If a new token is refused as well, the caller gets the error.
    const refused = await newClient({ apiKey: () => made[0] ?? "" });
    await expect(refused.client.models()).rejects.toBeInstanceOf(AuthenticationError);
    // A back end that cannot be reached counts as a lost connection, and is asked again.
    let asked = 0;
    const away = async () => {
      if (asked++ === 0) throw new TypeError("network down");
      return server.key;
    };
    const recovered = await newClient({ apiKey: away });
    expect((await recovered.client.models()).data).toHaveLength(1);
    const gone = () => Promise.reject(new TypeError("network down"));
    const lost = await newClient({ apiKey: gone, retriesMax: 0 });
    await expect(lost.client.models()).rejects.toMatchObject({
      code: "connection_failed",
      message: "`apiKey` failed: no key could be had",
      cause: { message: "network down" },
    });
  });

  it("give the saved answer for a repeated idempotency key", async () => {
    const { client } = await newClient();
    const session = await client.createSession();
    const first = await session.ask("hello", { idempotencyKey: "once" });
    expect(await session.ask("hello", { idempotencyKey: "once" })).toEqual(first);
    await expect(session.ask("other", { idempotencyKey: "once" })).rejects.toMatchObject({
      code: "idempotency_mismatch",
      status: 422,
    });
  });

  it("walk a whole conversation: feedback, lineage, roll back, fork, words, erase", async () => {
    const { client } = await newClient();
    const session = await client.createSession({ adaptation: { mode: "both" } });
    const turn = await session.ask({ content: "Say hello", temperature: 0 });
    const result = await session.feedback(turn.id, { reward: -1, correction: "hi", retry: true });
    expect(result.turn?.reply).toBe("hi");
    const { active, data } = await session.generations();
    expect(data).toMatchObject([
      { id: active, parent: "base", rows: [{ predicted_shift: 4, realised_shift: 4.1 }] },
    ]);
    expect(await session.activate("base")).toMatchObject({ active: "base" });
    expect((await session.ask("Say hello")).reply).toBe("echo: Say hello");
    await session.activate(active);
    const fork = await session.fork({ turn_id: turn.id });
    expect(fork).toMatchObject({ forked_from: session.id, generation: "base" });
    expect((await session.words()).object).toBe("words");
    expect((await session.adapter(active, "rosa2")).byteLength).toBeGreaterThan(0);
    expect((await client.listSessions({ limit: 1 })).data[0]?.id).toBe(fork.id);
    expect((await session.erase()).erased.turns).toBeGreaterThan(0);
    await expect(session.read()).rejects.toMatchObject({ code: "not_found", status: 404 });
  });

  it("chat as OpenAI's API does, whole and in pieces, with and without a session", async () => {
    const { client } = await newClient();
    const body = { model: "rosa2", messages: [{ role: "user", content: "a b c" }] };
    const whole = await client.chat(body);
    expect(whole.choices[0]?.message.content).toBe("echo: a b c");
    expect(whole.rosa2.session).toBeNull();
    const { id } = await client.createSession();
    let text = "";
    let session: string | null | undefined;
    for await (const chunk of client.chatStream(body, { session: id })) {
      text += chunk.choices[0]?.delta.content ?? "";
      session = chunk.rosa2?.session ?? session;
    }
    expect([text, session]).toEqual(["echo: a b c", id]);
  });

  it("manage keys, usage and the budget", async () => {
    const { client } = await newClient();
    const { key, id } = await client.createKey({ name: "phone", scopes: ["chat"] });
    const phone = new Rosa2({ baseUrl: "http://rosa2.test", apiKey: key, fetch: toWorker });
    await expect(phone.usage()).rejects.toMatchObject({ code: "insufficient_scope", status: 403 });
    expect((await client.listKeys()).data.map((one) => one.id)).toContain(id);
    expect((await client.revokeKey(id)).revoked_at).not.toBeNull();
    expect(await client.setBudget(2)).toMatchObject({ cap_usd: 2 });
    expect(await client.budget()).toMatchObject({ cap_usd: 2 });
    expect((await client.usage({ group_by: "day" })).group_by).toBe("day");
    expect((await client.health()).gpu.model).toBe("fake-mini");
    expect((await client.models()).data[0]?.id).toBe("fake-mini");
  });
});

describe("the client's errors", () => {
  it("say what the server said", async () => {
    const stranger = new Rosa2({
      baseUrl: "http://rosa2.test",
      apiKey: "rosa2_wrong",
      fetch: toWorker,
    });
    const failure = await stranger.models().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Rosa2Error);
    expect(failure).toMatchObject({
      code: "invalid_key",
      type: "authentication_error",
      status: 401,
      requestId: /^req_/,
    });
  });

  it("name the parameter, and are not tried again", async () => {
    const { client, network } = await newClient();
    const session = await client.createSession();
    await expect(session.ask("  ")).rejects.toMatchObject({ status: 400, param: "content" });
    expect(network.sent).toHaveLength(2);
  });

  it("come only after the retries that might have mended them", async () => {
    const { client, network } = await newClient({ retriesMax: 1 });
    network.faults = [{ afterBytes: 0 }];
    expect(await client.health()).toMatchObject({ status: "ok" });
    network.faults = [{ afterBytes: 0 }, { afterBytes: 0 }];
    await expect(client.health()).rejects.toMatchObject({
      code: "connection_failed",
      type: "connection_error",
      status: 0,
    });
    expect(network.sent).toHaveLength(4);
  });

  it("name the turn that is kept when the model cannot be reached", async () => {
    const { caller, client } = await newClient({ retriesMax: 0 });
    const session = await client.createSession();
    await caller.behave({ down: ["/v1/generate"] });
    await expect(session.ask("hello")).rejects.toMatchObject({
      code: "gpu_unavailable",
      status: 503,
      keptId: /^turn_/,
    });
  });

  it("stay readable when an answer is no JSON", async () => {
    const proxy = new Rosa2({
      baseUrl: "http://rosa2.test",
      apiKey: "x",
      retriesMax: 0,
      fetch: async () => new Response("<h1>Bad gateway</h1>", { status: 502 }),
    });
    await expect(proxy.health()).rejects.toMatchObject({ status: 502, code: "internal_error" });
  });
});

/** What a hotel's network answers in the place of every server, with status 200. */
const portal = () =>
  new Response("<title>Welcome to our guest network</title>", {
    headers: { "content-type": "text/html" },
  });

describe("a network that lies or falls silent", () => {
  it("cuts an answer midway: the same request goes again under the same key, and counts once", async () => {
    const { client, network } = await newClient();
    const session = await client.createSession();
    network.sent = [];
    network.faults = [{ afterBytes: 40 }, { afterBytes: 90, clean: true }];
    expect(await session.ask("hello")).toMatchObject({ reply: "echo: hello" });
    const keys = network.sent.map(({ headers }) => headers.get("idempotency-key"));
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect((await session.read()).turns).toHaveLength(1);
  });

  it("answers with a captive portal's page: tried again, then an error of the one class", async () => {
    const { client, network } = await newClient({ retriesMax: 1 });
    const session = await client.createSession();
    network.faults = [{ afterBytes: 0, instead: portal }];
    expect(await session.ask("hello")).toMatchObject({ index: 0, reply: "echo: hello" });
    network.faults = [1, 2].map(() => ({ afterBytes: 0, instead: portal }));
    const failure = await session.ask("again").catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConnectionError);
    expect(failure).toMatchObject({ code: "connection_failed", status: 200 });
    expect(String(failure)).toContain("captive portal");
    network.faults = [{ afterBytes: 0, instead: portal }];
    expect(await session.stream("streamed").result()).toMatchObject({ reply: "echo: streamed" });
  });

  it("accepts and never answers: a call ends after timeoutMs, a stream's first byte too", async () => {
    const { client, network } = await newClient({ retriesMax: 0, timeoutMs: 150 });
    network.faults = [{ afterBytes: 0, silent: true }];
    await expect(client.health()).rejects.toBeInstanceOf(TimeoutError);
    network.faults = [{ afterBytes: 30, silent: true }];
    await expect(client.health()).rejects.toThrow("No answer within 150 ms");
    network.faults = [{ afterBytes: 0, silent: true }];
    await expect(client.models({ timeoutMs: 50 })).rejects.toThrow("No answer within 50 ms");

    const patient = await newClient({ silenceMsMax: 1_000 });
    const session = await patient.client.createSession();
    patient.network.faults = [{ afterBytes: 0, silent: true }];
    expect(await session.stream("hello").result()).toMatchObject({ reply: "echo: hello" });
  });

  it("lets an abort through while it waits, with the caller's reason", async () => {
    const { client, network } = await newClient();
    network.faults = [{ afterBytes: 0, silent: true }];
    const leaving = new AbortController();
    const asked = client.health({ signal: leaving.signal });
    setTimeout(() => leaving.abort(new Error("the user left")), 30);
    await expect(Promise.race([asked, sleep(60_000)])).rejects.toThrow("the user left");
  });
});

describe("the client's other promises", () => {
  it("takes an address with or without /v1 and slashes", async () => {
    for (const baseUrl of ["http://rosa2.test/v1", "http://rosa2.test/v1/", "http://rosa2.test"]) {
      const { client, network } = await newClient({ baseUrl });
      await client.models();
      expect(network.sent[0]?.path).toBe("/v1/models");
    }
  });

  it("goes through sessions page by page, each once", async () => {
    const { client, network } = await newClient();
    const made: string[] = [];
    for (let n = 0; n < 5; n++) made.push((await client.createSession({ title: `${n}` })).id);
    network.sent = [];
    const seen: string[] = [];
    for await (const { id } of client.sessions({ limit: 2 })) seen.push(id);
    expect(seen).toEqual(made.toReversed());
    expect(network.sent).toHaveLength(3);
    network.sent = [];
    for await (const _ of client.sessions({ limit: 2 })) break;
    expect(network.sent).toHaveLength(1);
  });

  it("gives a phone a token that sees its owner's sessions and no other's", async () => {
    const { client } = await newClient();
    const mine = await client.createSession({ title: "the server's own" });
    const { token } = await client.createClientToken({ owner: "user-1", ttl_seconds: 60 });
    const phone = new Rosa2({ baseUrl: "http://rosa2.test", apiKey: token, fetch: toWorker });
    const own = await phone.createSession();
    expect(await own.ask("hello")).toMatchObject({ reply: "echo: hello" });
    expect(await own.change({ title: "on the phone" })).toMatchObject({ title: "on the phone" });
    const seen: string[] = [];
    for await (const { id } of phone.sessions()) seen.push(id);
    expect(seen).toEqual([own.id]);
    await expect(phone.session(mine.id).read()).rejects.toBeInstanceOf(NotFoundError);
    await expect(phone.usage()).rejects.toBeInstanceOf(PermissionDeniedError);
  });

  it("gives each kind of failure a class of its own", async () => {
    const { caller, client } = await newClient({ retriesMax: 0 });
    const stranger = new Rosa2({ baseUrl: "http://rosa2.test", apiKey: "no", fetch: toWorker });
    const { key } = await client.createKey({ name: "phone", scopes: ["chat"] });
    const phone = new Rosa2({ baseUrl: "http://rosa2.test", apiKey: key, fetch: toWorker });
    const session = await client.createSession();
    await expect(stranger.models()).rejects.toBeInstanceOf(AuthenticationError);
    await expect(phone.usage()).rejects.toBeInstanceOf(PermissionDeniedError);
    await expect(session.ask(" ")).rejects.toBeInstanceOf(InvalidRequestError);
    await expect(session.turn("turn_none")).rejects.toBeInstanceOf(NotFoundError);
    await caller.behave({ down: ["/v1/generate"] });
    await expect(session.ask("hello")).rejects.toBeInstanceOf(ServerError);
  });

  it("reaches every route of the API", async () => {
    const { client, network } = await newClient({ retriesMax: 0 });
    const { paths = {} } = apiDocument();
    const session = client.session("ses_x");
    const calls: (() => unknown)[] = [
      ...[() => client.health(), () => client.models(), () => client.model("m")],
      () => client.chat({ model: "rosa2", messages: [] }),
      ...[() => client.createSession(), () => client.listSessions(), () => session.read()],
      ...[() => session.erase(), () => session.fork(), () => session.ask("a")],
      ...[() => session.turn("t"), () => session.retry("t").result(), () => session.stop("t")],
      ...[() => session.follow("t").result(), () => session.feedback("t", { reward: 1 })],
      () => session.reach("t", "a"),
      ...[() => session.words(), () => session.undoWords(), () => session.forgetSense("w")],
      ...[() => session.editConstraint("c", {}), () => session.deleteConstraint("c")],
      ...[() => session.lexicon(), () => session.setLexicon({ senses: [] })],
      ...[() => session.generations(), () => session.activate("g"), () => session.adapter("g")],
      ...[() => client.createKey({ name: "k" }), () => client.listKeys()],
      ...[() => client.revokeKey("k"), () => client.usage(), () => client.budget()],
      ...[() => client.setBudget(1), () => client.tenant(), () => client.eraseTenant("x")],
      ...[() => client.lexicon(), () => client.setLexicon({ senses: [] })],
      () => client.respond({ model: "rosa2", input: "a" }),
      ...[() => client.adaptation(), () => client.webhooks(), () => client.deleteWebhook("h")],
      () => client.setAdaptation({ holdout_share: 0, roll_back_after: null }),
      ...[() => client.createWebhook({ url: "" }), () => client.rotateWebhook("h")],
      () => client.testWebhook("h"),
      ...[() => session.change({}), () => client.createClientToken({ owner: "o" })],
      ...[() => client.createClientTokens([]), () => client.revokeClientTokens("o")],
      ...[() => client.signingKeys().next(), () => client.revokeSigningKey("k")],
      () =>
        client.createSigningKey({ name: "k", public_key: { kty: "OKP", crv: "Ed25519", x: "" } }),
    ];
    for (const call of calls) await Promise.resolve(call()).catch(() => {});
    const sent = network.sent.map(({ method, path }) => `${method} ${path.split("?")[0]}`);
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
    );
    expect(routes.length).toBeGreaterThan(30);
    const unreached = routes.filter(({ method, path }) => {
      const pattern = new RegExp(`^${method} ${path.replace(/\{\w+\}/g, "[^/]+")}$`);
      return !sent.some((one) => pattern.test(one));
    });
    expect(unreached).toEqual([]);
  });
});

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
