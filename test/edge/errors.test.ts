import { describe, expect, it } from "vitest";
import { bootstrapAccount } from "../../edge/src/accounts/bootstrap.ts";
import { authenticate } from "../../edge/src/accounts/keys.ts";
import type { TurnBody } from "../../edge/src/contract/index.ts";
import { ask, bindings, callerWith, newTenant, openSession } from "./support/client.ts";

async function errorOf(response: Response) {
  const body = (await response.json()) as {
    error: { type: string; code: string; message: string; param?: string; request_id: string };
  };
  expect(body.error.request_id).toBe(response.headers.get("x-request-id"));
  return { status: response.status, ...body.error };
}

describe("keys", () => {
  it("refuses calls without a key, with a malformed one and with an unknown one", async () => {
    const nobody = callerWith("ten_none", "rosa2_short");
    const { exports } = await import("cloudflare:workers");
    const worker = (exports as unknown as { default: Fetcher }).default;
    const without = await worker.fetch("http://rosa2.test/v1/sessions");
    expect(await errorOf(without)).toMatchObject({ status: 401, code: "missing_key" });
    expect(without.headers.get("www-authenticate")).toBe('Bearer realm="rosa2"');
    const malformed = await nobody.fetch("/v1/sessions");
    const refused = malformed.headers.get("www-authenticate");
    expect(refused).toBe('Bearer realm="rosa2", error="invalid_token"');
    expect(await errorOf(malformed)).toMatchObject({ status: 401, code: "invalid_key" });
    const unknown = callerWith("ten_none", `rosa2_${"a".repeat(43)}`);
    expect(await errorOf(await unknown.fetch("/v1/sessions"))).toMatchObject({
      status: 401,
      type: "authentication_error",
      code: "invalid_key",
    });
  });

  it("lets a key do what its scopes say and no more", async () => {
    const admin = await newTenant();
    const { key } = await admin.make<{ key: string }>("/v1/keys", {
      name: "app",
      scopes: ["chat"],
    });
    const app = callerWith(admin.tenantId, key);
    const session = await openSession(app);
    const turn = await ask(app, session.id, "hello");
    const feedback = await app.post(`/v1/sessions/${session.id}/turns/${turn.id}/feedback`, {
      reward: 1,
    });
    expect(await errorOf(feedback)).toMatchObject({ status: 403, code: "insufficient_scope" });
    expect((await app.fetch("/v1/keys")).status).toBe(403);
    expect((await app.fetch("/v1/usage")).status).toBe(403);
  });

  it("shows a key once, keeps only its hash, and stops honouring it when revoked or expired", async () => {
    const admin = await newTenant();
    const made = await admin.make<{ id: string; key: string; prefix: string }>("/v1/keys", {
      name: "phone",
    });
    expect(made.key.startsWith(made.prefix)).toBe(true);
    const rows = await bindings.DB.prepare("SELECT * FROM api_keys").all();
    expect(JSON.stringify(rows.results)).not.toContain(made.key);
    const listed = await (await admin.fetch("/v1/keys")).text();
    expect(listed).toContain(made.id);
    expect(listed).not.toContain(made.key);

    const phone = callerWith(admin.tenantId, made.key);
    expect((await phone.fetch("/v1/sessions")).status).toBe(200);
    expect((await admin.fetch(`/v1/keys/${made.id}`, { method: "DELETE" })).status).toBe(200);
    expect((await phone.fetch("/v1/sessions")).status).toBe(401);

    // Another isolate still remembers a key that was revoked here, but not for a minute.
    const elsewhere = await admin.make<{ id: string; key: string }>("/v1/keys", { name: "far" });
    const now = Date.now();
    const use = (at: number) => authenticate(bindings.DB, `Bearer ${elsewhere.key}`, at);
    await use(now);
    await bindings.DB.prepare("UPDATE api_keys SET revoked_at = ?2 WHERE id = ?1")
      .bind(elsewhere.id, now)
      .run();
    await expect(use(now + 59_000)).rejects.toMatchObject({ code: "invalid_key" });

    // A key in use is looked up again after the answer, so the next call knows.
    const busy = await admin.make<{ id: string; key: string }>("/v1/keys", { name: "busy" });
    const work: Promise<unknown>[] = [];
    const ask = (at: number) =>
      authenticate(bindings.DB, `Bearer ${busy.key}`, at, (one) => void work.push(one));
    await ask(now);
    await bindings.DB.prepare("UPDATE api_keys SET revoked_at = ?2 WHERE id = ?1")
      .bind(busy.id, now)
      .run();
    await ask(now + 1_000);
    expect(work).toEqual([]);
    await ask(now + 40_000);
    await Promise.all(work);
    await expect(ask(now + 41_000)).rejects.toMatchObject({ code: "invalid_key" });

    const short = await admin.make<{ id: string; key: string }>("/v1/keys", {
      name: "short",
      expires_in_seconds: 60,
    });
    await bindings.DB.prepare("UPDATE api_keys SET expires_at = 1 WHERE id = ?1")
      .bind(short.id)
      .run();
    expect((await callerWith(admin.tenantId, short.key).fetch("/v1/sessions")).status).toBe(401);
  });
});

