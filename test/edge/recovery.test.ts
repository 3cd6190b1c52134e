import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { FeedbackResult, SessionDetail, TurnBody } from "../../edge/src/contract/index.ts";
import { sessionStub } from "../../edge/src/session-address.ts";
import {
  ask,
  bindings,
  eventually,
  judge,
  newTenant,
  openSession,
  orderSense,
  readEvents,
  readSome,
  textOf,
} from "./support/client.ts";
import { inSession } from "./support/session-with.ts";

const stubOf = (sessionId: string) => sessionStub(bindings, sessionId);

/** Ends the object as a crash does: memory gone, storage kept. */
async function crash(sessionId: string): Promise<void> {
  await runInDurableObject(stubOf(sessionId), (_, state) => {
    state.abort("crash");
  }).catch(() => {});
}

describe("the GPU service is down", () => {
  it("answers 503, keeps the turn, and runs it again on request", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    await caller.behave({ down: ["/v1/generate"] });
    const failed = await caller.post(`/v1/sessions/${id}/turns`, { content: "hello" });
    expect(failed.status).toBe(503);
    expect(await failed.json()).toMatchObject({ error: { code: "gpu_unavailable" } });
    expect(failed.headers.get("retry-after")).toBe("5");
    const turnId = failed.headers.get("x-rosa2-turn");
    expect(await caller.get(`/v1/sessions/${id}/turns/${turnId}`)).toMatchObject({
      status: "failed",
      content: "hello",
      error: { code: "gpu_unavailable" },
    });
    expect((await caller.post(`/v1/sessions/${id}/turns/${turnId}/retry`, {})).status).toBe(503);
    await caller.behave({});
    const turn = await caller.make<TurnBody>(`/v1/sessions/${id}/turns/${turnId}/retry`, {});
    expect(turn).toMatchObject({ id: turnId, status: "completed", reply: "echo: hello" });
    expect((await caller.post(`/v1/sessions/${id}/turns/${turnId}/retry`, {})).status).toBe(409);
  });

  it.each([
    ["scores", "/v1/score"],
    ["updates", "/v1/adapt"],
    ["answers", "/v1/generate"],
  ])("keeps feedback while nothing %s, and the same feedback again goes on", async (_, path) => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Sort them: 31, 7, 12");
    await caller.behave({ down: [path] });
    const body = { reward: -1, correction: "31, 12, 7", retry: true };
    const url = `/v1/sessions/${id}/turns/${turn.id}/feedback`;
    const failed = await caller.post(url, body);
    expect(failed.status).toBe(503);
    const { feedback } = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
    expect(feedback).toMatchObject([{ status: "pending", correction: "31, 12, 7" }]);
    await caller.behave({});
    const result = await caller.make<FeedbackResult>(url, body);
    expect(result).toMatchObject({
      id: feedback[0]?.id,
      status: "done",
      weights: { decision: "updated" },
      turn: { reply: "31, 12, 7" },
    });
    const session = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
    expect(session.totals).toMatchObject({ generations: 1, feedback: 1, turns: 2 });
  });

  it("finishes kept feedback by itself when the service is back", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hello");
    await caller.behave({ down: ["/v1/adapt"] });
    const queued = await judge(caller, id, turn.id, { reward: -1, correction: "hello" });
    expect(queued.weights.decision).toBe("queued");
    await eventually(
      () => caller.calls("/v1/adapt"),
      (calls) => calls.length > 0,
    );
    await caller.behave({});
    // The pause before the second attempt is two seconds; the alarm ends it.
    const session = await eventually(
      () => caller.get<SessionDetail>(`/v1/sessions/${id}`),
      ({ feedback }) => feedback[0]?.status === "done",
    );
    expect(session.feedback[0]?.weights?.decision).toBe("updated");
    expect(session.totals.generations).toBe(1);
  });

  it("gives a silent service up after its time", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    await caller.behave({ hold: ["/v1/generate"] });
    await inSession(caller, id, { GPU_TIMEOUT_MS: "300" }, async (object) => {
      const input = { content: "hello", sampling: {}, keyId: "key_test" };
      expect(await object.turn(input, {})).toMatchObject({ ok: false, code: "gpu_unavailable" });
    });
  });

  it("waits for a reply in the queue as long as the service shows that it is alive", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    // Signs of life come fifty times a second, so that a busy machine hardly misses all of them.
    await caller.behave({ holdAfter: 0 });
    await inSession(caller, id, { GPU_TIMEOUT_MS: "6000" }, async (object) => {
      const asked = object.turn({ content: "hello", sampling: {}, keyId: "key_test" }, {});
      await new Promise((resolve) => setTimeout(resolve, 7_000));
      await caller.behave({});
      expect(await asked).toMatchObject({ value: { reply: "echo: hello" } });
    });
  });

  it("passes on what the service says about the request itself", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const error = { status: 400, code: "context_length_exceeded", message: "700 of 512 tokens" };
    await caller.behave({ error: { "/v1/generate": error } });
    const failed = await caller.post(`/v1/sessions/${id}/turns`, { content: "hello" });
    expect(failed.status).toBe(400);
    expect(await failed.json()).toMatchObject({ error: { code: "context_length_exceeded" } });
  });
});

