import { describe, expect, it } from "vitest";
import type { FeedbackResult, SessionDetail } from "../../edge/src/contract/index.ts";
import {
  ask,
  bindings,
  type Caller,
  eventually,
  judge,
  newTenant,
  openSession,
  orderSense,
} from "./support/client.ts";

interface Lineage {
  active: string;
  data: { id: string; parent: string; digest: string; active: boolean }[];
}

async function lineage(caller: Caller, sessionId: string): Promise<Lineage> {
  return caller.get<Lineage>(`/v1/sessions/${sessionId}/generations`);
}

describe("adaptation.mode", () => {
  it.each([
    ["both", true, "updated"],
    ["words", true, "skipped"],
    ["weights", false, "updated"],
    ["off", false, "skipped"],
  ])("%s: words change %s, weights are %s", async (mode, changed, decision) => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { adaptation: { mode } });
    const turn = await ask(caller, id, "Sort them: 3 1 2");
    const correction = "3 2 1";
    const said = { reward: -1, text: "largest first", correction, wait: true };
    const { words, weights, plan } = await judge(caller, id, turn.id, said);
    expect(words.changed).toBe(changed);
    expect(weights.decision).toBe(decision);
    expect(plan?.words).toBe(changed);
    expect(await caller.calls("/v1/adapt")).toHaveLength(decision === "updated" ? 1 : 0);
  });
});

describe("a correction", () => {
  it.each(["echo: Say hi", " echo: Say hi\n"])(
    "%j, the rejected reply itself, is refused",
    async (correction) => {
      const caller = await newTenant();
      const { id } = await openSession(caller);
      const turn = await ask(caller, id, "Say hi");
      for (const reward of [-1, 0]) {
        const path = `/v1/sessions/${id}/turns/${turn.id}/feedback`;
        const response = await caller.post(path, { reward, correction });
        expect(response.status).toBe(400);
        const { error } = (await response.json()) as { error: { param: string; code: string } };
        expect(error).toMatchObject({ code: "invalid_request", param: "correction" });
      }
      expect(await caller.calls("/v1/adapt")).toHaveLength(0);
      // The turn takes feedback that something can be learned from.
      const said = { reward: -1, correction: "hi", wait: true };
      expect((await judge(caller, id, turn.id, said)).weights.decision).toBe("updated");
    },
  );
});

describe("an empty reply", () => {
  it("can be rejected, with or without words, and answered again", async () => {
    const caller = await newTenant();
    await caller.behave({ replies: [{ to: "Say hi", reply: "" }] });
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hi");
    expect(turn.reply).toBe("");
    const result = await judge(caller, id, turn.id, {
      reward: -1,
      text: "mention my mother",
      retry: true,
    });
    expect(result.words.after.toLowerCase()).toContain("mention my mother");
    expect(result.weights.decision).toBe("skipped");
    expect(result.turn?.status).toBe("completed");
    const bare = await ask(caller, id, "Say hi");
    const wordless = await judge(caller, id, bare.id, { reward: -1, retry: true });
    expect(wordless.weights.decision).toBe("skipped");
  });

  it("can be corrected, which is learned", async () => {
    const caller = await newTenant();
    await caller.behave({ replies: [{ to: "Say hi", reply: "" }] });
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hi");
    const { weights } = await judge(caller, id, turn.id, {
      reward: -1,
      correction: "hi",
      wait: true,
    });
    expect(weights.decision).toBe("updated");
  });

  it("can be praised, which teaches nothing", async () => {
    const caller = await newTenant();
    await caller.behave({ replies: [{ to: "Say hi", reply: "" }] });
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hi");
    const { weights } = await judge(caller, id, turn.id, { reward: 1, wait: true });
    expect(weights.decision).toBe("skipped");
    const other = await ask(caller, id, "Say bye");
    await judge(caller, id, other.id, { reward: -1, correction: "bye", wait: true });
    const [update] = await caller.calls("/v1/adapt");
    expect(update?.rows).toHaveLength(1);
  });
});

