import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { TenantBody } from "../../edge/src/contract/index.ts";
import { newSessionId } from "../../edge/src/session-address.ts";
import { accountRows } from "./support/account.ts";
import {
  ask,
  bindings,
  type Caller,
  callerWith,
  eventually,
  judge,
  newTenant,
  openSession,
} from "./support/client.ts";

const secret = "the-word-that-must-not-stay";

/** Everything that D1, the account and its saved answers hold of this tenant. */
async function everythingOf(tenantId: string): Promise<string> {
  const keys = await bindings.DB.prepare("SELECT * FROM api_keys WHERE tenant_id = ?1")
    .bind(tenantId)
    .all();
  const own = await bindings.DB.prepare("SELECT * FROM tenants WHERE id = ?1").bind(tenantId).all();
  const homes = [tenantId, ...Array.from({ length: 16 }, (_, i) => `${tenantId}/answers/${i}`)];
  const kept = await Promise.all(homes.map(tablesOf));
  return JSON.stringify([keys.results, own.results, kept]);
}

function tablesOf(name: string): Promise<unknown[]> {
  const stub = bindings.ACCOUNTS.getByName(name) as unknown as DurableObjectStub;
  return runInDurableObject(stub, (_, { storage: { sql } }) =>
    sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
      .toArray()
      .filter((table) => !table.name.startsWith("_cf"))
      .map((table) => sql.exec(`SELECT * FROM ${table.name}`).toArray()),
  );
}

function erase(caller: Caller): Promise<Response> {
  return caller.fetch(`/v1/tenant?confirm=${caller.tenantId}`, { method: "DELETE" });
}

function whenErased(caller: Caller): Promise<TenantBody> {
  return eventually(
    () => caller.get<TenantBody>("/v1/tenant"),
    ({ erasure }) => erasure?.status === "done",
  );
}

describe("erasing a tenant", () => {
  it("deletes all sessions, adapters, saved answers and other keys, and states what stays", async () => {
    const caller = await newTenant();
    const other = await caller.make<{ key: string }>("/v1/keys", { name: secret });
    await caller.fetch("/v1/tenant/lexicon", {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        senses: [
          {
            id: "own",
            label: secret,
            spans: [secret],
            readings: [
              { id: "a", phrase: "a" },
              { id: "b", phrase: "b" },
            ],
          },
        ],
      }),
    });
    await caller.make(
      "/v1/chat/completions",
      { model: "fake-mini", messages: [{ role: "user", content: secret }] },
      { "idempotency-key": "kept-answer" },
    );
    // More than one step of the eraser takes.
    const ids: string[] = [];
    for (let i = 0; i < 23; i++) ids.push((await openSession(caller, { title: secret })).id);
    const [first = ""] = ids;
    const turn = await ask(caller, first, secret);
    await judge(caller, first, turn.id, { reward: -1, correction: secret, retry: true });
    expect(await everythingOf(caller.tenantId)).toContain(secret);

    const begun = await erase(caller);
    expect(begun.status).toBe(202);
    expect(await begun.json()).toMatchObject({ status: "running", erased: { keys: 1 } });
    const { sessions, erasure } = await whenErased(caller);
    expect(sessions).toBe(0);
    expect(erasure?.erased).toMatchObject({
      sessions: 23,
      turns: 2,
      generations: 1,
      adapters: 1,
      keys: 1,
    });
    expect(erasure?.kept).toContain("no text");
    expect(await caller.get("/v1/sessions")).toMatchObject({ data: [] });
    for (const id of ids) expect((await caller.fetch(`/v1/sessions/${id}`)).status).toBe(404);
    const files = await bindings.ADAPTERS.list({ prefix: `adapters/${caller.tenantId}/` });
    expect(files.objects).toEqual([]);
    expect((await callerWith(caller.tenantId, other.key).fetch("/v1/sessions")).status).toBe(401);
    expect(await everythingOf(caller.tenantId)).not.toContain(secret);
    // What was metered is still there.
    const usage = await caller.get<{ data: { replies: number }[] }>("/v1/usage");
    expect(usage.data[0]?.replies).toBe(3);
  });

  it("needs the tenant's id as confirmation, and the scope admin", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    for (const path of ["/v1/tenant", "/v1/tenant?confirm=yes"]) {
      expect((await caller.fetch(path, { method: "DELETE" })).status, path).toBe(400);
    }
    const { key } = await caller.make<{ key: string }>("/v1/keys", { name: "app" });
    expect((await erase(callerWith(caller.tenantId, key))).status).toBe(403);
    expect((await caller.fetch(`/v1/sessions/${id}`)).status).toBe(200);
  });

  it("leaves other tenants as they are, and the account works afterwards", async () => {
    const [leaving, staying] = [await newTenant(), await newTenant()];
    const { id } = await openSession(staying);
    await openSession(leaving);
    await erase(leaving);
    await whenErased(leaving);
    expect((await staying.fetch(`/v1/sessions/${id}`)).status).toBe(200);
    expect((await openSession(leaving)).turns).toEqual([]);
  });

  it("opens no session while it runs", async () => {
    const caller = await newTenant();
    const erasure = JSON.stringify({ status: "running", erased: {} });
    await accountRows(caller.tenantId, "UPDATE account SET erasure = ?", erasure);
    expect((await caller.post("/v1/sessions", {})).status).toBe(409);
  });

  it("waits for a session that is in the index but not made yet, and removes an entry without a session", async () => {
    const caller = await newTenant();
    const insert = (id: string, createdAt: number) =>
      accountRows(
        caller.tenantId,
        "INSERT INTO session_index (id, metadata, mode, created_at, updated_at) VALUES (?1, '{}', 'both', ?2, ?2)",
        id,
        createdAt,
      );
    const [young, old] = [newSessionId(bindings), newSessionId(bindings)];
    await insert(young, Date.now());
    await insert(old, Date.now() - 120_000);
    await erase(caller);
    const rows = () => accountRows(caller.tenantId, "SELECT id FROM session_index");
    await eventually(rows, (left) => left.length === 1);
    expect(await caller.get<TenantBody>("/v1/tenant")).toMatchObject({
      erasure: { status: "running" },
    });
    await accountRows(caller.tenantId, "UPDATE session_index SET created_at = 0");
    await whenErased(caller);
  });
});

describe("erasing a session while calls wait on it", () => {
  it.each(["/v1/adapt", "/v1/generate"])(
    "answers them with 404 at every step of %s, and never with 500",
    async (path) => {
      const caller = await newTenant();
      for (const delayMs of [0, 5, 15, 40, 90, 160]) {
        await caller.behave({});
        const { id } = await openSession(caller);
        const turn = await ask(caller, id, "Sort them: 31, 7, 12");
        await caller.behave({ delayMs: { [path]: 120 } });
        const body = { reward: -1, correction: "31, 12, 7", retry: true };
        const waiting = [
          caller.post(`/v1/sessions/${id}/turns/${turn.id}/feedback`, body),
          caller.post(`/v1/sessions/${id}/turns`, { content: "one more" }),
          caller.fetch(`/v1/sessions/${id}`),
        ];
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        const erasing = [1, 2].map(() => caller.fetch(`/v1/sessions/${id}`, { method: "DELETE" }));
        const statuses = (await Promise.all([...waiting, ...erasing])).map(({ status }) => status);
        for (const status of statuses) expect([200, 404, 409], String(delayMs)).toContain(status);
        expect(statuses.slice(3)).toContain(200);
        expect((await caller.fetch(`/v1/sessions/${id}`)).status).toBe(404);
      }
    },
  );
});
