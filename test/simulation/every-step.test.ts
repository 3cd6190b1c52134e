/** Feedback whose session's object is ended before and after each step it takes: everything still happens once. */
import { afterEach, describe, expect, it } from "vitest";
import { ask, type Caller, newTenant, openSession } from "../edge/support/client.ts";
import { expectSound } from "./support/check.ts";
import { alarmOf, crash, untilIdle, type When, watchSteps } from "./support/steps.ts";

const steps = watchSteps();
afterEach(() => steps.open());

const body = { reward: -1, correction: "31, 12, 7", text: "largest first", retry: true };

/** One turn, then feedback on it whose object ends at this step; null when the feedback takes fewer steps. */
async function endAt(caller: Caller, index: number, when: When): Promise<string | null> {
  const { id } = await openSession(caller);
  const turn = await ask(caller, id, "Sort them: 31, 7, 12");
  await untilIdle(caller, id);
  const path = `/v1/sessions/${id}/turns/${turn.id}/feedback`;
  steps.hold(index, when);
  const answered = caller.post(path, body).then(
    ({ status }) => status,
    () => 0,
  );
  let isIdle = false;
  const idle = answered
    .then(() => untilIdle(caller, id))
    .then(() => {
      isIdle = true;
    });
  while (steps.held === null && !isIdle) await new Promise((resolve) => setTimeout(resolve, 2));
  const { held } = steps;
  if (held !== null) {
    // Whatever is left to do, an alarm is set for it.
    const { dueAt, ringsAt } = await alarmOf(caller, id);
    if (dueAt !== null)
      expect(ringsAt ?? Number.POSITIVE_INFINITY, held).toBeLessThanOrEqual(dueAt);
    await crash(caller, id);
    steps.open();
    // Nobody asks again: the outbox and the alarm finish it.
    await untilIdle(caller, id);
    await idle;
  }
  const session = await expectSound(caller, id);
  expect(session.feedback).toHaveLength(1);
  expect(session.totals).toMatchObject({ turns: 2, generations: 1 });
  expect(session.turns[1]).toMatchObject({ reply: "31, 12, 7", generation: session.generation });
  // Whoever asks again gets what is stored.
  const again = await caller.make<{ id: string }>(path, body);
  expect(again.id).toBe(session.feedback[0]?.id);
  return held;
}

describe("feedback with a correction and a retry", () => {
  it.each(["before", "after"] as const)(
    "happens once if its object ends %s any step",
    async (when) => {
      const caller = await newTenant();
      // A service without determinism: computing an update twice gives two files.
      await caller.behave({ salted: true });
      const ended: string[] = [];
      for (let index = 0; ; index++) {
        const held = await endAt(caller, index, when);
        if (held === null) break;
        ended.push(held);
      }
      console.log(`ended ${ended.length} times: ${ended.join(", ")}`);
      for (const name of [
        "score",
        "look for room",
        "reserve money",
        "adapt",
        "hold adapter",
        "put file",
        "generate",
        "read reply",
        "record usage",
        "write index",
      ]) {
        expect(ended).toContain(`${when} ${name}`);
      }
    },
  );
});
