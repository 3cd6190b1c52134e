import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { SessionDetail, UsageReport, WordsStateBody } from "../../edge/src/contract/index.ts";
import { unwrap } from "../../edge/src/rpc.ts";
import { SessionObject } from "../../edge/src/session/object.ts";
import { sessionStub } from "../../edge/src/session-address.ts";
import { ask, bindings, eventually, judge, newTenant, openSession } from "./support/client.ts";

const request = "Write about the bank we visited in Bern";
const rewritten = "Write about the bank of the river we visited in Bern";
const other = "Write about the bank where money lies we visited in Bern";
const remark = { reward: -1, text: "the other bank" };

async function withModel(texts: string[], mode = "both") {
  const caller = await newTenant();
  await caller.behave({ samples: [{ to: "other bank", texts }] });
  const { id } = await openSession(caller, { adaptation: { mode } });
  const samples = () => caller.calls("/v1/sample");
  return { caller, id, samples };
}

describe("a model that proposes wordings", () => {
  it("is asked for eight in one batch; they are judged beside what was said, and reported", async () => {
    const { caller, id, samples } = await withModel([rewritten, rewritten, other], "words");
    const turn = await ask(caller, id, request);
    const result = await judge(caller, id, turn.id, { ...remark, wait: true });
    expect(result.words).toMatchObject({
      changed: true,
      after: rewritten,
      by: "gpu",
      rewriter: { name: "gpu", adopted: true, failure: null, calls: 1, drawn: 8, kept: 8 },
    });
    expect(result.words.reason).toMatch(/rejected reply is 3\.8 nats less likely/u);
    const wordings = result.words.candidates.map(({ wording, by }) => [by, wording]);
    expect(wordings).toEqual([
      ["gpu", rewritten],
      ["gpu", other],
      ["composed", `${request}\n\nthe other bank`],
    ]);
    expect(await samples()).toHaveLength(1);
    // Rewriting and judging are calls of the base model and of one batch.
    expect((await samples())[0]).toMatchObject({ adapter: null });
    expect(await caller.calls("/v1/score")).toHaveLength(1);
  });

  it("is billed by its tokens, whichever wording wins, and shown in the answer's cost", async () => {
    const { caller, id } = await withModel([rewritten]);
    const turn = await ask(caller, id, request);
    const { words, cost } = await judge(caller, id, turn.id, { ...remark, wait: true });
    const { prompt_tokens = 0, completion_tokens = 0 } = words.rewriter ?? {};
    expect(completion_tokens).toBe(8 * 11);
    const usd = (prompt_tokens * 0.1 + completion_tokens * 0.4) / 1e6;
    expect(cost.usd).toBeCloseTo(usd, 9);
    const usage = await eventually(
      () => caller.get<{ data: { rewriter_calls: number; cost: { usd: number } }[] }>("/v1/usage"),
      ({ data }) => data[0]?.rewriter_calls === 1,
    );
    expect(usage.data[0]?.cost.usd).toBeCloseTo(usd + turn.cost.usd, 9);
  });

  it("is not asked where the money set aside does not reach, and what was said goes out", async () => {
    const { caller, id, samples } = await withModel([rewritten]);
    const turn = await ask(caller, id, request);
    const capped = await caller.fetch("/v1/budget", {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ cap_usd: turn.cost.usd + 1e-8 }),
    });
    expect(capped.status).toBe(200);
    const result = await judge(caller, id, turn.id, { ...remark, wait: true });
    expect(result.words).toMatchObject({
      after: `${request}\n\nthe other bank`,
      by: "composed",
    });
    expect(result.words.rewriter?.failure).toMatch(/cap|budget/iu);
    expect(await samples()).toHaveLength(0);
  });

  it("is not asked to write a long request anew, and what was said goes out", async () => {
    const { caller, id, samples } = await withModel([rewritten], "words");
    const turn = await ask(caller, id, `${request}. ${"It was late. ".repeat(320)}`);
    const { words } = await judge(caller, id, turn.id, { ...remark, wait: true });
    expect(words.after).toMatch(/\n\nthe other bank$/);
    expect(words.rewriter).toMatchObject({
      drawn: 0,
      failure: "a request of more than 4096 characters is not reworded",
    });
    expect(await samples()).toEqual([]);
  });

  it("is asked again only where nothing that the session holds explains what was seen", async () => {
    const { caller, id, samples } = await withModel([rewritten]);
    const first = await ask(caller, id, request);
    await judge(caller, id, first.id, { ...remark, retry: true });
    const next = await ask(caller, id, request);
    expect(next.prompt).toBe(rewritten);
    // The reply is the one that this wording makes likely: a correction to it is explained.
    const right = { reward: -1, correction: `echo: ${rewritten}!`, wait: true };
    await judge(caller, id, next.id, right);
    expect(await samples()).toHaveLength(2);
    for (let i = 0; i < 4; i++) {
      const again = await ask(caller, id, request);
      await judge(caller, id, again.id, { reward: -1, correction: `other ${i}`, wait: true });
    }
    // 24 wordings for one request are enough.
    expect(await samples()).toHaveLength(3);
  });

  it("is judged without measuring again what was measured before it was asked", async () => {
    const { caller, id } = await withModel([rewritten], "words");
    const first = await ask(caller, id, request);
    await judge(caller, id, first.id, remark);
    await caller.behave({ samples: [{ to: "wrong", texts: [rewritten, other] }] });
    const next = await ask(caller, id, request);
    const before = (await caller.calls("/v1/score")).length;
    await judge(caller, id, next.id, { reward: -1, correction: "neither of them", wait: true });
    const scores = (await caller.calls("/v1/score")).slice(before);
    const measured = scores.flatMap(({ rows }) =>
      rows.map((row) => [row.prompt, row.reply].join("|")),
    );
    expect(scores).toHaveLength(2);
    expect(new Set(measured).size).toBe(measured.length);
    expect(measured).toContain(`${other}|neither of them`);
  });

  it("is not asked while what the session holds cannot be measured, and what was said goes out", async () => {
    const { caller, id, samples } = await withModel([rewritten]);
    const first = await ask(caller, id, request);
    await judge(caller, id, first.id, { ...remark, retry: true });
    const next = await ask(caller, id, request);
    await caller.behave({
      error: { "/v1/score": { status: 400, code: "invalid_request", message: "no" } },
    });
    const { words } = await judge(caller, id, next.id, { reward: -1, text: "in two lines" });
    expect(words).toMatchObject({ after: expect.stringContaining("in two lines") });
    expect(await samples()).toHaveLength(1);
  });

  it("is not believed when it drops the user's own names", async () => {
    const { caller, id } = await withModel(["Write about the bank of a river"]);
    const turn = await ask(caller, id, request);
    const { words } = await judge(caller, id, turn.id, { ...remark, wait: true });
    expect(words.rewriter).toMatchObject({ adopted: false, kept: 0 });
    expect(words.rewriter?.failure).toContain("Bern");
    expect(words.after).toBe(`${request}\n\nthe other bank`);
  });

  it("keeps its wording where an accepted reply is replayed later", async () => {
    const { caller, id } = await withModel([rewritten]);
    const first = await ask(caller, id, request);
    const { turn: retried } = await judge(caller, id, first.id, { ...remark, retry: true });
    await judge(caller, id, retried!.id, { reward: 1, wait: true });
    const hello = await ask(caller, id, "Say hello");
    await judge(caller, id, hello.id, { reward: -1, correction: "hello", wait: true });
    const update = (await caller.calls("/v1/adapt")).at(-1);
    expect(update?.rows.map(({ prompt }) => prompt)).toContain(rewritten);
  });

  it("does not hold feedback up when it fails", async () => {
    const { caller, id } = await withModel([rewritten]);
    const turn = await ask(caller, id, request);
    await caller.behave({ down: ["/v1/sample"] });
    const result = await judge(caller, id, turn.id, { ...remark, wait: true });
    expect(result.status).toBe("done");
    expect(result.words.rewriter?.failure).toBe("gpu: the GPU service is away");
    expect(result.words.after).toBe(`${request}\n\nthe other bank`);
  });

  it("leaves what it was right about in the session's lexicon, where it can be listed, undone and forgotten", async () => {
    const { caller, id } = await withModel([rewritten]);
    const first = await ask(caller, id, request);
    await judge(caller, id, first.id, { ...remark, wait: true });
    const path = `/v1/sessions/${id}/words`;
    const { senses } = await caller.get<WordsStateBody>(path);
    const [sense] = senses;
    expect(sense?.id).toBe(request.toLowerCase());
    const phrase = "write about the bank of the river we visited in Bern";
    expect(sense?.readings[phrase]).toBeGreaterThan(0.9);
    expect((await ask(caller, id, request)).prompt).toBe(rewritten);
    const url = `${path}/senses/${encodeURIComponent(sense?.id ?? "")}`;
    expect((await caller.fetch(url, { method: "DELETE" })).status).toBe(200);
    expect((await caller.fetch(url, { method: "DELETE" })).status).toBe(404);
    expect((await ask(caller, id, request)).prompt).toBe(request);
  });

  it("agrees with the reply that a remark gets by itself, which is asked beside it and billed", async () => {
    const caller = await newTenant();
    const text = "the one with the water";
    const { id } = await openSession(caller, { adaptation: { mode: "words" } });
    const turn = await ask(caller, id, request);
    await caller.behave({
      samples: [
        { to: "Bern", texts: ["It is by the Aare"] },
        { to: text, texts: [rewritten, other] },
      ],
    });
    const { words, cost } = await judge(caller, id, turn.id, { reward: -1, text, wait: true });
    const calls = await caller.calls("/v1/sample");
    expect(calls).toHaveLength(2);
    const asked = calls.find(({ messages }) => messages?.at(-1)?.content.startsWith(request));
    expect(asked?.messages?.at(-1)?.content).toBe(`${request}\n\n${text}`);
    const { prompt_tokens = 0, completion_tokens = 0 } = words.rewriter ?? {};
    expect(words.billed.completion_tokens).toBe(completion_tokens + 5);
    expect(words.billed.prompt_tokens).toBeGreaterThan(prompt_tokens);
    const usd = (words.billed.prompt_tokens * 0.1 + words.billed.completion_tokens * 0.4) / 1e6;
    expect(cost.usd).toBeCloseTo(usd, 9);
  });

  it("is no part of a session that composes alone", async () => {
    const { caller, samples } = await withModel([rewritten]);
    const { id } = await openSession(caller, { adaptation: { rewriter: "compose" } });
    const turn = await ask(caller, id, request);
    const result = await judge(caller, id, turn.id, { ...remark, retry: true });
    expect(result.words).toMatchObject({ by: "composed", rewriter: null, candidates: [] });
    expect(result.words.after).toBe(`${request}\n\nthe other bank`);
    expect(await samples()).toHaveLength(0);
  });
});

