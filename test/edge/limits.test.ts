import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { configOf } from "../../edge/src/config.ts";
import { type SessionDetail, type TenantBody, turnsMax } from "../../edge/src/contract/index.ts";
import { sessionStub } from "../../edge/src/session-address.ts";
import { accountRows } from "./support/account.ts";
import {
  appWith,
  ask,
  bindings,
  type Caller,
  judge,
  newTenant,
  openSession,
} from "./support/client.ts";
import { inSession } from "./support/session-with.ts";

/** The app under other limits. Objects have the tests' own: what they do is limited through their tenant's row. */
function limited(caller: Caller, variables: Record<string, string>) {
  const call = appWith(variables);
  return (path: string, body: object = {}) =>
    call(path, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { authorization: `Bearer ${caller.key}`, "content-type": "application/json" },
    });
}

async function heldBytes(caller: Caller): Promise<number> {
  return (await caller.get<TenantBody>("/v1/tenant")).adapter_bytes;
}

/** Makes it look as if other sessions held all but so many bytes. */
async function leaveRoom(caller: Caller, bytes: number): Promise<void> {
  const held = configOf(bindings).adapterBytesMax - bytes;
  await accountRows(caller.tenantId, "UPDATE account SET adapter_bytes = ?", held);
  // Sessions learn of it with the account's next answer.
  await caller.get("/v1/budget");
}

async function teach(caller: Caller, sessionId: string, correction: string) {
  const turn = await ask(caller, sessionId, "Say hello");
  return judge(caller, sessionId, turn.id, { reward: -1, correction, retry: true });
}

describe("sessions of a tenant", () => {
  it("stop at their limit, also when many are opened at once, and one may be opened for each erased", async () => {
    const caller = await newTenant();
    const post = limited(caller, { SESSIONS_MAX: "3" });
    const opened = await Promise.all(Array.from({ length: 12 }, () => post("/v1/sessions")));
    const made = opened.filter(({ status }) => status === 201);
    expect(made).toHaveLength(3);
    const refused = opened.find(({ status }) => status !== 201);
    expect(refused?.status).toBe(409);
    expect(await refused?.json()).toMatchObject({
      error: { code: "conflict", message: expect.stringContaining("3 are open") },
    });
    const bodies = await Promise.all(made.map((one) => one.json<SessionDetail>()));
    const id = bodies[0]?.id;
    expect((await post(`/v1/sessions/${id}/fork`)).status).toBe(409);
    await caller.fetch(`/v1/sessions/${id}`, { method: "DELETE" });
    expect((await post("/v1/sessions")).status).toBe(201);
    expect((await post("/v1/sessions")).status).toBe(409);
  });
});

describe("turns of a session", () => {
  it("stop at their limit, and a fork at an earlier turn goes on", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const first = await ask(caller, id, "hello");
    await ask(caller, id, "hello again");
    const stub = sessionStub(bindings, id);
    await runInDurableObject(stub as unknown as DurableObjectStub, (_, state) => {
      state.storage.sql.exec("UPDATE turns SET idx = ? WHERE idx = 1", turnsMax - 1);
    });
    const refused = await caller.post(`/v1/sessions/${id}/turns`, { content: "one more" });
    expect(refused.status).toBe(409);
    expect(await refused.text()).toContain(`at most ${turnsMax} turns`);
    expect(await caller.get("/v1/budget")).toMatchObject({ reserved_usd: 0 });
    const fork = await caller.make<SessionDetail>(`/v1/sessions/${id}/fork`, { turn_id: first.id });
    expect((await ask(caller, fork.id, "one more")).index).toBe(1);
  });
});

describe("bytes of a session", () => {
  it("have a bound: beyond it nothing is taken, and what is there can be read, forked at an earlier turn, and erased", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const first = await ask(caller, id, "hello");
    const path = `/v1/sessions/${id}`;
    await inSession(caller, id, { SESSION_BYTES_MAX: String(2 ** 20) }, async (object) => {
      const take = (content: string) => object.turn({ content, sampling: {}, keyId: "key_x" }, {});
      const kept: string[] = [];
      let refused: Awaited<ReturnType<typeof take>> | null = null;
      for (let n = 0; n < 60 && refused === null; n++) {
        const taken = await take(`${n} ${"long".repeat(3_000)}`);
        if (taken.ok) kept.push(taken.value.id);
        else refused = taken;
      }
      expect(kept.length).toBeGreaterThan(5);
      expect(refused).toMatchObject({
        code: "session_full",
        message: expect.stringContaining("1048576 are allowed"),
      });
      const body = { reward: -1, text: "wrong", retry: false, stream: false };
      const judged = { turnId: first.id, body, keyId: "key_x" };
      expect(await object.feedback(judged, {})).toMatchObject({ code: "session_full" });
      expect(await object.readTurn(first.id)).toMatchObject({ ok: true });
    });
    const fork = await caller.make<SessionDetail>(`${path}/fork`, { turn_id: first.id });
    expect(await ask(caller, fork.id, "go on")).toMatchObject({ index: 1 });
    expect(await caller.get("/v1/budget")).toMatchObject({ reserved_usd: 0 });
    expect((await caller.fetch(path, { method: "DELETE" })).status).toBe(200);
  });
});

