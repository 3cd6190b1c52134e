import { describe, expect, it } from "vitest";
import type { KeyBody, SessionDetail, SessionSummary } from "../../edge/src/contract/index.ts";
import {
  ask,
  bindings,
  type Caller,
  judge,
  newTenant,
  openSession,
  phoneOf,
} from "./support/client.ts";

interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

/** Every page of a list, each asked for with the cursor of the one before. */
async function pagesOf<T>(caller: Caller, path: string): Promise<T[][]> {
  const pages: T[][] = [];
  let cursor: string | null = null;
  do {
    const after: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page<T> = await caller.get(`${path}${after}`);
    pages.push(page.data);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return pages;
}

const patch = (caller: Caller, id: string, body: object) =>
  caller.fetch(`/v1/sessions/${id}`, {
    method: "PATCH",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json" },
  });

describe("the list of sessions", () => {
  it("comes page by page, newest first, each session once, whatever is erased meanwhile", async () => {
    const caller = await newTenant();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift((await openSession(caller)).id);
    const first = await caller.get<Page<SessionSummary>>("/v1/sessions?limit=2");
    expect(first.data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    await caller.fetch(`/v1/sessions/${ids[1]}`, { method: "DELETE" });
    const next = `/v1/sessions?limit=2&cursor=${first.next_cursor}`;
    const second = await caller.get<Page<SessionSummary>>(next);
    expect(second.data.map(({ id }) => id)).toEqual(ids.slice(2, 4));
    const last = await caller.get<Page<SessionSummary>>(
      `/v1/sessions?limit=2&cursor=${second.next_cursor}`,
    );
    expect(last.data.map(({ id }) => id)).toEqual(ids.slice(4));
    expect(last.next_cursor).toBeNull();
  });

  it("refuses a cursor that it never gave out", async () => {
    const caller = await newTenant();
    for (const cursor of ["1", "x.ses_1", "'; DROP TABLE", "1.turn_01KAQ2V7S3Z3XWJ0H1G8Y4T5RM"]) {
      const answer = await caller.fetch(`/v1/sessions?cursor=${encodeURIComponent(cursor)}`);
      expect(answer.status, cursor).toBe(400);
    }
  });

  it("finds sessions by owner and by a pair of their metadata", async () => {
    const caller = await newTenant();
    const ann = await phoneOf(caller, "ann");
    const billing = { metadata: { topic: "billing", plan: "pro:2" } };
    const [mine, other] = [await openSession(ann, billing), await openSession(caller, billing)];
    await openSession(caller, { metadata: { topic: "shipping" } });
    const ids = async (who: Caller, query: string) =>
      (await pagesOf<SessionSummary>(who, `/v1/sessions?limit=1&${query}`))
        .flat()
        .map(({ id }) => id);
    expect(await ids(caller, "metadata=topic:billing")).toEqual([other.id, mine.id]);
    expect(await ids(caller, "metadata=plan:pro:2")).toEqual([other.id, mine.id]);
    expect(await ids(caller, "metadata=topic:billing&owner=ann")).toEqual([mine.id]);
    expect(await ids(caller, "metadata=topic:billing&owner=bob")).toEqual([]);
    expect(await ids(ann, "metadata=topic:billing")).toEqual([mine.id]);
    expect(await ids(ann, "metadata=topic:shipping")).toEqual([]);
    expect(await ids(ann, "owner=bob")).toEqual([]);
    expect((await caller.fetch("/v1/sessions?metadata=topic")).status).toBe(400);
  });
});

describe("a session", () => {
  it("is renamed and given other metadata, in itself and in the list at once", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { title: "one", metadata: { a: "1", b: "2" } });
    const answer = await patch(caller, id, { title: "two", metadata: { b: "3" } });
    expect(await answer.json()).toMatchObject({ id, title: "two", metadata: { b: "3" } });
    expect(await caller.get(`/v1/sessions/${id}`)).toMatchObject({
      title: "two",
      metadata: { b: "3" },
    });
    expect(await caller.get("/v1/sessions")).toMatchObject({
      data: [{ title: "two", metadata: { b: "3" } }],
    });
    expect(await caller.get("/v1/sessions?metadata=a:1")).toMatchObject({ data: [] });
    expect(await caller.get("/v1/sessions?metadata=b:3")).toMatchObject({ data: [{ id }] });
    await patch(caller, id, { title: null });
    expect(await caller.get(`/v1/sessions/${id}`)).toMatchObject({
      title: null,
      metadata: { b: "3" },
    });
    // A turn's report must not bring the old ones back.
    await ask(caller, id, "hello");
    await caller.get("/v1/usage");
    expect(await caller.get("/v1/sessions")).toMatchObject({ data: [{ title: null }] });
    const fork = await caller.make<SessionDetail>(`/v1/sessions/${id}/fork`, {});
    expect(fork.metadata).toEqual({ b: "3" });
  });

  it("takes sixteen pairs of short texts, and no more", async () => {
    const caller = await newTenant();
    const pairs = (n: number) =>
      Object.fromEntries(Array.from({ length: n }, (_, i) => [`key_${i}`, "v"]));
    const { id } = await openSession(caller, { metadata: pairs(16) });
    for (const metadata of [pairs(17), { "a key": "v" }, { k: "v".repeat(513) }, { k: 1 }]) {
      expect((await patch(caller, id, { metadata })).status).toBe(400);
    }
  });
});

