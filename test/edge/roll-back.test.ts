import { describe, expect, it } from "vitest";
import type { FeedbackResult, SessionDetail } from "../../edge/src/contract/index.ts";
import { ask, type Caller, judge, newTenant, openSession, readEvents } from "./support/client.ts";

async function tenantWith(roll_back_after: number | null): Promise<Caller> {
  const caller = await newTenant();
  const answer = await caller.fetch("/v1/tenant/adaptation", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ holdout_share: 0, roll_back_after }),
  });
  expect(answer.status).toBe(200);
  return caller;
}

const active = async (caller: Caller, id: string) =>
  (await caller.get<{ active: string }>(`/v1/sessions/${id}/generations`)).active;

/** Asks, and says that the reply should have been another. */
async function correct(caller: Caller, id: string, word: string): Promise<FeedbackResult> {
  const turn = await ask(caller, id, `Say ${word}`);
  return await judge(caller, id, turn.id, { reward: -1, correction: word, wait: true });
}

describe("rejections that follow an update", () => {
  it("bring back the generation before it, told in the events, and teach nothing more", async () => {
    const caller = await tenantWith(2);
    const { id } = await openSession(caller);
    const first = await correct(caller, id, "one");
    const second = await correct(caller, id, "two");
    expect([first, second]).toMatchObject([
      { rolled_back: null, weights: { decision: "updated" } },
      { rolled_back: null, weights: { decision: "updated" } },
    ]);
    const from = second.weights.generation;
    const third = await correct(caller, id, "three");
    const rolled_back = { from, to: "base", rejections: 2 };
    expect(third).toMatchObject({ rolled_back, weights: { decision: "skipped" } });
    expect(third.weights.reason).toContain("rolled back to base after 2 rejected replies");
    expect(await active(caller, id)).toBe("base");
    const path = `/v1/sessions/${id}/turns/${third.turn_id}/events`;
    const events = await readEvents(await caller.fetch(path));
    const told = events.map(({ event }) => event).filter((event) => event !== "delta");
    expect(told).toEqual(["turn", "done", "rolled_back", "words", "weights", "feedback"]);
    expect(events.find(({ event }) => event === "rolled_back")?.data).toEqual({
      ...rolled_back,
      feedback_id: third.id,
    });
    const { feedback } = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
    expect(feedback.at(-1)?.rolled_back).toEqual(rolled_back);
    // The session goes on from there.
    expect(await correct(caller, id, "four")).toMatchObject({
      rolled_back: null,
      weights: { decision: "updated" },
    });
  });

  it("bring back the latest generation of which a reply was accepted", async () => {
    const caller = await tenantWith(2);
    const { id } = await openSession(caller);
    const old = await ask(caller, id, "Say zero");
    const { weights } = await correct(caller, id, "one");
    const right = await ask(caller, id, "Say one");
    await judge(caller, id, right.id, { reward: 1 });
    // Praise of an earlier generation's reply takes no trust from this one.
    await judge(caller, id, old.id, { reward: 1 });
    await correct(caller, id, "two");
    await correct(caller, id, "three");
    const last = await correct(caller, id, "four");
    expect(last.rolled_back).toMatchObject({ to: weights.generation, rejections: 2 });
    expect(await active(caller, id)).toBe(weights.generation);
  });

  it("count a reply once, and only those of generations since", async () => {
    const caller = await tenantWith(2);
    const { id } = await openSession(caller);
    const before = await ask(caller, id, "Say zero");
    await correct(caller, id, "one");
    const turn = await ask(caller, id, "Say two");
    for (const text of ["no", "no, really", "still no"]) {
      const { rolled_back } = await judge(caller, id, turn.id, { reward: -1, text, wait: true });
      expect(rolled_back).toBeNull();
    }
    expect((await judge(caller, id, before.id, { reward: -1, wait: true })).rolled_back).toBeNull();
    expect((await correct(caller, id, "three")).rolled_back).not.toBeNull();
  });

  it("leave a generation that was chosen by hand", async () => {
    const caller = await tenantWith(1);
    const { id } = await openSession(caller);
    const { weights } = await correct(caller, id, "one");
    await caller.make(`/v1/sessions/${id}/generations/${weights.generation}/activate`, {});
    const next = await correct(caller, id, "two");
    expect(next).toMatchObject({ rolled_back: null, weights: { decision: "updated" } });
  });

  it("change nothing where nobody asked for it", async () => {
    const caller = await tenantWith(null);
    const { id } = await openSession(caller);
    for (const word of ["one", "two", "three", "four"]) {
      expect((await correct(caller, id, word)).rolled_back).toBeNull();
    }
  });

  it("roll back once, whatever fails after it", async () => {
    const caller = await tenantWith(1);
    const { id } = await openSession(caller);
    await correct(caller, id, "one");
    const turn = await ask(caller, id, "Say two");
    await caller.behave({ down: ["/v1/score", "/v1/sample", "/v1/generate"] });
    const body = { reward: -1, correction: "two", retry: true };
    const path = `/v1/sessions/${id}/turns/${turn.id}/feedback`;
    expect((await caller.post(path, body)).status).toBe(503);
    expect(await active(caller, id)).toBe("base");
    await caller.behave({});
    const result = await caller.make<FeedbackResult>(path, body);
    expect(result).toMatchObject({ rolled_back: { to: "base", rejections: 1 }, status: "done" });
    const events = await readEvents(
      await caller.fetch(`/v1/sessions/${id}/turns/${turn.id}/events`),
    );
    expect(events.filter(({ event }) => event === "rolled_back")).toHaveLength(1);
  });
});
