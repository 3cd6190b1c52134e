/**
 * A stateless chat with an Idempotency-Key whose isolate dies, or whose objects end, before or after any step: however
 * often it is asked again, it is answered once more alike and billed once, for the answer that was given.
 */
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { BudgetBody, UsageReport } from "../../edge/src/contract/index.ts";
import { bindings, type Caller, eventually, newTenant } from "../edge/support/client.ts";
import { actWhereHeld, type Step, type When, watchSteps } from "./support/steps.ts";

const watch = watchSteps();
/** Calls at a time: one whose isolate died is taken for dead after seconds. */
const atOnce = 20;

/** Steps that come by the clock. */
const besides = ["say alive", "tell account"];

const victims = ["the call", "its key's home", "the purse"] as const;
type Victim = (typeof victims)[number];

interface Chat {
  id: string;
  rosa2: { cost: { usd: number } };
}

/** One chat, something ending at a step; the steps until it was answered, and where that was. */
async function chat(
  at: (step: Step) => boolean,
  when: When,
  victim: Victim,
): Promise<{ taken: Step[]; ended: string | null }> {
  const caller = await newTenant();
  // In the key, so that all calls with it are known as this chat's.
  const key = `key-of-${caller.tenantId}`;
  const steps = watch.of(caller.tenantId);
  steps.hold(at, when);
  const ending = actWhereHeld(steps, async () => {
    if (victim === "the call") steps.die();
    else {
      await end(caller, victim);
      steps.goOn();
    }
  });
  const answer = await untilAnswered(caller, key, () => ending.held !== null);
  const ended = await ending.end();
  const taken = steps.taken.filter(({ name }) => !besides.includes(name));

  const again = await ask(caller, key);
  expect(again.headers.get("idempotency-replayed"), `ended ${ended}`).toBe("true");
  expect(await again.json()).toEqual(answer);
  await expectBilledOnce(caller, answer, `ended ${ended} with ${victim}`);
  watch.leave(steps);
  return { taken, ended };
}

function ask(caller: Caller, key: string): Promise<Response> {
  const messages = [{ role: "user", content: "one two three" }];
  const body = { model: "fake-mini", messages, max_tokens: 8 };
  return caller.post("/v1/chat/completions", body, { "idempotency-key": key });
}

/** Asks until there is an answer; once something has ended, a call without an answer is not waited for. */
async function untilAnswered(caller: Caller, key: string, hasEnded: () => boolean): Promise<Chat> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const answer = ask(caller, key)
      .then((response) => (response.ok ? (response.json() as Promise<Chat>) : null))
      .catch(() => null);
    const patience = (async () => {
      while (!hasEnded()) await new Promise((resolve) => setTimeout(resolve, 20));
      await new Promise((resolve) => setTimeout(resolve, 8_000));
      return null;
    })();
    const first = await Promise.race([answer, patience]);
    if (first !== null) return first;
  }
  throw new Error("No answer");
}

async function end(caller: Caller, victim: Victim): Promise<void> {
  const { ACCOUNTS, REGIONS } = bindings;
  const homes = Array.from({ length: 16 }, (_, i) =>
    ACCOUNTS.get(ACCOUNTS.idFromName(`${caller.tenantId}/answers/${i}`)),
  );
  const purse = REGIONS.get(REGIONS.idFromName(`${caller.tenantId}/here`));
  const ending = victim === "the purse" ? [purse] : homes;
  await Promise.all(
    ending.map((stub) =>
      runInDurableObject(stub as never, (_, state) => state.abort("crash")).catch(() => {}),
    ),
  );
}

async function expectBilledOnce(caller: Caller, answer: Chat, what: string): Promise<void> {
  const usage = () => caller.get<UsageReport>("/v1/usage");
  const { data } = await eventually(usage, ({ data }) => data.length > 0);
  expect(
    data.map(({ replies, cost }) => ({ replies, usd: cost.usd })),
    what,
  ).toEqual([{ replies: 1, usd: answer.rosa2.cost.usd }]);
  // What a dead call set aside is free again after a minute: here it is over at once.
  const { REGIONS } = bindings;
  const purse = REGIONS.get(REGIONS.idFromName(`${caller.tenantId}/here`));
  await runInDurableObject(purse as never, (_, { storage }) => {
    storage.sql.exec("UPDATE holds SET at = 0");
  });
  expect(await caller.get<BudgetBody>("/v1/budget"), what).toMatchObject({
    spent_usd: answer.rosa2.cost.usd,
    reserved_usd: 0,
  });
}

describe("a stateless chat with an Idempotency-Key", () => {
  it.each(victims)("is billed once, where %s ends before or after any step", async (victim) => {
    const { taken } = await chat(() => false, "before", victim);
    const names = new Set(taken.map(({ name }) => name));
    expect(names).toEqual(
      new Set(["claim key", "reserve", "generate", "read reply", "save answer", "settle"]),
    );
    // The purse takes what is owed by itself: no call waits for it.
    const own = taken.filter(({ name }) => victim !== "the call" || name !== "settle");
    const left = own.flatMap((step) => [
      { step, when: "before" as const },
      { step, when: "after" as const },
    ]);
    const wanted = left.map(({ step, when }) => `${when} ${step.name}`);
    const ended: string[] = [];
    const work = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const { step, when } = next;
        const isIt = ({ name, nth }: Step) => name === step.name && nth === step.nth;
        const one = await chat(isIt, when, victim);
        if (one.ended !== null) ended.push(one.ended);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    for (const place of wanted) expect(ended).toContain(place);
  });
});