describe("examples of earlier updates", () => {
  it.each([
    ["both", "Sort them: 3 1 2\n\nsmallest first"],
    ["weights", "Sort them: 3 1 2"],
  ])("are replayed in mode %s as: %s", async (mode, prompt) => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { adaptation: { mode } });
    const correct = async (request: string, text: string, correction: string) => {
      const turn = await ask(caller, id, request);
      await judge(caller, id, turn.id, { reward: -1, text, correction, wait: true });
    };
    await correct("Sort them: 3 1 2", "smallest first", "1 2 3");
    await correct("Sort them: 5 9 7", "largest first", "9 7 5");
    const [, second] = await caller.calls("/v1/adapt");
    expect(second?.rows.map((row) => [row.prompt, row.reply])[0]).toEqual([prompt, "1 2 3"]);
    expect(second?.rows).toHaveLength(2);
    // What was learnt first helps to judge what comes second.
    const [first] = (await lineage(caller, id)).data;
    const judges = (await caller.calls("/v1/score")).map(({ adapter }) => adapter);
    expect(new Set(judges)).toEqual(new Set([null, first?.digest]));
  });
});

describe("exactly one generation per feedback", () => {
  it("makes one of a hundred concurrent duplicates, and answers them all alike", async () => {
    const caller = await newTenant();
    await caller.behave({ delayMs: { "/v1/adapt": 50 }, salted: true });
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hello");
    const body = { reward: -1, correction: "hello", retry: true };
    const results = await Promise.all(
      Array.from({ length: 100 }, () => judge(caller, id, turn.id, body)),
    );
    expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1);
    expect((await lineage(caller, id)).data).toHaveLength(1);
    expect(await caller.calls("/v1/adapt")).toHaveLength(1);
    const { turns } = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
    expect(turns).toHaveLength(2);
  });

  it("makes one each of different feedbacks at the same time, in a chain", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turns = [];
    for (let i = 0; i < 8; i++) turns.push(await ask(caller, id, `Say number ${i}`));
    await Promise.all(
      turns.map((turn, i) =>
        judge(caller, id, turn.id, { reward: -1, correction: `number ${i}`, wait: true }),
      ),
    );
    const { active, data } = await lineage(caller, id);
    expect(data).toHaveLength(8);
    expect(data.map(({ parent }) => parent)).toEqual([
      "base",
      ...data.slice(0, -1).map((generation) => generation.id),
    ]);
    expect(active).toBe(data.at(-1)?.id);
    // Earlier corrections are replayed with later ones, so none is forgotten.
    for (const i of [0, 7]) {
      expect(await ask(caller, id, `Say number ${i}`)).toMatchObject({ reply: `number ${i}` });
    }
  });

  it("makes one each of a hundred different feedbacks that come at once, twice each", async () => {
    const caller = await newTenant();
    await caller.behave({ salted: true });
    const { id } = await openSession(caller, { adaptation: { mode: "weights" } });
    const turns = [];
    for (let i = 0; i < 10; i++) turns.push(await ask(caller, id, `Say number ${i}`));
    // Ten opinions on each of ten turns, in any order.
    const given = await Promise.all(
      turns.flatMap((turn) =>
        Array.from({ length: 20 }, (_, n) =>
          caller.make<FeedbackResult>(
            `/v1/sessions/${id}/turns/${turn.id}/feedback`,
            { reward: -1, correction: `${turn.index}: ${n % 10}` },
            { "idempotency-key": `${turn.index}-${n % 10}` },
          ),
        ),
      ),
    );
    expect(new Set(given.map((one) => one.id)).size).toBe(100);
    const session = await eventually(
      () => caller.get<SessionDetail>(`/v1/sessions/${id}`),
      ({ feedback }) =>
        feedback.length === 100 && feedback.every(({ status }) => status === "done"),
    );
    const { active, data } = await lineage(caller, id);
    expect(data).toHaveLength(100);
    expect(new Set(data.map(({ digest }) => digest)).size).toBe(100);
    expect(data.map(({ parent }) => parent)).toEqual([
      "base",
      ...data.slice(0, -1).map((generation) => generation.id),
    ]);
    expect(active).toBe(data.at(-1)?.id);
    expect(session.feedback.every(({ weights }) => weights?.decision === "updated")).toBe(true);
    expect(await caller.calls("/v1/adapt")).toHaveLength(100);
  });

  it("changes no weights for praise alone; the next update takes the praised reply with it", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { adaptation: { mode: "weights" } });
    const praised = await ask(caller, id, "Say good morning");
    const { weights } = await judge(caller, id, praised.id, { reward: 1, wait: true });
    expect(weights).toMatchObject({ decision: "skipped" });
    expect(weights.reason).toContain("praise alone changes no weights");
    const turn = await ask(caller, id, "Say hello");
    await judge(caller, id, turn.id, { reward: -1, correction: "hello", wait: true });
    expect(await caller.calls("/v1/adapt")).toMatchObject([
      { rows: [{ kind: "accepted" }, { kind: "corrected" }] },
    ]);
  });

  it("says that a new try repeats the rejected reply where the model had nothing else", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Tell me a story");
    expect(turn.repeats_rejected).toBe(false);
    await caller.behave({ repeats: true });
    const { turn: again } = await judge(caller, id, turn.id, { reward: -1, retry: true });
    expect(again?.repeats_rejected).toBe(true);
  });

  it("reports what an update did to the right reply: its log-prob before and after", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { adaptation: { mode: "weights" } });
    const turn = await ask(caller, id, "Say hello");
    const { weights } = await judge(caller, id, turn.id, {
      reward: -1,
      correction: "hello",
      wait: true,
    });
    const { right_reply } = weights;
    expect(right_reply?.logprob_after).toBeGreaterThan(right_reply?.logprob_before ?? 0);
  });

  it("reports the same of each token, for the right reply and for the rejected one", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { adaptation: { mode: "weights" } });
    const turn = await ask(caller, id, "Say good day");
    const body = { reward: -1, correction: "good day", wait: true };
    const { weights } = await judge(caller, id, turn.id, body);
    const texts = (tokens: { text: string }[] | null | undefined) => tokens?.map((one) => one.text);
    const { right, rejected } = weights.tokens ?? {};
    expect(texts(right)).toEqual(["good ", "day", ""]);
    expect(texts(rejected)).toEqual(["echo: ", "Say ", "good ", "day", ""]);
    for (const { before, after } of right ?? []) expect(after).toBeGreaterThan(before);
    for (const { before, after } of rejected ?? []) expect(after).toBeLessThan(before);
    // What is watched is not learnt from, and not kept a second time with the generation.
    const [update] = await caller.calls("/v1/adapt");
    expect(update?.rows).toHaveLength(1);
    const { feedback } = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
    expect(feedback[0]?.weights?.tokens).toEqual(weights.tokens);

    const other = await ask(caller, id, "Say it");
    const alone = await judge(caller, id, other.id, { reward: -1, retry: true, wait: true });
    expect(texts(alone.weights.tokens?.rejected)).toEqual(["echo: ", "Say ", "it", ""]);
    expect(alone.weights.tokens?.right).toBeNull();
  });

  it("takes a second, different opinion on the same turn as another feedback", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hello");
    await judge(caller, id, turn.id, { reward: -1 });
    await judge(caller, id, turn.id, { reward: -1, correction: "hello", wait: true });
    const { feedback } = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
    expect(feedback.map(({ weights }) => weights?.decision)).toEqual(["skipped", "updated"]);
  });

  it("keeps a generation but does not activate it when another was activated meanwhile", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const first = await ask(caller, id, "Say hello");
    const { weights } = await judge(caller, id, first.id, {
      reward: -1,
      correction: "hello",
      wait: true,
    });
    await caller.behave({ delayMs: { "/v1/adapt": 2_000 } });
    const second = await ask(caller, id, "Say bye");
    const late = judge(caller, id, second.id, { reward: -1, correction: "bye", wait: true });
    await eventually(
      () => caller.calls("/v1/adapt"),
      (calls) => calls.length === 2,
    );
    await caller.make(`/v1/sessions/${id}/generations/base/activate`, {});
    const result = await late;
    expect(result.weights).toMatchObject({ decision: "updated", active: false });
    expect(result.weights.reason).toContain("not activated");
    const { active, data } = await lineage(caller, id);
    expect(active).toBe("base");
    expect(data[1]).toMatchObject({ parent: weights.generation, active: false });
  });
});