describe("the choice of who rewrites", () => {
  it("is the deployment's, where a session does not say", async () => {
    const caller = await newTenant();
    await caller.behave({ samples: [{ to: "other bank", texts: [rewritten] }] });
    const { id, rewriter } = await openSession(caller);
    expect(rewriter).toBe("gpu");
    const turn = await ask(caller, id, request);
    const stub = sessionStub(bindings, id);
    const result = await runInDurableObject(
      stub as unknown as DurableObjectStub,
      async (_, state) => {
        const object = new SessionObject(state, { ...bindings, REWRITER: "compose" });
        // Its constructor looks for tables first; calls from outside would wait for that.
        await state.blockConcurrencyWhile(async () => {});
        const body = { reward: -1, text: "the other bank", retry: false, stream: false };
        const input = { turnId: turn.id, keyId: "key_test", body: { ...body, wait: true } };
        return unwrap(object.feedback({ tenantId: caller.tenantId, owner: null }, input, {}));
      },
    );
    expect(result.words).toMatchObject({ rewriter: null, by: "composed" });
  });

  it("is kept by a session and its forks", async () => {
    const caller = await newTenant();
    const session = await openSession(caller, { adaptation: { rewriter: "compose" } });
    expect(session.rewriter).toBe("compose");
    expect(await caller.make(`/v1/sessions/${session.id}/fork`, {})).toMatchObject({
      rewriter: "compose",
    });
  });

  it("is refused where the deployment is not set up for it", async () => {
    const caller = await newTenant();
    for (const rewriter of ["openai", "workers-ai", "magic"]) {
      const response = await caller.post("/v1/sessions", { adaptation: { rewriter } });
      expect(response.status).toBe(400);
      const { error } = (await response.json()) as { error: { param: string } };
      expect(error.param).toBe("adaptation.rewriter");
    }
  });
});

