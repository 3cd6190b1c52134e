import { exportJWK, generateKeyPair } from "jose";
import { afterEach, describe, expect, it } from "vitest";
import { reportToStripe } from "../../edge/src/accounts/object/stripe.ts";
import type { SessionDetail } from "../../edge/src/contract/index.ts";
import { unwrap } from "../../edge/src/rpc.ts";
import { account, accountRows, inAccount } from "./support/account.ts";
import {
  ask,
  bindings,
  type Caller,
  judge,
  newTenant,
  openSession,
  phoneOf,
} from "./support/client.ts";

type Prepare = (this: unknown, sql: string) => D1PreparedStatement;
const database = Object.getPrototypeOf(bindings.DB) as { prepare: Prepare };
const { prepare } = database;
const session = Object.getPrototypeOf(bindings.DB.withSession()) as { prepare: Prepare };
const { prepare: prepareInSession } = session;
const storage = await inAccount("ten_of_queries", (_, sql) => Object.getPrototypeOf(sql));
const { exec } = storage as SqlStorage;
afterEach(() => {
  database.prepare = prepare;
  session.prepare = prepareInSession;
  storage.exec = exec;
});

/** Statements that reach D1 meanwhile. */
async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
  const statements: string[] = [];
  database.prepare = function (sql) {
    statements.push(sql);
    return prepare.call(this, sql);
  };
  session.prepare = function (sql) {
    statements.push(sql);
    return prepareInSession.call(this, sql);
  };
  await work();
  database.prepare = prepare;
  session.prepare = prepareInSession;
  return statements;
}

/** Statements that reach the tables of objects meanwhile. */
async function statementsInObjects(work: () => Promise<unknown>): Promise<string[]> {
  const statements: string[] = [];
  storage.exec = function (this: SqlStorage, sql: string, ...values: unknown[]) {
    statements.push(sql);
    return exec.call(this, sql, ...values);
  };
  await work();
  storage.exec = exec;
  return statements;
}

async function useEverything(caller: Caller): Promise<void> {
  const { id } = await openSession(caller, { title: "one" });
  const turn = await ask(caller, id, "Sort them: 31, 7, 12");
  await judge(caller, id, turn.id, { reward: -1, correction: "31, 12, 7", retry: true });
  const keyed = { "idempotency-key": "q" };
  const fork = await caller.make<SessionDetail>(`/v1/sessions/${id}/fork`, {}, keyed);
  await caller.make(`/v1/sessions/${id}/fork`, {}, keyed);
  await caller.get("/v1/sessions");
  const { next_cursor } = await caller.get<{ next_cursor: string }>("/v1/sessions?limit=1");
  await caller.get(`/v1/sessions?cursor=${next_cursor}&limit=1`);
  await caller.fetch(`/v1/sessions/${id}`, {
    method: "PATCH",
    body: JSON.stringify({ title: "two", metadata: { topic: "lists" } }),
    headers: { "content-type": "application/json" },
  });
  await caller.get("/v1/sessions?metadata=topic:lists");
  await caller.get("/v1/sessions?metadata=topic:lists&owner=ann");
  for (const group of ["day", "session", "key", "owner"]) {
    await caller.get(`/v1/usage?group_by=${group}&from=2026-01-01`);
    await caller.get(`/v1/usage?group_by=${group}&owner=ann`);
  }
  const budget = { method: "PUT", body: JSON.stringify({ cap_usd: 9 }) };
  const headers = { "content-type": "application/json" };
  await caller.fetch("/v1/budget", { ...budget, headers });
  const key = await caller.make<{ id: string }>("/v1/keys", { name: "other" });
  await caller.get("/v1/keys");
  await caller.fetch(`/v1/keys/${key.id}`, { method: "DELETE" });
  await caller.get("/v1/tenant");
  const { publicKey } = await generateKeyPair("EdDSA", { extractable: true });
  const signing = { name: "back end", public_key: await exportJWK(publicKey) };
  const { id: signingKey } = await caller.make<{ id: string }>("/v1/signing_keys", signing);
  await caller.get("/v1/signing_keys");
  await caller.fetch(`/v1/signing_keys/${signingKey}`, { method: "DELETE" });
  const phone = await phoneOf(caller, "ann", { cap_usd: 1 });
  await openSession(phone);
  await phone.get("/v1/sessions");
  await phone.make("/v1/chat/completions", {
    model: "fake-mini",
    messages: [{ role: "user", content: "hello" }],
  });
  await caller.fetch("/v1/client_tokens?owner=ann", { method: "DELETE" });
  await phone.fetch("/v1/sessions");
  await caller.fetch(`/v1/sessions/${fork.id}`, { method: "DELETE" });
  await inAccount(caller.tenantId, (books) =>
    reportToStripe(books, { url: "http://127.0.0.1:9", key: "k", meter: "m" }),
  );
}

/** The tables that a statement reads whole, by its query plan. */
function scansIn(plan: { detail: string }[]): string[] {
  return plan
    .map(({ detail }) => detail)
    .filter((detail) => /^SCAN /.test(detail) && !/USING|CONSTANT ROW/.test(detail));
}

