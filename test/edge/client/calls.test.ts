import { Rosa2, Rosa2Error } from "rosa2";
import { describe, expect, it } from "vitest";
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