describe("a plan of a retry", () => {
  const asked = "Pack the crate, then load the van: 4 7 1 9";
  const steps = "pack: 4 7\nanswer: 7 4";

  async function fail(mode = "words") {
    const caller = await newTenant();
    await caller.behave({
      samples: [{ to: "step by step", texts: [steps] }],
      replies: [
        { to: "step by step", reply: steps },
        { to: asked, reply: "5 5" },
      ],
    });
    const { id } = await openSession(caller, { adaptation: { mode, rewriter: "compose" } });
    const turn = await ask(caller, id, asked);
    const first = await judge(caller, id, turn.id, { reward: -1, retry: true });
    return { caller, id, first };
  }

  it("is drawn once the wording has failed twice, billed, and judged by its answer", async () => {
    const { caller, id, first } = await fail();
    expect(first.words.plan).toBeNull();
    expect(await caller.calls("/v1/sample")).toHaveLength(0);
    const second = await judge(caller, id, first.turn!.id, { reward: -1, retry: true });
    expect(second.words).toMatchObject({ changed: false, after: asked });
    expect(second.words.plan?.reason).toMatch(/rejected reply is 3\.8 nats less likely/u);
    expect(second.turn).toMatchObject({ prompt: second.words.plan?.prompt, reply: steps });
    expect(second.cost.usd).toBeGreaterThan(0);
    expect(second.words.billed.completion_tokens).toBeGreaterThan(0);
    const third = await judge(caller, id, second.turn!.id, { reward: -1, retry: true });
    expect(third.words).toMatchObject({ before: asked, after: asked, plan: null });
    expect(await caller.calls("/v1/sample")).toHaveLength(1);
    const rejected = (await caller.calls("/v1/generate")).at(-1)?.rejected;
    expect(rejected).toEqual(["5 5", `echo: ${asked}`, "7 4"]);
    // The account has the same tokens as the session, the plan's among them.
    const { totals } = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
    await eventually(
      () => caller.get<UsageReport>("/v1/usage"),
      ({ data: [used] }) =>
        used?.prompt_tokens === totals.prompt_tokens &&
        used.completion_tokens === totals.completion_tokens,
    );
  });

  it("teaches its answer under the wording, without the steps that nobody asked for", async () => {
    const { caller, id, first } = await fail("both");
    const second = await judge(caller, id, first.turn!.id, { reward: -1, retry: true });
    await judge(caller, id, second.turn!.id, { reward: 1, wait: true });
    const rows = (await caller.calls("/v1/adapt")).at(-1)?.rows.at(-1);
    expect(rows).toMatchObject({ kind: "accepted", reply: "7 4", prompt: asked });
  });
});