describe("the memory of keys", () => {
  it("asks the database once in a while for all keys together, however many there are", async () => {
    const admin = await newTenant();
    const make = (name: string) => admin.make<{ id: string; key: string }>("/v1/keys", { name });
    const keys = await Promise.all(Array.from({ length: 12 }, (_, i) => make(`one of many ${i}`)));
    let statements = 0;
    const database = {
      withSession: (constraint: D1SessionConstraint) => {
        statements++;
        return bindings.DB.withSession(constraint);
      },
    } as unknown as D1Database;
    const start = Date.now() + 10 * 3_600_000;
    const useAll = async (at: number) => {
      const work: Promise<unknown>[] = [];
      for (const { key } of keys) {
        await authenticate(database, `Bearer ${key}`, at, (one) => void work.push(one));
      }
      await Promise.all(work);
    };
    await useAll(start);
    statements = 0;
    // Two minutes of calls, then one after a rest longer than a remembered answer counts.
    for (let s = 5; s <= 120; s += 5) await useAll(start + s * 1000);
    expect(statements).toBeLessThanOrEqual(5);
    await useAll(start + 1_000_000);
    expect(statements).toBeLessThanOrEqual(6);

    // One key is revoked elsewhere just before the last look-up, one long after it.
    const revoke = (id: string | undefined, at: number) =>
      bindings.DB.prepare("UPDATE api_keys SET revoked_at = ?2 WHERE id = ?1").bind(id, at).run();
    await revoke(keys[3]?.id, start + 1_000_000 - 2_000);
    await revoke(keys[4]?.id, start + 2_000_000);
    const use = (n: number, at: number) => authenticate(database, `Bearer ${keys[n]?.key}`, at);
    await expect(use(3, start + 1_050_000)).rejects.toMatchObject({ code: "invalid_key" });
    await expect(use(4, start + 2_059_000)).rejects.toMatchObject({ code: "invalid_key" });
    await use(5, start + 2_059_000);
  });
});

describe("a key that nobody has", () => {
  it("is looked up once for a while, however often it is tried", async () => {
    let reads = 0;
    // The nearest replica is asked first; the primary alone may say that there is no such key.
    const database = {
      withSession: (constraint: D1SessionConstraint) => {
        if (constraint === "first-primary") reads++;
        return bindings.DB.withSession(constraint);
      },
    } as unknown as D1Database;
    const guess = `Bearer rosa2_${crypto.randomUUID().replaceAll("-", "").padEnd(43, "x")}`;
    const now = Date.now();
    for (const at of [now, now + 1, now + 9_000]) {
      await expect(authenticate(database, guess, at)).rejects.toMatchObject({
        code: "invalid_key",
      });
    }
    expect(reads).toBe(1);
    await expect(authenticate(database, guess, now + 11_000)).rejects.toThrow();
    expect(reads).toBe(2);
  });
});

describe("the first key", () => {
  it("is made by running the same statements once or twice, and only its hash is in them", async () => {
    const tenantId = `ten_first${crypto.randomUUID().slice(0, 8)}`;
    const { key, sql } = await bootstrapAccount({ tenantId, tenantName: "Ann's" });
    expect(sql).not.toContain(key);
    const again = await bootstrapAccount({ tenantId, tenantName: "Ann's", key });
    for (const statement of [...sql.split("\n"), ...again.sql.split("\n")]) {
      await bindings.DB.prepare(statement).run();
    }
    const admin = callerWith(tenantId, key);
    const { data } = await admin.get<{ data: object[] }>("/v1/keys");
    expect(data).toMatchObject([{ prefix: key.slice(0, 12), scopes: ["chat", "adapt", "admin"] }]);
    await expect(bootstrapAccount({ key: "short" })).rejects.toThrow("43 characters");
  });
});

