import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { SessionObject } from "../../edge/src/session/index.ts";
import { unwrap } from "../../edge/src/session/result.ts";
import {
  ask,
  bindings,
  type Caller,
  eventually,
  newTenant,
  openSession,
} from "./support/client.ts";

/** The object with the served model as rewriter, on the storage of a session that exists. */
async function withRewriter(state: DurableObjectState): Promise<SessionObject> {
  const object = new SessionObject(state, { ...bindings, REWRITER: "gpu" });
  // Its constructor looks for tables first; calls from outside would wait for that.
  await state.blockConcurrencyWhile(async () => {});
  return object;
}

const request = "Write about the bank we visited in Bern";

/** Feedback to a session whose object runs with the served model as rewriter. */
async function judgeWithRewriter(caller: Caller, body: { text?: string; correction?: string }) {
  const { id } = await openSession(caller);
  const turn = await ask(caller, id, request);
  const stub = bindings.SESSIONS.getByName(`${caller.tenantId}/${id}`);
  return runInDurableObject(stub as unknown as DurableObjectStub, async (_, state) => {
    const object = await withRewriter(state);
    const input = {
      turnId: turn.id,
      keyId: "key_test",
      body: { reward: -1, retry: false, wait: true, stream: false, ...body },
    };
    return unwrap(object.feedback(input, {}));
  });
}

describe("a model that proposes wordings", () => {
  it("has the word where the rules know no sense", async () => {
    const caller = await newTenant();
    const rewritten = "Write about the bank of the river we visited in Bern";
    await caller.behave({ replies: [{ to: "river", reply: rewritten }] });
    const result = await judgeWithRewriter(caller, { text: "I meant the river" });
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
    const result = await judgeWithRewriter(caller, { text: "I meant the river" });
    expect(result.words.rewriter).toMatchObject({ adopted: false, calls: 2 });
    expect(result.words.rewriter?.failure).toContain("Bern");
    expect(result.words.after).not.toBe("Write about a bank");
  });

  it("does not hold feedback up when it fails", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, request);
    await caller.behave({ down: ["/v1/generate"] });
    const stub = bindings.SESSIONS.getByName(`${caller.tenantId}/${id}`);
    const result = await runInDurableObject(
      stub as unknown as DurableObjectStub,
      async (_, state) => {
        const object = await withRewriter(state);
        const body = { reward: -1, text: "no", retry: false, wait: true, stream: false };
        return unwrap(object.feedback({ turnId: turn.id, keyId: "key_test", body }, {}));
      },
    );
    expect(result.status).toBe("done");
    expect(result.words.rewriter?.failure).toContain("gpu");
  });
});
