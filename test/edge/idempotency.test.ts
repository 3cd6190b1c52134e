import { describe, expect, it } from "vitest";
import type { SessionDetail, TurnBody } from "../../edge/src/contract.ts";
import { ask, bindings, newTenant, openSession, readEvents } from "./support/client.ts";

const header = (key: string) => ({ "idempotency-key": key });
const hello = { model: "m", messages: [{ role: "user", content: "hello" }] };

describe("Idempotency-Key outside sessions", () => {
  it("opens one session for concurrent calls with one key", async () => {
    const caller = await newTenant();
    const made = await Promise.all(
      Array.from({ length: 10 }, () =>
        caller.make<SessionDetail>("/v1/sessions", { title: "one" }, header("a")),
      ),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect((await caller.get<{ data: unknown[] }>("/v1/sessions")).data).toHaveLength(1);
  });

  it("refuses a key that came with another request", async () => {
    const caller = await newTenant();
    await caller.make("/v1/sessions", { title: "one" }, header("a"));
    const other = await caller.post("/v1/sessions", { title: "two" }, header("a"));
    expect(other.status).toBe(422);
    expect(await other.json()).toMatchObject({ error: { code: "idempotency_mismatch" } });
    const stranger = await newTenant();
    expect((await stranger.post("/v1/sessions", { title: "two" }, header("a"))).status).toBe(201);
  });

  it("gives a stateless completion again without asking the GPU service, streamed ones too", async () => {
    const caller = await newTenant();
    for (const stream of [false, true]) {
      const body = { ...hello, stream };
      const first = await caller.post("/v1/chat/completions", body, header(`k${stream}`));
      const text = await first.text();
      const second = await caller.post("/v1/chat/completions", body, header(`k${stream}`));
      expect(await second.text()).toBe(text);
      expect(second.headers.get("idempotency-replayed")).toBe("true");
      expect(second.headers.get("content-type")).toBe(first.headers.get("content-type"));
    }
    expect(await caller.calls("/v1/generate")).toHaveLength(2);
  });

  it("does not keep a failure that a retry could mend", async () => {
    const caller = await newTenant();
    await caller.behave({ down: ["/v1/generate"] });
    expect((await caller.post("/v1/chat/completions", hello, header("a"))).status).toBe(503);
    await caller.behave({});
    expect((await caller.post("/v1/chat/completions", hello, header("a"))).status).toBe(200);
  });

  it("never stores a new API key in the saved answer", async () => {
    const caller = await newTenant();
    const made = await caller.make<{ id: string; key: string }>(
      "/v1/keys",
      { name: "x" },
      header("a"),
    );
    const again = await caller.make<{ id: string; key?: string }>(
      "/v1/keys",
      { name: "x" },
      header("a"),
    );
    expect(again.id).toBe(made.id);
    expect(again.key).toBeUndefined();
    const saved = await bindings.DB.prepare("SELECT * FROM idempotency").all();
    expect(JSON.stringify(saved.results)).not.toContain(made.key);
  });

  it("refuses keys that no header should hold", async () => {
    const caller = await newTenant();
    const long = await caller.post("/v1/sessions", {}, header("x".repeat(256)));
    expect(long.status).toBe(400);
  });
});

describe("Idempotency-Key inside a session", () => {
  it("takes one turn for concurrent calls, and answers all of them", async () => {
    const caller = await newTenant();
    await caller.behave({ deltaMs: 20 });
    const { id } = await openSession(caller);
    const path = `/v1/sessions/${id}/turns`;
    const turns = await Promise.all(
      Array.from({ length: 10 }, () =>
        caller.make<TurnBody>(path, { content: "hello you" }, header("t1")),
      ),
    );
    expect(new Set(turns.map((turn) => JSON.stringify(turn))).size).toBe(1);
    expect(await caller.calls("/v1/generate")).toHaveLength(1);
    const mismatch = await caller.post(path, { content: "other" }, header("t1"));
    expect(mismatch.status).toBe(422);
  });

  it("replays a streamed turn event for event", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const body = { content: "hello you there", stream: true };
    const path = `/v1/sessions/${id}/turns`;
    const first = await readEvents(await caller.post(path, body, header("s1")));
    const second = await readEvents(await caller.post(path, body, header("s1")));
    expect(second).toEqual(first);
  });

  it("runs a failed turn again when the same request comes with the same key", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const path = `/v1/sessions/${id}/turns`;
    await caller.behave({ down: ["/v1/generate"] });
    const failed = await caller.post(path, { content: "hello" }, header("t1"));
    expect(failed.status).toBe(503);
    await caller.behave({});
    const turn = await caller.make<TurnBody>(path, { content: "hello" }, header("t1"));
    expect(turn).toMatchObject({
      id: failed.headers.get("x-rosa2-turn"),
      status: "completed",
      index: 0,
    });
  });

  it("does not mix up turns and feedback, nor sessions", async () => {
    const caller = await newTenant();
    const [a, b] = [await openSession(caller), await openSession(caller)];
    const turn = await ask(caller, a.id, "hello");
    await caller.make(`/v1/sessions/${a.id}/turns`, { content: "x" }, header("k"));
    const crossed = await caller.post(
      `/v1/sessions/${a.id}/turns/${turn.id}/feedback`,
      { reward: 1 },
      header("k"),
    );
    expect(crossed.status).toBe(422);
    await caller.make(`/v1/sessions/${b.id}/turns`, { content: "x" }, header("k"));
  });
});
