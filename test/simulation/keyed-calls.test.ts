/**
 * A call with an Idempotency-Key whose isolate dies, or whose objects end, before or after any step. However often it
 * is repeated, the answer is the same, at most one session is opened, and the given answer is billed once.
 */
import { runInDurableObject } from "cloudflare:test";
import { afterAll, describe, expect, it } from "vitest";
import type {
  BudgetBody,
  SessionDetail,
  SessionSummary,
  UsageReport,
} from "../../edge/src/contract/index.ts";
import { accountStub } from "../edge/support/account.ts";
import { bindings, type Caller, eventually, newTenant } from "../edge/support/client.ts";
import { actWhereHeld, type Step, type When, watchSessions, watchSteps } from "./support/steps.ts";

const watch = watchSteps();
afterAll(watchSessions(watch));
/** Calls at a time. A call whose isolate died counts as dead only after seconds, so many run at once. */
const atOnce = 20;

/** Steps that the clock causes. */
const besides = ["say alive", "tell account"];

type Victim = "the call" | "its key's home" | "the purse" | "the session";

/** One way to call with a key. */
interface Keyed {
  path: string;
  body: unknown;
  /** The objects that may end at a step, beside the call's own isolate. */
  victims: readonly Victim[];
  /** All of its steps, in the call itself and in objects. */
  steps: readonly string[];
  /** The steps that the call itself takes; they end with it. */
  own: readonly string[];
  replies: number;
  sessions: number;
  /** The same was called just before without a key, so that the isolate knows that there is no cap. */
  isSecond?: boolean;
}

const content = "one two three";
const calls = {
  "a stateless chat": {
    path: "/v1/chat/completions",
    body: { model: "fake-mini", messages: [{ role: "user", content }], max_tokens: 8 },
    victims: ["the call", "its key's home", "the purse"],
    steps: ["claim key", "reserve", "generate", "read reply", "save answer", "settle"],
    own: ["claim key", "reserve", "generate", "read reply", "save answer"],
    replies: 1,
    sessions: 0,
  },
  "a stateless chat where there is surely no cap": {
    path: "/v1/chat/completions",
    body: { model: "fake-mini", messages: [{ role: "user", content }], max_tokens: 8 },
    victims: ["the call", "its key's home", "the purse"],
    steps: ["claim key", "generate", "read reply", "save answer", "settle"],
    own: ["claim key", "generate", "read reply", "save answer"],
    replies: 1,
    sessions: 0,
    isSecond: true,
  },
  "a response": {
    path: "/v1/responses",
    body: { model: "fake-mini", input: content },
    victims: ["the call", "its key's home", "the session"],
    steps: [
      ...["claim key", "open session", "enter session", "begin turn"],
      ...["generate", "read reply", "save answer"],
    ],
    own: ["claim key", "open session", "begin turn", "save answer"],
    replies: 1,
    sessions: 1,
  },
  "a new session": {
    path: "/v1/sessions",
    body: { title: "one" },
    victims: ["the call", "its key's home", "the session"],
    steps: ["claim key", "open session", "enter session", "save answer"],
    own: ["claim key", "open session", "save answer"],
    replies: 0,
    sessions: 1,
  },
} satisfies Record<string, Keyed>;

interface Answer {
  id: string;
  rosa2?: { cost: { usd: number } };
}

/** One call, during which something ends at a step. Gives the steps until it was answered, and where the end was. */
async function call(
  keyed: Keyed,
  at: (step: Step) => boolean,
  when: When,
  victim: Victim,
): Promise<{ taken: Step[]; ended: string | null }> {
  const caller = await newTenant();
  // Part of the key, so that all calls with that key are recognised as this call's.
  const key = `key-of-${caller.tenantId}`;
  const first = keyed.isSecond ? await caller.make<Answer>(keyed.path, keyed.body as object) : null;
  const steps = watch.of(caller.tenantId);
  steps.hold(at, when);
  const ending = actWhereHeld(steps, async () => {
    if (victim === "the call") steps.die();
    else {
      await end(caller, victim);
      steps.goOn();
    }
  });
  const ask = () => caller.post(keyed.path, keyed.body, { "idempotency-key": key });
  const answer = await untilAnswered(ask, () => ending.held !== null);
  const ended = await ending.end();
  const taken = steps.taken.filter(({ name }) => !besides.includes(name));

  const again = await ask();
  expect(again.headers.get("idempotency-replayed"), `ended ${ended}`).toBe("true");
  expect(await again.json()).toEqual(answer);
  const answers = first === null ? [answer] : [first, answer];
  await expectOnce(caller, keyed, answers, `ended ${ended} with ${victim}`);
  watch.leave(steps);
  return { taken, ended };
}