describe("turns that the service refuses", () => {
  it("are bounded although they cost nothing: after ten the session waits", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const error = { status: 400, code: "context_length_exceeded", message: "700 of 512 tokens" };
    await caller.behave({ error: { "/v1/generate": error } });
    const take = () => caller.post(`/v1/sessions/${id}/turns`, { content: "too long" });
    for (let n = 0; n < 10; n++) expect((await take()).status).toBe(400);
    const refused = await take();
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(30);
    expect(await refused.json()).toMatchObject({ error: { code: "rate_limited" } });
    expect(await caller.calls("/v1/generate")).toHaveLength(10);
    expect(await caller.get(`/v1/sessions/${id}`)).toMatchObject({
      turns: [],
      totals: { turns: 0 },
    });
    // Other sessions may still ask.
    await caller.behave({});
    const other = await openSession(caller);
    expect(await ask(caller, other.id, "hello")).toMatchObject({ reply: "echo: hello" });
  });
});

describe("a long session", () => {
  it("is read page by page, each turn once with its feedback, and its totals count all", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const asked: string[] = [];
    for (let n = 0; n < 7; n++) {
      const turn = await ask(caller, id, `request ${n}`);
      asked.push(turn.id);
      if (n % 3 === 0) await judge(caller, id, turn.id, { reward: 1, wait: true });
    }
    const whole = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
    expect(whole.turns.map((turn) => turn.id)).toEqual(asked);
    expect(whole).toMatchObject({ next_cursor: null, totals: { turns: 7, feedback: 3 } });
    expect(whole.totals.prompt_tokens).toBe(
      whole.turns.reduce((n, { usage }) => n + (usage?.prompt_tokens ?? 0), 0),
    );
    const pages: SessionDetail[] = [];
    for (
      let cursor: string | null = "";
      cursor !== null;
      cursor = pages.at(-1)?.next_cursor ?? null
    ) {
      const query = cursor === "" ? "limit=3" : `limit=3&cursor=${cursor}`;
      pages.push(await caller.get<SessionDetail>(`/v1/sessions/${id}?${query}`));
    }
    expect(pages.map(({ turns }) => turns.length)).toEqual([3, 3, 1]);
    expect(pages.toReversed().flatMap(({ turns }) => turns)).toEqual(whole.turns);
    expect(pages.toReversed().flatMap(({ feedback }) => feedback)).toEqual(whole.feedback);
    for (const page of pages) expect(page.totals).toEqual(whole.totals);
    expect((await caller.fetch(`/v1/sessions/${id}?cursor=turn_x`)).status).toBe(400);
    expect((await caller.fetch(`/v1/sessions/${id}?limit=101`)).status).toBe(400);
  });
});

describe("adapter bytes of a tenant", () => {
  it("are counted once per session that holds a file, and given back when it is erased", async () => {
    const caller = await newTenant();
    expect(await heldBytes(caller)).toBe(0);
    const { id } = await openSession(caller);
    await teach(caller, id, "hello");
    const { data } = await caller.get<{ data: { bytes: number }[] }>(
      `/v1/sessions/${id}/generations`,
    );
    const bytes = data[0]?.bytes ?? 0;
    expect(await heldBytes(caller)).toBe(bytes);
    const fork = await caller.make<SessionDetail>(`/v1/sessions/${id}/fork`, {});
    expect(await heldBytes(caller)).toBe(2 * bytes);
    await caller.fetch(`/v1/sessions/${id}`, { method: "DELETE" });
    expect(await heldBytes(caller)).toBe(bytes);
    await caller.fetch(`/v1/sessions/${fork.id}`, { method: "DELETE" });
    expect(await heldBytes(caller)).toBe(0);
  });

  it("leave an update out when there is no room, say so, and answer again all the same", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    await leaveRoom(caller, 0);
    const full = await teach(caller, id, "hello");
    expect(full.weights).toMatchObject({ decision: "skipped" });
    expect(full.weights.reason).toContain("erase sessions");
    expect(full.turn?.status).toBe("completed");
    expect(await caller.calls("/v1/adapt")).toEqual([]);
    // Room for a little, but not for the file that the update makes.
    await leaveRoom(caller, 10);
    const tight = await teach(caller, id, "hello");
    expect(tight.weights).toMatchObject({ decision: "rejected" });
    expect(tight.weights.reason).toContain("bytes");
    const files = await bindings.ADAPTERS.list({ prefix: `adapters/${caller.tenantId}/` });
    expect(files.objects).toEqual([]);
    expect(await caller.get("/v1/budget")).toMatchObject({ reserved_usd: 0 });
    await leaveRoom(caller, 1_000_000);
    expect((await teach(caller, id, "hello")).weights.decision).toBe("updated");
  });

  it("refuse a fork that would hold too much, and leave nothing of it", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    await teach(caller, id, "hello");
    const fork = `/v1/sessions/${id}/fork`;
    const tooFew = String(2 * (await heldBytes(caller)) - 1);
    const refused = await limited(caller, { ADAPTER_BYTES_MAX: tooFew })(fork);
    expect(refused.status).toBe(409);
    expect(await caller.get("/v1/sessions")).toMatchObject({ data: [{ id }] });
    expect((await caller.post(fork, {})).status).toBe(201);
  });
});
