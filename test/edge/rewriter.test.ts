import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { unwrap } from "../../edge/src/rpc.ts";
import { SessionObject } from "../../edge/src/session/object.ts";
import { sessionStub } from "../../edge/src/session-address.ts";
import {
  ask,
  bindings,
  type Caller,
  eventually,
  judge,
  newTenant,
  openSession,
} from "./support/client.ts";

const request = "Write about the bank we visited in Bern";
const rewritten = "Write about the bank of the river we visited in Bern";

/** Feedback to a session that asked for the served model as rewriter. */
async function judgeWithModel(caller: Caller, body: object) {
  const { id } = await openSession(caller, { adaptation: { rewriter: "gpu" } });
  const turn = await ask(caller, id, request);
  return judge(caller, id, turn.id, { reward: -1, wait: true, ...body });
}

describe("a model that proposes wordings", () => {
  it("has the word where the rules know no sense", async () => {
    const caller = await newTenant();
    await caller.behave({ replies: [{ to: "river", reply: rewritten }] });
    const result = await judgeWithModel(caller, { text: "I meant the river" });
    expect(result.words).toMatchObject({
      changed: true,
      after: rewritten,
      rewriter: { name: "gpu", adopted: true, failure: null, calls: 1 },
    });
    const usage = await eventually(
      () => caller.get<{ data: { rewriter_calls: number }[] }>("/v1/usage"),
      ({ data }) => data[0]?.rewriter_calls === 1,
    );
    expect(usage.data).toHaveLength(1);
  });

  it("is not believed when it drops the user's own names", async () => {
    const caller = await newTenant();
    await caller.behave({ replies: [{ to: "river", reply: "Write about a bank" }] });
    const result = await judgeWithModel(caller, { text: "I meant the river" });
    expect(result.words.rewriter).toMatchObject({ adopted: false, calls: 2 });
    expect(result.words.rewriter?.failure).toContain("Bern");
    expect(result.words.after).not.toBe("Write about a bank");
  });

  it("is weighed against the rules by the correction's score under both wordings", async () => {
    const caller = await newTenant();
    await caller.behave({ replies: [{ to: "river", reply: rewritten }] });
    // The stand-in finds a reply likely that echoes the wording it is scored under.
    const likely = `echo: ${rewritten}`;
    const won = await judgeWithModel(caller, { text: "I meant the river", correction: likely });
    expect(won.words).toMatchObject({ after: rewritten, rewriter: { adopted: true } });
    const lost = await judgeWithModel(caller, { text: "I meant the river", correction: "a lake" });
    expect(lost.words.rewriter).toMatchObject({ adopted: false, failure: null });
    expect(lost.words.after).toContain("I meant the river");
    expect((await caller.calls("/v1/score")).every(({ adapter }) => adapter === null)).toBe(true);
  });

  it("keeps its wording where an accepted reply is replayed later", async () => {
    const caller = await newTenant();
    await caller.behave({ replies: [{ to: "river", reply: rewritten }] });
    const { id } = await openSession(caller, { adaptation: { rewriter: "gpu" } });
    const first = await ask(caller, id, request);
    const said = { reward: -1, text: "I meant the river", retry: true };
    const { turn: retried } = await judge(caller, id, first.id, said);
    await judge(caller, id, retried!.id, { reward: 1, wait: true });
    const other = await ask(caller, id, "Say hello");
    await judge(caller, id, other.id, { reward: -1, correction: "hello", wait: true });
    const update = (await caller.calls("/v1/adapt")).at(-1);
    expect(update?.rows.map(({ prompt }) => prompt)).toContain(rewritten);
  });

  it("does not hold feedback up when it fails", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { adaptation: { rewriter: "gpu" } });
    const turn = await ask(caller, id, request);
    await caller.behave({ down: ["/v1/generate"] });
    const result = await judge(caller, id, turn.id, { reward: -1, text: "no", wait: true });
    expect(result.status).toBe("done");
    expect(result.words.rewriter?.failure).toContain("gpu");
  });
});

describe("the choice of who rewrites", () => {
  it("is the deployment's, where a session does not say", async () => {
    const caller = await newTenant();
    await caller.behave({ replies: [{ to: "river", reply: rewritten }] });
    const { id, rewriter } = await openSession(caller);
    expect(rewriter).toBe("rules");
    const turn = await ask(caller, id, request);
    const stub = sessionStub(bindings, id);
    const result = await runInDurableObject(
      stub as unknown as DurableObjectStub,
      async (_, state) => {
        const object = new SessionObject(state, { ...bindings, REWRITER: "gpu" });
        // Its constructor looks for tables first; calls from outside would wait for that.
        await state.blockConcurrencyWhile(async () => {});
        const body = { reward: -1, text: "I meant the river", retry: false, stream: false };
        const input = { turnId: turn.id, keyId: "key_test", body: { ...body, wait: true } };
        return unwrap(object.feedback({ tenantId: caller.tenantId, owner: null }, input, {}));
      },
    );
    expect(result.words.rewriter).toMatchObject({ name: "gpu", adopted: true });
  });

  it("is kept by a session and its forks", async () => {
    const caller = await newTenant();
    const session = await openSession(caller, { adaptation: { rewriter: "gpu" } });
    expect(session.rewriter).toBe("gpu");
    expect(await caller.make(`/v1/sessions/${session.id}/fork`, {})).toMatchObject({
      rewriter: "gpu",
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