/** Asks until there is an answer. Once something has ended, a call without an answer is not waited for. */
async function untilAnswered(
  ask: () => Promise<Response>,
  hasEnded: () => boolean,
): Promise<Answer> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const answer = ask()
      .then((response) => (response.ok ? (response.json() as Promise<Answer>) : null))
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
  const stubs = await objectsOf(caller, victim);
  await Promise.all(
    stubs.map((stub) =>
      runInDurableObject(stub as never, (_, state) => state.abort("crash")).catch(() => {}),
    ),
  );
}

async function objectsOf(caller: Caller, victim: Victim): Promise<DurableObjectStub[]> {
  const { ACCOUNTS } = bindings;
  if (victim === "the purse") return [purseOf(caller)];
  if (victim === "the session") return watch.sessionsOf(caller.tenantId);
  const shards = Array.from({ length: 16 }, (_, i) =>
    ACCOUNTS.get(ACCOUNTS.idFromName(`${caller.tenantId}/answers/${i}`)),
  );
  return [accountStub(caller.tenantId), ...shards] as DurableObjectStub[];
}

function purseOf(caller: Caller): DurableObjectStub {
  const { REGIONS } = bindings;
  return REGIONS.get(REGIONS.idFromName(`${caller.tenantId}/here`)) as DurableObjectStub;
}

async function expectOnce(
  caller: Caller,
  keyed: Keyed,
  answers: readonly Answer[],
  what: string,
): Promise<void> {
  const { data: opened } = await caller.get<{ data: SessionSummary[] }>("/v1/sessions");
  expect(opened.length, what).toBe(keyed.sessions);
  for (const { id } of opened) {
    const { turns } = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
    expect(turns.length, what).toBe(keyed.replies);
  }
  if (keyed.replies === 0) return;
  const replies = keyed.replies * answers.length;
  const usage = () => caller.get<UsageReport>("/v1/usage");
  const { data } = await eventually(usage, ({ data }) => (data[0]?.replies ?? 0) >= replies);
  expect(
    data.map(({ replies }) => replies),
    what,
  ).toEqual([replies]);
  if (answers[0]?.rosa2 === undefined) return;
  const nanos = (usd: number) => Math.round(1e9 * usd);
  const spentNanos = answers.reduce((sum, { rosa2 }) => sum + nanos(rosa2?.cost.usd ?? 0), 0);
  expect(
    data.map(({ cost }) => nanos(cost.usd)),
    what,
  ).toEqual([spentNanos]);
  // Money that a dead call set aside is free after a minute. Here that minute is over at once.
  await runInDurableObject(purseOf(caller) as never, (_, { storage }) => {
    storage.sql.exec("UPDATE holds SET at = 0");
  });
  const { spent_usd, reserved_usd } = await caller.get<BudgetBody>("/v1/budget");
  expect([nanos(spent_usd), reserved_usd], what).toEqual([spentNanos, 0]);
}

describe.each(Object.entries<Keyed>(calls))("%s with an Idempotency-Key", (_, keyed) => {
  it.concurrent.each(keyed.victims)(
    "counts once, where %s ends before or after any step",
    async (victim) => {
      const { taken } = await call(keyed, () => false, "before", victim);
      expect(new Set(taken.map(({ name }) => name))).toEqual(new Set(keyed.steps));
      const own = taken.filter(({ name }) => victim !== "the call" || keyed.own.includes(name));
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
          // On a busy machine a step may fail by itself; then it does not count as taken.
          let place: string | null = null;
          for (let tries = 0; place === null && tries < 3; tries++) {
            place = (await call(keyed, isIt, when, victim)).ended;
          }
          if (place !== null) ended.push(place);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, work));
      for (const place of wanted) expect(ended).toContain(place);
    },
  );
});