describe("other lists", () => {
  it("of keys come page by page, and keys are found by how they begin", async () => {
    const caller = await newTenant();
    const made: string[] = [];
    for (let i = 0; i < 4; i++) {
      made.push((await caller.make<{ key: string }>("/v1/keys", { name: `key ${i}` })).key);
    }
    const pages = await pagesOf<KeyBody>(caller, "/v1/keys?limit=2");
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
    const names = pages.flat().map(({ name }) => name);
    expect(names.toSorted()).toEqual(["bootstrap", "key 0", "key 1", "key 2", "key 3"]);
    const found = await caller.get<Page<KeyBody>>(`/v1/keys?prefix=${made[2]}`);
    expect(found.data.map(({ name }) => name)).toEqual(["key 2"]);
    expect(await caller.get("/v1/keys?prefix=rosa2_")).toMatchObject({ data: Array(5).fill({}) });
    expect(await caller.get("/v1/keys?prefix=zzz")).toMatchObject({ data: [] });
  });

  it("of 100,000 keys reads a page's rows, and one key's where it is found by its beginning", async () => {
    const caller = await newTenant();
    const { tenantId } = caller;
    await bindings.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
       INSERT INTO api_keys (id, tenant_id, hash, prefix, name, scopes, created_at)
       SELECT ?1 || '_' || printf('%06d', i), ?1, ?1 || i, 'rosa2_' || printf('%06d', i), 'many', 'chat', i FROM n`,
    )
      .bind(tenantId)
      .run();
    const page = await caller.get<Page<KeyBody>>("/v1/keys?limit=100");
    expect(page.data).toHaveLength(100);
    const [found] = (await caller.get<Page<KeyBody>>("/v1/keys?prefix=rosa2_054321")).data;
    expect(found?.id).toBe(`${tenantId}_054321`);
    const plan = await bindings.DB.prepare(
      `EXPLAIN QUERY PLAN SELECT * FROM api_keys
       WHERE tenant_id = ?1 AND prefix >= ?2 AND prefix < ?3 ORDER BY id LIMIT 21`,
    )
      .bind(tenantId, "a", "b")
      .all<{ detail: string }>();
    expect(plan.results[0]?.detail).toContain("api_keys_by_prefix (tenant_id=? AND prefix>? AND");
    const all = await bindings.DB.prepare(
      "EXPLAIN QUERY PLAN SELECT * FROM api_keys WHERE tenant_id = ?1 ORDER BY id LIMIT 101",
    )
      .bind(tenantId)
      .all<{ detail: string }>();
    expect(all.results.map(({ detail }) => detail).join()).toMatch(/api_keys_by_tenant[^,]*$/);
  });

  it("of usage and of generations come page by page", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    for (const n of [1, 2, 3]) {
      const turn = await ask(caller, id, `hello ${n}`);
      await judge(caller, id, turn.id, { reward: -1, correction: `${n}`, retry: true });
    }
    const generations = await pagesOf<{ index: number }>(
      caller,
      `/v1/sessions/${id}/generations?limit=2`,
    );
    expect(generations.map((page) => page.map(({ index }) => index))).toEqual([[1, 2], [3]]);
    for (let i = 0; i < 2; i++) await ask(caller, (await openSession(caller)).id, "hello");
    const usage = await pagesOf<{ group: string }>(caller, "/v1/usage?group_by=session&limit=2");
    expect(usage.map((page) => page.length)).toEqual([2, 1]);
    expect(new Set(usage.flat().map(({ group }) => group)).size).toBe(3);
  });
});