describe("statements", () => {
  it("to D1 find their rows by an index, never by going through a table", async () => {
    const caller = await newTenant();
    const statements = await statementsOf(() => useEverything(caller));
    const different = [...new Set(statements)];
    expect(different.length).toBeGreaterThan(5);
    for (const sql of different) {
      const { results } = await prepare
        .call(bindings.DB, `EXPLAIN QUERY PLAN ${sql}`)
        .bind(...Array.from({ length: sql.includes("?1") ? highest(sql) : count(sql) }, () => 1))
        .all<{ detail: string }>();
      expect(scansIn(results), sql).toEqual([]);
    }
  });

  it("of an account find their rows by an index; only its own row is read whole", async () => {
    const caller = await newTenant();
    const statements = await statementsInObjects(() => useEverything(caller));
    const different = [...new Set(statements)].filter((sql) =>
      /^\s*(select|insert|update|delete|with)/i.test(sql),
    );
    const tables = await accountRows<{ name: string }>(
      caller.tenantId,
      "SELECT name FROM sqlite_master WHERE type = 'table'",
    );
    const own = new Set(tables.map(({ name }) => name));
    const ofAccount = different.filter((sql) => {
      const named = /(?:from|into|update) "?(\w+)"?/i.exec(sql)?.[1] ?? "";
      return own.has(named) && !named.startsWith("_") && named !== "sqlite_master";
    });
    expect(ofAccount.length).toBeGreaterThan(25);
    for (const sql of ofAccount) {
      const plan = await accountRows<{ detail: string }>(
        caller.tenantId,
        `EXPLAIN QUERY PLAN ${sql}`,
        ...Array.from({ length: count(sql) }, () => 1),
      );
      expect(
        scansIn(plan).filter((detail) => detail !== "SCAN account"),
        sql,
      ).toEqual([]);
    }
  });

  it("read no more rows for a page of 100,000 sessions than for one of a hundred", async () => {
    const { tenantId } = await newTenant();
    const seed = (from: number, to: number) =>
      accountRows(
        tenantId,
        `WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
         INSERT INTO session_index (id, metadata, mode, created_at, updated_at)
         SELECT 'ses_' || printf('%043d', i), '{}', 'both', i, i FROM n`,
        from,
        to,
      );
    const rowsRead = async () => {
      const read: number[] = [];
      storage.exec = function (this: SqlStorage, sql: string, ...values: unknown[]) {
        const cursor = exec.call(this, sql, ...values);
        if (/from "session_index"/.test(sql)) read.push(0);
        const raw = cursor.raw.bind(cursor);
        cursor.raw = ((): unknown => {
          const rows = [...raw()];
          if (/from "session_index"/.test(sql)) read[read.length - 1] = cursor.rowsRead;
          return rows.values();
        }) as typeof cursor.raw;
        return cursor;
      };
      const first = await unwrap(account(tenantId).listSessions(tenantId, { limit: 20 }));
      const cursor = `50.ses_${"50".padStart(43, "0")}`;
      await unwrap(account(tenantId).listSessions(tenantId, { limit: 20, cursor }));
      storage.exec = exec;
      expect(first.data).toHaveLength(20);
      return read;
    };
    await seed(1, 100);
    const few = await rowsRead();
    expect(few).toHaveLength(2);
    expect(Math.min(...few)).toBeGreaterThan(0);
    await seed(101, 100_000);
    expect(await rowsRead()).toEqual(few);
  });

  it("are as many for a page of one session as for a page of a dozen, and for one turn as for many", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    // Now and then a call also asks for the latest revocations.
    const number = async (path: string) =>
      (await statementsOf(() => caller.get(path))).filter((sql) => !/revo/i.test(sql)).length;
    const few = [await number("/v1/sessions"), await number(`/v1/sessions/${id}`)];
    for (let i = 0; i < 11; i++) await openSession(caller);
    for (let i = 0; i < 5; i++) await ask(caller, id, `hello ${i}`);
    const many = [await number("/v1/sessions?limit=100"), await number(`/v1/sessions/${id}`)];
    expect(many).toEqual(few);
  });

  it("of a fork are as many for one generation as for several", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const fork = () => statementsInObjects(() => caller.make(`/v1/sessions/${id}/fork`, {}));
    const teach = async (n: number) => {
      const turn = await ask(caller, id, `Say ${n}`);
      await judge(caller, id, turn.id, { reward: -1, correction: `${n}!`, wait: true });
    };
    const aboutFiles = (statements: string[]) =>
      statements.filter((sql) => /select.*from "adapter_refs"/i.test(sql)).length;
    await teach(1);
    const one = aboutFiles(await fork());
    for (const n of [2, 3, 4]) await teach(n);
    expect(aboutFiles(await fork())).toBe(one);
  });
});

function highest(sql: string): number {
  return Math.max(...[...sql.matchAll(/\?(\d+)/g)].map(([, n]) => Number(n)));
}

function count(sql: string): number {
  return sql.split("?").length - 1;
}
