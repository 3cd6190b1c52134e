/**
 * Three hundred calls of one tenant race for its cap, while sessions' objects, the account's and the region's purse end
 * at every step. The cap is never passed, the answered calls cost what was spent, and nothing stays reserved.
 */
import { runInDurableObject } from "cloudflare:test";
import { pick, randomInt, seededRandom } from "@rosa2/shared/random";
import { expect, it } from "vitest";
import type { BudgetBody, SessionDetail, UsageReport } from "../../edge/src/contract/index.ts";
import { sessionStub } from "../../edge/src/session-address.ts";
import { accountRows } from "../edge/support/account.ts";
import { bindings, type Caller, eventually, newTenant } from "../edge/support/client.ts";
import {
  crash,
  crashAccount,
  type Steps,
  untilIdle,
  type When,
  watchSteps,
} from "./support/steps.ts";

const watch = watchSteps();
const sessionsCount = 40;
/** Each session has two turns, and every fifth gives feedback on the second; the other calls are stateless. */
const judgedOf = 5;
const callsCount = 300;
/** Room for about two thirds of the calls, each of which costs less than 3,000; an update would cost 500,000. */
const capNanos = 400_000;
/** The step at which each session's object first ends; several sessions share one. Later ends come at any step. */
const stepsMet = ["generate", "read reply", "tell account"];
const endsPerSession = 3;
/** The account and the region's purse end at most this often, at random times. A slow machine does fewer. */
const randomEndsMax = 60;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Paid {
  cost?: { usd: number };
  rosa2?: { cost: { usd: number } };
  id: string;
  weights?: { decision: string };
}

class Race {
  readonly caller: Caller;
  /** Nano-dollars of each answered call. */
  readonly answered: number[] = [];
  readonly sessions: string[] = [];
  readonly ended: string[] = [];
  updates = 0;
  refused = 0;
  /** The most that was spent and lent at any moment. */
  most = 0;
  #isOver = false;
  readonly #random = seededRandom(17);

  constructor(caller: Caller) {
    this.caller = caller;
  }

  async run(): Promise<void> {
    const troubles = [
      ...[this.#endAccount(), this.#endRegion()],
      ...[this.#breakReplies(), this.#watchMoney()],
    ];
    const chats = Array.from(
      { length: callsCount - 2 * sessionsCount - sessionsCount / judgedOf },
      () => this.#chat(),
    );
    const sessions = Array.from({ length: sessionsCount }, (_, i) => this.#converse(i));
    await Promise.all([...chats, ...sessions]);
    this.#isOver = true;
    await Promise.all(troubles);
  }

  /** Asks with one key until there is a final answer: its cost, or that the cap leaves no room. */
  async #pay(path: string, body: object): Promise<Paid | null> {
    const { caller } = this;
    const paid = await until(caller, path, body);
    if (paid === null) this.refused++;
    else this.answered.push(Math.round((paid.cost ?? paid.rosa2?.cost)!.usd * 1e9));
    return paid;
  }

  async #chat(): Promise<void> {
    const messages = [{ role: "user", content: "one two three" }];
    await this.#pay("/v1/chat/completions", { model: "fake-mini", messages, max_tokens: 8 });
  }

  async #converse(i: number): Promise<void> {
    const opened = await until(this.caller, "/v1/sessions", { adaptation: { mode: "weights" } });
    const { id } = opened as Paid;
    this.sessions.push(id);
    const steps = watch.of(id);
    const ending = this.#endSession(id, steps, i);
    // The GPU service is sent this id, so that the session's steps are recognised.
    const ask = () =>
      this.#pay(`/v1/sessions/${id}/turns`, { content: `${id} one two`, max_tokens: 8 });
    const first = await ask();
    const judge = async () => {
      if (first === null) return ask();
      const body = { reward: -1, correction: `${id} three`, wait: true };
      const result = await this.#pay(`/v1/sessions/${id}/turns/${first.id}/feedback`, body);
      if (result?.weights?.decision === "updated") this.updates++;
    };
    await Promise.all([ask(), ...(i % judgedOf === 0 ? [judge()] : [])]);
    await ending();
    steps.open();
    steps.goOn();
    watch.leave(steps);
  }

