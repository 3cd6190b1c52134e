import { describe, expect, it } from "vitest";
import { ask, judge, newTenant, openSession } from "./support/client.ts";

const correction = { reward: -1, correction: "7, 12, 31", retry: true };

describe("one adapting conversation", () => {
  it("answers from generation g+1 after a correction with retry", async () => {
    const caller = await newTenant();
    const session = await openSession(caller);
    expect(session).toMatchObject({ generation: "base", mode: "both", turns: [] });

    const first = await ask(caller, session.id, "Sort them: 31, 7, 12");
    expect(first).toMatchObject({ reply: "echo: Sort them: 31, 7, 12", generation: "base" });

    const result = await judge(caller, session.id, first.id, correction);
    expect(result.weights).toMatchObject({ decision: "updated", active: true, step_norm: 0.5 });
    expect(result.weights.generation).toMatch(/^gen_/);
    expect(result.turn).toMatchObject({
      reply: "7, 12, 31",
      generation: result.weights.generation,
      retry_of: first.id,
      attempt: 2,
    });
    expect(result.words.before).toBe(first.prompt);
    expect(result.turn?.prompt).toBe(result.words.after);
    expect(result.cost.usd).toBeGreaterThan(0);

    const read = await caller.get<typeof session>(`/v1/sessions/${session.id}`);
    expect(read.turns).toHaveLength(2);
    expect(read.generation).toBe(result.weights.generation);
  });

  it("keeps sessions without feedback on the base model", async () => {
    const caller = await newTenant();
    const taught = await openSession(caller);
    const turn = await ask(caller, taught.id, "Say hello");
    await judge(caller, taught.id, turn.id, { reward: -1, correction: "hello", retry: true });
    const other = await openSession(caller);
    expect(await ask(caller, other.id, "Say hello")).toMatchObject({
      reply: "echo: Say hello",
      generation: "base",
    });
  });
});
