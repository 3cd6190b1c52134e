import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { streamWindowMs } from "../../edge/src/session/store/prune.ts";
import { sessionStub } from "../../edge/src/session-address.ts";
import { bindings, eventually, newTenant, openSession, readEvents } from "./support/client.ts";

const body = {
  model: "fake-mini",
  messages: [{ role: "user", content: "one two three" }],
  stream: true,
};

/** Moves everything of a session into the past, and lets its alarm ring now. */
async function age(sessionId: string, byMs: number): Promise<void> {
  const stub = sessionStub(bindings, sessionId);
  await runInDurableObject(stub as unknown as DurableObjectStub, async (_, state) => {
    const { sql } = state.storage;
    sql.exec("UPDATE turns SET finished_at = finished_at - ?", byMs);
    sql.exec("UPDATE outbox SET due_at = due_at - ? WHERE id = 'prune'", byMs);
    await state.storage.setAlarm(Date.now());
  });
}

async function countOf(sessionId: string, table: string, where: string) {
  const stub = sessionStub(bindings, sessionId);
  return runInDurableObject(
    stub as unknown as DurableObjectStub,
    (_, state) =>
      state.storage.sql.exec(`SELECT count(*) AS n FROM ${table} WHERE ${where}`).one().n as number,
  );
}
const deltas = (id: string) => countOf(id, "events", "type = 'delta'");

describe("an old reply's log", () => {
  it("keeps its end with the whole reply and loses its parts", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const headers = { "idempotency-key": "again", "x-rosa2-session": id };
    const first = await readEvents(await caller.post("/v1/chat/completions", body, headers));
    expect(await deltas(id)).toBeGreaterThan(2);
    await age(id, streamWindowMs + 60_000);
    await eventually(
      () => deltas(id),
      (n) => n === 0,
    );
    expect(await countOf(id, "outbox", "id = 'prune'")).toBe(0);
    const turnId = first[0]?.data.id as string;
    const events = await readEvents(
      await caller.fetch(`/v1/sessions/${id}/turns/${turnId}/events`),
    );
    expect(events.map(({ event }) => event)).toEqual(["turn", "done"]);
    expect(events.at(-1)?.data.reply).toBe("echo: one two three");
    // The saved answer of the call is still the whole reply.
    const replayed = await readEvents(await caller.post("/v1/chat/completions", body, headers));
    const text = replayed.map(({ data }) => data.choices?.[0]?.delta?.content ?? "").join("");
    expect(text).toBe("echo: one two three");
    expect(await countOf(id, "turns", "1")).toBe(1);
  });

  it("is left alone within the window, and looked at again when the next is due", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const ask = () =>
      caller.make<{ id: string }>(`/v1/sessions/${id}/turns`, { content: "one two three" });
    await ask();
    await age(id, streamWindowMs + 60_000);
    await eventually(
      () => deltas(id),
      (n) => n === 0,
    );
    await ask();
    const before = await deltas(id);
    await age(id, streamWindowMs - 60_000);
    // Its alarm rang for nothing: the job is still there, due when the window ends.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await deltas(id)).toBe(before);
    expect(await countOf(id, "outbox", "id = 'prune'")).toBe(1);
    await age(id, 120_000);
    await eventually(
      () => deltas(id),
      (n) => n === 0,
    );
  });
});