describe("what an update is made of", () => {
  it("learns a correction on the rewritten request and replays earlier ones", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const first = await ask(caller, id, "Sort them: 31, 7, 12");
    const result = await judge(caller, id, first.id, {
      reward: -1,
      text: "largest first",
      correction: "31, 12, 7",
      retry: true,
    });
    expect(result.words.changed).toBe(true);
    expect(result.words.after).toBe("Sort them: 31, 7, 12\n\nlargest first");
    const second = await ask(caller, id, "Say hello");
    await judge(caller, id, second.id, { reward: -1, correction: "hello", wait: true });
    const calls = await caller.calls("/v1/adapt");
    expect(calls[0]?.rows).toEqual([
      { kind: "corrected", reply: "31, 12, 7", prompt: result.words.after },
    ]);
    expect(calls[1]?.rows).toEqual([
      { kind: "corrected", reply: "31, 12, 7", prompt: result.words.after },
      { kind: "corrected", reply: "hello", prompt: "Say hello" },
    ]);
    expect(calls[1]?.adapter).not.toBeNull();
  });

  it("words the next request by what was learnt from the last", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { lexicon: { senses: [orderSense] } });
    const first = await ask(caller, id, "Sort them: 31, 7, 12");
    await judge(caller, id, first.id, { reward: -1, text: "largest first", retry: true });
    const next = await ask(caller, id, "Sort them: 4, 9, 1");
    expect(next.content).toBe("Sort them: 4, 9, 1");
    expect(next.prompt).toContain("largest to smallest");
    const other = await openSession(caller);
    expect((await ask(caller, other.id, "Sort them: 4, 9, 1")).prompt).toBe("Sort them: 4, 9, 1");
  });

  it("passes every rejected reply of a problem along with its retries", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const first = await ask(caller, id, "Say hello");
    const one = await judge(caller, id, first.id, { reward: -1, retry: true });
    const two = await judge(caller, id, one.turn?.id ?? "", { reward: -1, retry: true });
    expect(two.turn).toMatchObject({ attempt: 3, retry_of: one.turn?.id });
    const calls = await caller.calls("/v1/generate");
    expect(calls.map(({ rejected }) => rejected.length)).toEqual([0, 1, 2]);
    expect(calls[2]?.rejected).toEqual([first.reply, one.turn?.reply]);
    // Without a correction the rejected reply itself is the example, on a retry only.
    const adapts = await caller.calls("/v1/adapt");
    expect(adapts[0]?.rows.at(-1)).toMatchObject({ kind: "rejected", reply: first.reply });
  });

  it.each([
    ["off", false, false],
    ["words", true, false],
    ["weights", false, true],
    ["both", true, true],
  ])("adapts in mode %s: words %s, weights %s", async (mode, words, weights) => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { adaptation: { mode } });
    const turn = await ask(caller, id, "Sort them: 31, 7, 12");
    const result = await judge(caller, id, turn.id, {
      reward: -1,
      correction: "31, 12, 7",
      text: "largest first",
      retry: true,
    });
    expect(result.words.changed).toBe(words);
    expect(result.weights.decision).toBe(weights ? "updated" : "skipped");
    expect(result.weights.reason).not.toBe("");
    expect(result.turn?.generation === "base").toBe(!weights);
  });

  it("reports an update that the service skipped or rejected, makes no generation and bills none", async () => {
    for (const decision of ["skipped", "rejected"] as const) {
      const caller = await newTenant();
      await caller.behave({ adapt: decision });
      const { id } = await openSession(caller);
      const turn = await ask(caller, id, "Say hello");
      const result = await judge(caller, id, turn.id, {
        reward: -1,
        correction: "hello",
        retry: true,
      });
      expect(result.weights).toMatchObject({ decision, reason: `told to answer ${decision}` });
      expect(result.turn?.generation).toBe("base");
      expect((await lineage(caller, id)).data).toEqual([]);
      const usage = await eventually(
        () =>
          caller.get<{ data: { adaptations_accepted: number; adaptations_rejected: number }[] }>(
            "/v1/usage",
          ),
        ({ data }) => data[0]?.adaptations_rejected === 1,
      );
      expect(usage.data[0]).toMatchObject({ adaptations_accepted: 0 });
    }
  });

  it("goes on without the remark's own reply where the remark fills the model's window", async () => {
    const caller = await newTenant();
    const error = { status: 400, code: "context_length_exceeded", message: "too long" };
    await caller.behave({ error: { "/v1/sample": error } });
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hello");
    const remark = "I wanted a greeting to a friend";
    const result = await judge(caller, id, turn.id, { reward: -1, text: remark, retry: true });
    expect(await caller.calls("/v1/sample")).not.toHaveLength(0);
    expect(result.words.after).toContain(remark);
    expect(result.turn?.status).toBe("completed");
  });

  it("is cut until it fits the model's window, so that no long dialogue stops a session's learning", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { adaptation: { mode: "weights" } });
    for (const content of ["one", "two", "three"]) {
      const turn = await ask(caller, id, content);
      await judge(caller, id, turn.id, {
        reward: -1,
        correction: `${content} and a half`,
        wait: true,
      });
    }
    await caller.behave({ messagesMax: 3 });
    const turn = await ask(caller, id, "four");
    const result = await judge(caller, id, turn.id, {
      reward: -1,
      correction: "four and a half",
      wait: true,
    });
    expect(result.weights).toMatchObject({ decision: "updated" });
    const { rows } = (await caller.calls("/v1/adapt")).at(-1)!;
    expect(rows.map(({ reply }) => reply)).toEqual([
      "one and a half",
      "two and a half",
      "three and a half",
      "four and a half",
    ]);
  });

  it("goes on without an update when the service refuses the rows for good", async () => {
    const caller = await newTenant();
    await caller.behave({
      error: {
        "/v1/adapt": { status: 400, code: "context_length_exceeded", message: "too long" },
      },
    });
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hello");
    const result = await judge(caller, id, turn.id, {
      reward: -1,
      correction: "hello",
      retry: true,
    });
    expect(result.weights).toMatchObject({ decision: "rejected" });
    expect(result.weights.reason).toContain("too long");
    expect(result.turn?.status).toBe("completed");
  });

  it("leaves words and weights alone after feedback that says nothing", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Sort them: 31, 7, 12");
    const result = await judge(caller, id, turn.id, { reward: 0, wait: true });
    expect(result).toMatchObject({
      words: { changed: false },
      weights: { decision: "skipped" },
      status: "done",
    });
    expect(await caller.calls("/v1/adapt")).toEqual([]);
  });
});