describe("the session's object crashes", () => {
  it("writes the reply to its end, and readers get each part once", async () => {
    const caller = await newTenant();
    await caller.behave({ deltaMs: 60 });
    const { id } = await openSession(caller);
    const content = "one two three four five six seven eight";
    const response = await caller.post(`/v1/sessions/${id}/turns`, { content, stream: true });
    const turnId = response.headers.get("x-rosa2-turn") ?? "";
    const before = await readSome(response, (events) => events.length >= 4);
    await crash(id);
    const resumed = await caller.fetch(`/v1/sessions/${id}/turns/${turnId}/events`, {
      headers: { "last-event-id": String(before.at(-1)?.id) },
    });
    const after = await readEvents(resumed);
    expect(textOf([...before, ...after])).toBe(`echo: ${content}`);
    expect(after.at(-1)).toMatchObject({ event: "done", data: { status: "completed" } });
  });

  it.each([
    ["scores", "/v1/score"],
    ["updates the weights", "/v1/adapt"],
    ["answers again", "/v1/generate"],
  ])("makes exactly one generation and one retry when it %s", async (_, path) => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Sort them: 31, 7, 12");
    await caller.behave({ hold: [path], salted: true });
    const seen = (await caller.calls(path)).length;
    const body = { reward: -1, correction: "31, 12, 7", retry: true };
    const lost = caller
      .post(`/v1/sessions/${id}/turns/${turn.id}/feedback`, body)
      .then((response) => response.status)
      .catch(() => "lost");
    await eventually(
      () => caller.calls(path),
      (calls) => calls.length > seen,
    );
    await crash(id);
    await caller.behave({ salted: true });
    await lost;
    // Nobody asks again: the outbox and the alarm finish it.
    const session = await eventually(
      () => caller.get<SessionDetail>(`/v1/sessions/${id}`),
      ({ feedback }) => feedback[0]?.status === "done",
    );
    expect(session.totals).toMatchObject({ generations: 1, turns: 2, feedback: 1 });
    expect(session.turns[1]).toMatchObject({ status: "completed", reply: "31, 12, 7" });
    const again = await judge(caller, id, turn.id, body);
    expect(again).toMatchObject({ status: "done", turn: { id: session.turns[1]?.id } });
  });

  it("remembers words, generation and turns across an eviction", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { lexicon: { senses: [orderSense] } });
    const turn = await ask(caller, id, "Sort them: 31, 7, 12");
    await judge(caller, id, turn.id, {
      reward: -1,
      text: "largest first",
      correction: "31, 12, 7",
      retry: true,
    });
    const before = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
    await evictDurableObject(stubOf(id));
    expect(await caller.get<SessionDetail>(`/v1/sessions/${id}`)).toEqual(before);
    expect((await ask(caller, id, "Sort them: 5, 6")).prompt).toContain("largest to smallest");
  });

  it("erases itself when its time is over", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { ttl_seconds: 60 });
    await ask(caller, id, "hello");
    await runInDurableObject(stubOf(id), (_, state) => {
      state.storage.sql.exec("UPDATE session SET expires_at = 1");
    });
    await runDurableObjectAlarm(stubOf(id));
    expect((await caller.fetch(`/v1/sessions/${id}`)).status).toBe(404);
    expect(await caller.get("/v1/sessions")).toMatchObject({ data: [] });
  });
});
