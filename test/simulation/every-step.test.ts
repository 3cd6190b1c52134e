/**
 * A session's object ends before or after one of the steps that it takes outside itself, for every step of a turn and
 * of feedback on it (words → weights → swap → a new reply). Everything still happens once.
 */
import { describe, expect, it } from "vitest";
import type { TurnBody } from "../../edge/src/contract/index.ts";
import { newTenant, openSession } from "../edge/support/client.ts";
import { expectSound } from "./support/check.ts";
import {
  actWhereHeld,
  alarmOf,
  crash,
  crashAccount,
  type Step,
  untilIdle,
  type When,
  watchSteps,
} from "./support/steps.ts";

const watch = watchSteps();
/** Sessions at a time; each mostly waits for alarms and for writes. */
const sessionsMax = 6;
const capUsd = 0.0012;

const body = { reward: -1, correction: "31, 12, 7", text: "largest first", retry: true };

/** A turn and feedback on it; the object ends at the given step. Gives the steps taken, and where the object ended. */
async function converse(
  at: (step: Step) => boolean,
  when: When,
  whom: "session" | "account" = "session",
): Promise<{ taken: Step[]; ended: string | null }> {
  const caller = await newTenant();
  // A service that is not deterministic: computing an update twice gives two files.
  await caller.behave({ salted: true });
  // A budget slightly above the need, so leases are short and calls wait for the account.
  await caller.fetch("/v1/budget", {
    method: "PUT",
    body: JSON.stringify({ cap_usd: capUsd }),
    headers: { "content-type": "application/json" },
  });
  const { id } = await openSession(caller);
  const steps = watch.of(caller.tenantId, id);
  steps.hold(at, when);
  const ending = actWhereHeld(steps, async (held) => {
    // While work is left there is an alarm for it. Only while an alarm's own work runs there is none.
    const isSet = async () => {
      const { dueAt, ringsAt } = await alarmOf(id);
      return dueAt === null || (ringsAt !== null && ringsAt <= dueAt);
    };
    await expect.poll(isSet, { message: held, timeout: 5_000 }).toBe(true);
    if (whom === "account") {
      await crashAccount(caller);
      steps.goOn();
    } else {
      steps.open();
      await crash(id);
    }
  });

  // The caller cannot know whether a turn without an answer was stored. Asking with the same key gives the turn or
  // makes it.
  let turn: TurnBody | null = null;
  while (turn === null) {
    const key = { "idempotency-key": "first" };
    turn = await caller
      .make<TurnBody>(`/v1/sessions/${id}/turns`, { content: "Sort them: 31, 7, 12" }, key)
      .catch(() => null);
  }
  await untilIdle(id);
  // Feedback is stored first, so nobody needs to ask again: outbox and alarm finish it.
  const path = `/v1/sessions/${id}/turns/${turn.id}/feedback`;
  await caller.post(path, body).catch(() => null);
  await untilIdle(id);
  const ended = await ending.end();
  const { taken } = steps;
  // Statements of the checks themselves are no steps of the session.
  watch.leave(steps);

  const session = await expectSound(caller, id);
  expect(session.totals.cost.usd).toBeLessThanOrEqual(capUsd);
  expect(session.feedback, `ended ${ended}`).toHaveLength(1);
  expect(session.totals, `ended ${ended}`).toMatchObject({ turns: 2, generations: 1 });
  expect(session.turns[1]).toMatchObject({ reply: "31, 12, 7", generation: session.generation });
  // A repeated call gets what is stored.
  const again = await caller.make<{ id: string }>(path, body);
  expect(again.id).toBe(session.feedback[0]?.id);
  return { taken, ended };
}

describe("a turn, and feedback with a correction and a retry", () => {
  it.each(["before", "after"] as const)(
    "happen once if the session's object ends %s any step",
    async (when) => {
      const { taken } = await converse(() => false, when);
      expect(new Set(taken.map(({ name }) => name))).toEqual(
        new Set([
          ...["generate", "read reply", "tell account"],
          ...["sample", "score", "adapt", "hold adapter", "put file"],
        ]),
      );
      const ended: string[] = [];
      const left = [...taken];
      const work = async () => {
        for (let step = left.shift(); step !== undefined; step = left.shift()) {
          const { name, nth } = step;
          const one = await converse((other) => other.name === name && other.nth === nth, when);
          if (one.ended !== null) ended.push(one.ended);
        }
      };
      await Promise.all(Array.from({ length: sessionsMax }, work));
      console.info(`ended ${ended.length} times at ${taken.length} steps`);
      // Several messages to the account may be sent as one, so there may be fewer steps than in the first session.
      const isMessage = (name: string) => name.endsWith("tell account");
      expect(ended.filter((name) => !isMessage(name)).toSorted()).toEqual(
        taken
          .map(({ name }) => `${when} ${name}`)
          .filter((name) => !isMessage(name))
          .toSorted(),
      );
      expect(ended.some(isMessage)).toBe(true);
    },
  );

  it.each(["before", "after"] as const)(
    "happen once if the account's object ends %s any call on it",
    async (when) => {
      for (const name of ["tell account", "hold adapter"]) {
        const one = await converse((step) => step.name === name && step.nth === 0, when, "account");
        expect(one.ended).toBe(`${when} ${name}`);
      }
    },
  );
});