  /** Ends the session's object, or the account's, at one step after another. */
  #endSession(id: string, steps: Steps, i: number): () => Promise<void> {
    let isOver = false;
    const whom = i % 5 === 4 ? "account" : "session";
    const first = stepsMet[i % stepsMet.length];
    steps.hold(({ name }) => name === first, i % 12 < 6 ? "before" : "after");
    const arm = (index: number, when: When) => steps.hold((step) => step.index === index, when);
    const ending = (async () => {
      for (let ends = 0; !isOver; ) {
        await sleep(10);
        if (steps.held === null) continue;
        this.ended.push(`${whom} ${steps.held}`);
        if (whom === "account") {
          await crashAccount(this.caller);
          steps.goOn();
        } else await crash(id);
        if (++ends < endsPerSession)
          arm(randomInt(this.#random, 0, 12), pick(this.#random, ["before", "after"]));
        else steps.open();
      }
    })();
    return async () => {
      isOver = true;
      await ending;
    };
  }

  async #endAccount(): Promise<void> {
    for (let ends = 0; !this.#isOver && ends < randomEndsMax; ends++) {
      await sleep(pick(this.#random, [60, 120, 240]));
      await crashAccount(this.caller);
    }
  }

  async #endRegion(): Promise<void> {
    const { REGIONS } = bindings;
    const stub = REGIONS.get(REGIONS.idFromName(`${this.caller.tenantId}/here`));
    for (let ends = 0; !this.#isOver && ends < randomEndsMax; ends++) {
      await sleep(pick(this.#random, [60, 120, 240]));
      await runInDurableObject(stub as never, (_, state) => state.abort("crash")).catch(() => {});
    }
  }

  /** These calls fail after their money was set aside, so it must be given back. */
  async #breakReplies(): Promise<void> {
    for (let times = 0; !this.#isOver && times < 8; times++) {
      await sleep(60);
      await this.caller.behave(times % 2 === 0 ? { down: ["/v1/generate"] } : { breakAfter: 1 });
      await sleep(60);
      await this.caller.behave({});
    }
  }

  async #watchMoney(): Promise<void> {
    while (!this.#isOver) {
      await sleep(20);
      const { spent, leased } = await moneyOf(this.caller).catch(() => ({ spent: 0, leased: 0 }));
      this.most = Math.max(this.most, spent + leased);
    }
  }
}

async function until(caller: Caller, path: string, body: object): Promise<Paid | null> {
  const key = { "idempotency-key": crypto.randomUUID() };
  for (let attempt = 0; attempt < 500; attempt++) {
    const response = await caller.post(path, body, key).catch(() => null);
    const text = await response?.text().catch(() => null);
    if (response?.ok && typeof text === "string") return JSON.parse(text) as Paid;
    if (response?.status === 402) return null;
    await sleep(Math.min(400, 50 * (attempt + 1)));
  }
  throw new Error(`No answer to ${path}`);
}

async function moneyOf({ tenantId }: Caller): Promise<{ spent: number; leased: number }> {
  const [row] = await accountRows<{ spent: number; leased: number }>(
    tenantId,
    `SELECT (SELECT coalesce(sum(spent_nanos), 0) FROM spend) AS spent,
            (SELECT coalesce(sum(granted_nanos - settled_nanos), 0) FROM leases) AS leased`,
  );
  return row ?? { spent: 0, leased: 0 };
}

function heldIn(stub: DurableObjectStub): Promise<number> {
  return runInDurableObject(stub, (_, { storage }) =>
    Number(storage.sql.exec("SELECT count(*) AS n FROM holds").one().n),
  );
}

it("holds a cap exactly against three hundred racing calls while objects end at every step", async () => {
  const caller = await newTenant();
  await caller.fetch("/v1/budget", {
    method: "PUT",
    body: JSON.stringify({ cap_usd: capNanos / 1e9 }),
    headers: { "content-type": "application/json" },
  });
  const race = new Race(caller);
  await race.run();
  const { answered, refused, updates, sessions, ended, most } = race;
  console.info(
    `${answered.length} answered, ${refused} refused, ${updates} updates; ended ${ended.length} times at steps; at most ${most} of ${capNanos} spent or lent`,
  );
  expect(answered.length + refused).toBe(callsCount);
  expect(Math.min(answered.length, refused)).toBeGreaterThan(0);
  for (const name of stepsMet) {
    for (const when of ["before", "after"]) expect(ended).toContain(`session ${when} ${name}`);
  }
  expect(ended.some((one) => one.startsWith("account "))).toBe(true);

  // Nothing stays reserved once its holders rest.
  for (let i = 0; i < sessions.length; i += 10) {
    await Promise.all(sessions.slice(i, i + 10).map((id) => untilIdle(id)));
  }
  await eventually(
    () => moneyOf(caller),
    ({ leased }) => leased === 0,
  );
  for (const id of sessions) expect(await heldIn(sessionStub(bindings, id))).toBe(0);
  const { REGIONS } = bindings;
  const region = REGIONS.get(REGIONS.idFromName(`${caller.tenantId}/here`));
  expect(await heldIn(region as never)).toBe(0);

  // The answered calls cost what was spent, to the nano-dollar, and the sum was within the cap at every moment.
  const cost = answered.reduce((sum, nanos) => sum + nanos, 0);
  const { spent } = await moneyOf(caller);
  expect(spent).toBe(cost);
  expect(most).toBeLessThanOrEqual(capNanos);
  expect(spent).toBeLessThanOrEqual(capNanos);
  const { data } = await caller.get<UsageReport>("/v1/usage");
  expect(data.map((row) => Math.round(row.cost.usd * 1e9))).toEqual([cost]);
  expect(await caller.get<BudgetBody>("/v1/budget")).toMatchObject({ reserved_usd: 0 });
  let inSessions = 0;
  for (const id of sessions) {
    const { totals } = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
    inSessions += Math.round(totals.cost.usd * 1e9);
  }
  const bySession = await caller.get<UsageReport>("/v1/usage?group_by=session&limit=1000");
  const told = bySession.data.filter(({ group }) => group !== null);
  expect(told.reduce((sum, row) => sum + Math.round(row.cost.usd * 1e9), 0)).toBe(inSessions);
  // No session was opened twice, however often the call was repeated.
  const [{ n } = { n: 0 }] = await accountRows<{ n: number }>(
    caller.tenantId,
    "SELECT count(*) AS n FROM session_index",
  );
  expect(n).toBe(sessionsCount);
});