describe("adapters", () => {
  it("sends the bytes again to a replica that lost them", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hello");
    await judge(caller, id, turn.id, { reward: -1, correction: "hello", wait: true });
    await caller.forgetAdapters();
    expect(await ask(caller, id, "Say hello")).toMatchObject({ reply: "hello" });
    const calls = (await caller.calls("/v1/generate")).slice(-2);
    expect(calls.map(({ status, hasBytes }) => [status, hasBytes])).toEqual([
      [409, false],
      [200, true],
    ]);
    // Updates and scores of the next feedback resend likewise.
    const bye = await ask(caller, id, "Say bye");
    await caller.forgetAdapters();
    const result = await judge(caller, id, bye.id, { reward: -1, correction: "bye", wait: true });
    expect(result.weights.decision).toBe("updated");
  });

  it("stores each file once under its digest and never changes it", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hello");
    await judge(caller, id, turn.id, { reward: -1, correction: "hello", wait: true });
    const [generation] = (await lineage(caller, id)).data;
    const object = await bindings.ADAPTERS.get(`adapters/${caller.tenantId}/${generation?.digest}`);
    const bytes = (await object?.arrayBuffer()) as ArrayBuffer;
    const digest = await crypto.subtle.digest("SHA-256", bytes);
    expect(
      Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join(""),
    ).toBe(generation?.digest);
  });

  it("never lets two sessions of one tenant meet each other's adapter", async () => {
    const caller = await newTenant();
    const [a, b] = [await openSession(caller), await openSession(caller)];
    for (const [session, reply] of [
      [a, "ahoy"],
      [b, "hullo"],
    ] as const) {
      const turn = await ask(caller, session.id, "Say hello");
      await judge(caller, session.id, turn.id, { reward: -1, correction: reply, wait: true });
    }
    expect(await ask(caller, a.id, "Say hello")).toMatchObject({ reply: "ahoy" });
    expect(await ask(caller, b.id, "Say hello")).toMatchObject({ reply: "hullo" });
  });
});

describe("waiting", () => {
  it("answers with the words at once and says that the weights are queued", async () => {
    const caller = await newTenant();
    await caller.behave({ hold: ["/v1/adapt"] });
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hello");
    const result = await judge(caller, id, turn.id, { reward: -1, correction: "hello" });
    expect(result.weights).toMatchObject({ decision: "queued", shift_norm: null });
    await caller.behave({});
    const done = await eventually(
      () => judge(caller, id, turn.id, { reward: -1, correction: "hello" }),
      ({ status }) => status === "done",
    );
    expect(done).toMatchObject({ id: result.id, weights: { decision: "updated" } });
  });

  it("accepts a sure reply without an update", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const first = await ask(caller, id, "Say hello");
    await judge(caller, id, first.id, { reward: -1, correction: "hello", wait: true });
    const sure = await ask(caller, id, "Say hello");
    expect(sure.confidence).toBeGreaterThan(0.9);
    const result: FeedbackResult = await judge(caller, id, sure.id, { reward: 1, wait: true });
    expect(result.weights.decision).toBe("skipped");
  });
});
