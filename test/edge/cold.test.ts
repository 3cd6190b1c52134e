/** A GPU service that sleeps: short calls get an error, streams wait, and words continue without it. */
import { describe, expect, it } from "vitest";
import type { FeedbackResult, SessionDetail } from "../../edge/src/contract/index.ts";
import { unwrap } from "../../edge/src/rpc.ts";
import {
  appWith,
  ask,
  bindings,
  type Caller,
  eventually,
  newTenant,
  openSession,
  readEvents,
  textOf,
} from "./support/client.ts";
import { inSession } from "./support/session-with.ts";

const coldMs = 150;
const sleepMs = 1_200;
let sleepers = 0;

/** Variables of an edge whose GPU service sleeps until it is asked for something. */
function asleep() {
  const url = `${bindings.GPU_URL}/asleep/n${++sleepers}/${sleepMs}`;
  return { GPU_URL: url, GPU_COLD_MS: String(coldMs) };
}

const refusal = { status: 503, code: "gpu_cold", message: "the model is loading" };
const cold = { "/v1/generate": refusal, "/v1/score": refusal, "/v1/adapt": refusal };

describe("a GPU service that is asleep", () => {
  it("answers a call without a stream with 503 and the time to come back, instead of holding it", async () => {
    const caller = await newTenant();
    const response = await chat(caller, {});
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: { type: "api_error", code: "gpu_cold" } });
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("is waited for by a stream, which is kept alive meanwhile", async () => {
    const caller = await newTenant();
    const response = await chat(caller, { stream: true });
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text.split(": ping").length).toBeGreaterThan(2);
    expect(text).toContain("echo:");
    expect(text.trim().endsWith("data: [DONE]")).toBe(true);
  });

  it("is not called cold for being slow", async () => {
    const caller = await newTenant();
    await caller.behave({ delayMs: { "/v1/generate": 4 * coldMs } });
    const call = appWith({ GPU_COLD_MS: String(coldMs) });
    expect((await chat(caller, {}, call)).status).toBe(200);
  });

  it("is not called cold while it answers other calls, however late its health is", async () => {
    const [slow, quick] = [await newTenant(), await newTenant()];
    await slow.behave({ delayMs: { "/v1/generate": 10 * coldMs } });
    const url = `${bindings.GPU_URL}/overloaded`;
    const call = appWith({ GPU_URL: url, GPU_COLD_MS: String(coldMs) });
    expect((await chat(slow, {}, call)).status).toBe(503);
    let isOver = false;
    const answering = chat(slow, {}, call).finally(() => {
      isOver = true;
    });
    while (!isOver) expect((await chat(quick, {}, call)).status).toBe(200);
    expect((await answering).status).toBe(200);
  });

  it("keeps a session's turn, and a retry or a stream completes it", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const content = "hello";
    await inSession(caller, id, asleep(), async (object) => {
      const input = { content, sampling: {}, keyId: "key_test" };
      const refused = await object.turn(input, {});
      expect(refused).toMatchObject({ ok: false, code: "gpu_cold", kept: expect.any(String) });
      if (refused.ok || refused.kept === undefined) throw new Error("The turn was not kept");
      const stream = await unwrap(object.retryStream(refused.kept, { waitsForColdStart: true }));
      await new Response(stream).text();
      const turn = await unwrap(object.readTurn(refused.kept));
      expect(turn).toMatchObject({ status: "completed", reply: "echo: hello" });
    });
  });

  it("is asked again by a stream for as long as it says that it is loading", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    await caller.behave({ error: cold });
    const answering = caller
      .post(`/v1/sessions/${id}/turns`, { content: "hello", stream: true })
      .then(readEvents);
    await eventually(
      () => caller.calls("/v1/generate"),
      (calls) => calls.length >= 2,
    );
    await caller.behave({});
    const events = await answering;
    expect(textOf(events)).toBe("echo: hello");
    expect(events.map(({ event }) => event)).not.toContain("error");
  });
});

describe("words while the GPU service is away", () => {
  const request = "Write about the bank we visited in Bern";
  const rewritten = "Write about the bank of the river we visited in Bern";
  const said = { reward: -1, text: "I meant the river", retry: true, stream: false };
  const composed = `${request}\n\n${said.text}`;

  /** An edge where a model of the platform rewrites. */
  const rewriting = {
    REWRITER: "workers-ai",
    REWRITER_MODEL: "a model",
    AI: { run: async () => ({ response: { rewritten, confidence: 0.9 } }) },
  };

  it.each(["words", "both"] as const)(
    "are answered where a rewriter is set up, in mode %s, and the turn follows by itself",
    async (mode) => {
      const caller = await newTenant();
      const { id } = await openSession(caller, { adaptation: { mode } });
      const turn = await ask(caller, id, request);
      await caller.behave({ error: cold });
      await inSession(caller, id, rewriting, async (object) => {
        const input = { turnId: turn.id, keyId: "key_test", body: said };
        const answer = await unwrap<FeedbackResult>(object.feedback(input, {}));
        expect(answer).toMatchObject({
          status: "pending",
          // Nothing could be scored, so the request is sent with the remark as it was said.
          words: { after: composed, rewriter: { name: "workers-ai", adopted: false } },
          weights: { decision: mode === "words" ? "skipped" : "queued" },
        });
        expect(answer.turn).toBeUndefined();
        await caller.behave({});
        const again = await unwrap<FeedbackResult>(object.feedback(input, {}));
        expect(again).toMatchObject({ id: answer.id, status: "done" });
        expect(again.turn).toMatchObject({ prompt: composed, status: "completed" });
      });
    },
  );

  it("follow by themselves when nobody asks again", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, request);
    await caller.behave({ error: cold });
    await inSession(caller, id, rewriting, async (object) => {
      const input = { turnId: turn.id, keyId: "key_test", body: said };
      expect(await unwrap(object.feedback(input, {}))).toMatchObject({ status: "pending" });
    });
    await caller.behave({});
    const session = await eventually(
      () => caller.get<SessionDetail>(`/v1/sessions/${id}`),
      ({ feedback }) => feedback[0]?.status === "done",
    );
    expect(session.turns.at(-1)).toMatchObject({ prompt: composed, status: "completed" });
  });

  it("are still refused with 503 where no other model rewrites and the service must measure", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Sort them: 31, 7, 12");
    await caller.behave({ error: cold });
    const body = { reward: -1, correction: "31, 12, 7", retry: true };
    const failed = await caller.post(`/v1/sessions/${id}/turns/${turn.id}/feedback`, body);
    expect(failed.status).toBe(503);
    expect(await failed.json()).toMatchObject({ error: { code: "gpu_cold" } });
    expect(failed.headers.get("x-rosa2-feedback")).toMatch(/^fb_/);
    expect(failed.headers.get("retry-after")).not.toBeNull();
  });
});

function chat(caller: Caller, more: object, call = appWith(asleep())): Promise<Response> {
  const messages = [{ role: "user", content: "hello" }];
  return call("/v1/chat/completions", {
    method: "POST",
    headers: { authorization: `Bearer ${caller.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "rosa2", messages, ...more }),
  });
}