describe("bad input", () => {
  it("names the parameter that is wrong", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "hello");
    const turns = `/v1/sessions/${id}/turns`;
    const feedback = `${turns}/${turn.id}/feedback`;
    const cases: [path: string, body: unknown, param: string][] = [
      [turns, { content: "" }, "content"],
      [turns, { content: "  \n" }, "content"],
      [turns, { content: "x".repeat(16_385) }, "content"],
      [turns, { content: 3 }, "content"],
      [turns, {}, "content"],
      [turns, { content: "hi", temperature: 3 }, "temperature"],
      [feedback, {}, "reward"],
      [feedback, { reward: 1.01 }, "reward"],
      [feedback, { reward: -1.5 }, "reward"],
      [feedback, { reward: "good" }, "reward"],
      [feedback, { reward: -1, correction: " " }, "correction"],
      [feedback, { reward: -1, text: "x".repeat(4097) }, "text"],
      ["/v1/sessions", { adaptation: { mode: "magic" } }, "adaptation.mode"],
      ["/v1/sessions", { ttl_seconds: 1 }, "ttl_seconds"],
      ["/v1/keys", { name: "x", scopes: ["root"] }, "scopes.0"],
      ["/v1/chat/completions", { model: "fake-mini", messages: [] }, "messages"],
    ];
    for (const [path, body, param] of cases) {
      const response = await caller.post(path, body);
      expect(await errorOf(response), JSON.stringify(body).slice(0, 80)).toMatchObject({
        status: 400,
        code: "invalid_request",
        param,
      });
    }
    const unknown = await caller.post(turns, { content: "hi", colour: "red" });
    expect(unknown.status).toBe(400);
    expect((await caller.get<{ turns: unknown[] }>(`/v1/sessions/${id}`)).turns).toHaveLength(1);
  });

  it("tells invalid JSON, oversized bodies and unknown routes apart", async () => {
    const caller = await newTenant();
    const headers = { "content-type": "application/json" };
    const broken = await caller.fetch("/v1/sessions", { method: "POST", body: "{", headers });
    expect(await errorOf(broken)).toMatchObject({ status: 400, code: "invalid_json" });
    const huge = await caller.fetch("/v1/sessions", {
      method: "POST",
      body: JSON.stringify({ title: "x".repeat(1_100_000) }),
      headers,
    });
    expect(await errorOf(huge)).toMatchObject({ status: 413, code: "payload_too_large" });
    const lost = await caller.fetch("/v1/nothing");
    expect(await errorOf(lost)).toMatchObject({ status: 404, code: "not_found" });
  });

  it("takes no feedback on a turn that has no reply, and keeps the turn", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    await caller.behave({ down: ["/v1/generate"] });
    const failed = await caller.post(`/v1/sessions/${id}/turns`, { content: "hello" });
    const turnId = failed.headers.get("x-rosa2-turn");
    const response = await caller.post(`/v1/sessions/${id}/turns/${turnId}/feedback`, {
      reward: -1,
    });
    expect(await errorOf(response)).toMatchObject({ status: 409, code: "conflict" });
    const turn = await caller.get<TurnBody>(`/v1/sessions/${id}/turns/${turnId}`);
    expect(turn.content).toBe("hello");
  });

  it("answers 404 for turns, feedback and generations that do not exist", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const missing = "turn_01KAQ2V9M6M8YB6T1N3D5P7QRS";
    const statuses = await Promise.all([
      caller.fetch(`/v1/sessions/${id}/turns/${missing}`),
      caller.fetch(`/v1/sessions/${id}/turns/${missing}/events`),
      caller.post(`/v1/sessions/${id}/turns/${missing}/stop`, {}),
      caller.post(`/v1/sessions/${id}/turns/${missing}/retry`, {}),
      caller.post(`/v1/sessions/${id}/turns/${missing}/feedback`, { reward: 1 }),
      caller.fetch(`/v1/sessions/${id}/generations/gen_x/adapter`),
      caller.post(`/v1/sessions/${id}/generations/gen_x/activate`, {}),
      caller.post(`/v1/sessions/${id}/fork`, { turn_id: missing }),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual(Array(8).fill(404));
  });
});

describe("request identity", () => {
  it("takes a caller's request id, and passes it and traceparent on to the GPU service", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const response = await caller.post(
      `/v1/sessions/${id}/turns`,
      { content: "hello" },
      { "x-request-id": "mine-1", traceparent },
    );
    expect(response.headers.get("x-request-id")).toBe("mine-1");
    const [call] = await caller.calls("/v1/generate");
    expect(call).toMatchObject({ requestId: "mine-1", traceparent });
  });

  it("begins a trace where the caller sent none, or an invalid one", async () => {
    const caller = await newTenant();
    const chat = { model: "fake-mini", messages: [{ role: "user", content: "hi" }] };
    const given = ["", "nonsense", `00-${"0".repeat(32)}-00f067aa0ba902b7-01`];
    for (const traceparent of given) {
      await caller.make("/v1/chat/completions", chat, traceparent === "" ? {} : { traceparent });
    }
    const traces = (await caller.calls("/v1/generate")).map(({ traceparent }) => traceparent ?? "");
    expect(new Set(traces).size).toBe(3);
    for (const trace of traces) expect(trace).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  });
});
