/**
 * Seeded schedules: people ask, judge, roll back and repeat themselves while the GPU service fails and the session's
 * object ends at random steps. At rest every request has happened exactly once.
 *
 * A seed decides the requests, the failures and the step at which the object ends. Timers are real, so the order of
 * things that happen at the same time can differ. `SIMULATION_SEEDS=17` replays a seed, `SIMULATION_SEEDS=100-200` a
 * range.
 */
import { pick, type Random, randomInt, seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import type { SessionDetail } from "../../edge/src/contract/index.ts";
import { bindings, type Caller, newTenant, openSession } from "../edge/support/client.ts";
import type { Behaviour } from "../support/fake-gpu-calls.ts";
import { expectSound } from "./support/check.ts";
import {
  crash,
  crashAccount,
  lookAgain,
  type Steps,
  untilIdle,
  watchSteps,
} from "./support/steps.ts";

/** Without seeds that are named; `.ci/run` names 300. */
const scheduleCount = 60;
const rounds = 6;
/** After this the object is left alone, so that every caller gets an answer in the end. */
const endsMax = 20;
const watch = watchSteps();

function seeds(): number[] {
  const given = String(bindings.SIMULATION_SEEDS ?? "");
  const [first = 1, last = given === "" ? scheduleCount : first] = given
    .split("-")
    .filter((part) => part !== "")
    .map(Number);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** The requests that were made, to be compared with what the session holds. */
interface Wanted {
  contents: string[];
  feedback: { turn: string; body: object }[];
}

const troubles: Behaviour[] = [
  {},
  {},
  { down: ["/v1/score"] },
  { down: ["/v1/adapt"] },
  { down: ["/v1/generate"] },
  { breakAfter: 1 },
  { adapt: "rejected" },
];

class Schedule {
  readonly wanted: Wanted = { contents: [], feedback: [] };
  readonly story: string[] = [];
  readonly #caller: Caller;
  readonly #session: string;
  readonly #steps: Steps;
  readonly #random: Random;
  #isOver = false;

  constructor(caller: Caller, session: string, random: Random) {
    this.#caller = caller;
    this.#session = session;
    this.#steps = watch.of(caller.tenantId, session);
    this.#random = random;
  }

  async run(): Promise<void> {
    const ending = this.#endNowAndThen();
    for (let round = 0; round < rounds; round++) {
      const trouble = pick(this.#random, troubles);
      await this.#caller.behave({ salted: true, deltaMs: 3, ...trouble });
      this.story.push(`round ${round}: ${JSON.stringify(trouble)}`);
      const count = randomInt(this.#random, 1, 4);
      const calls = [];
      for (let i = 0; i < count; i++) calls.push(await this.#draw(round, i));
      const first = calls.map((call) => call(2));
      await Promise.all(first);
      await this.#caller.behave({ salted: true, deltaMs: 3 });
      // The service is back: callers without an answer ask again, with the same key.
      await Promise.all(calls.map((call) => call(100)));
    }
    this.#isOver = true;
    await ending;
    const isHeld = this.#steps.held !== null;
    this.#steps.open();
    if (isHeld) await crash(this.#session);
    watch.leave(this.#steps);
  }

  /** One request of a user, as a call that can be repeated. */
  async #draw(round: number, i: number): Promise<(tries: number) => Promise<void>> {
    const random = this.#random;
    const path = `/v1/sessions/${this.#session}`;
    const key = `${round}-${i}`;
    const { turns } = await this.#read();
    const judged = turns.filter(({ reply }) => reply !== "");
    const kind = judged.length === 0 ? 0 : randomInt(random, 0, 10);
    if (kind < 4) {
      const content = `Sort list ${key}: 3, 1, 2`;
      this.wanted.contents.push(content);
      return this.#call(`${path}/turns`, { content, stream: random() < 0.5 }, key);
    }
    if (kind < 8) {
      const turn = pick(random, judged).id;
      const body = {
        reward: -1,
        text: `largest first, ${key}`,
        ...(random() < 0.7 ? { correction: `3, 2, 1 (${key})` } : {}),
        retry: random() < 0.6,
        wait: random() < 0.5,
      };
      this.wanted.feedback.push({ turn, body });
      return this.#call(`${path}/turns/${turn}/feedback`, body, key);
    }
    if (kind === 8) {
      const { data } = await this.#caller.get<{ data: { id: string }[] }>(`${path}/generations`);
      const generation = pick(random, ["base", ...data.map(({ id }) => id)]);
      return this.#call(`${path}/generations/${generation}/activate`, {}, key);
    }
    return this.#call(`${path}/words/undo`, {}, key);
  }

  /** Calls until there is a final answer; a later call asks for the same once more. */
  #call(path: string, body: object, key: string): (tries: number) => Promise<void> {
    return async (tries) => {
      let outcome = "";
      for (let attempt = 0; attempt < tries; attempt++) {
        outcome = await this.#caller
          .post(path, body, { "idempotency-key": key })
          .then(async (response) => {
            const text = await response.text();
            return text.includes("event: error") ? "error in the stream" : String(response.status);
          })
          .catch((error) => String(error));
        // Nothing to undo is an answer too.
        if (outcome === "200" || (outcome === "409" && path.endsWith("/undo"))) break;
        await new Promise((resolve) => setTimeout(resolve, 60));
      }
      this.story.push(`${path.split("/").slice(4).join("/")} ${key}: ${outcome}`);
      if (tries > 2) expect(["200", "409"], this.story.join("\n")).toContain(outcome);
    };
  }

  /** Holds the object a few steps later, ends it there, and does so again. */
  async #endNowAndThen(): Promise<void> {
    const random = seededRandom(Math.floor(this.#random() * 2 ** 31));
    const steps = this.#steps;
    const arm = () => {
      const wanted = randomInt(random, 0, 14);
      steps.hold(({ index }) => index === wanted, random() < 0.5 ? "before" : "after");
    };
    arm();
    for (let ends = 0; !this.#isOver; ) {
      await lookAgain();
      if (steps.held === null) continue;
      const isAccount = random() < 0.25;
      this.story.push(`ended ${isAccount ? "the account " : ""}${steps.held}`);
      if (isAccount) {
        await crashAccount(this.#caller);
        steps.goOn();
      } else await crash(this.#session);
      if (++ends < endsMax) arm();
      else steps.open();
    }
  }

  async #read(): Promise<SessionDetail> {
    for (;;) {
      const response = await this.#caller.fetch(`/v1/sessions/${this.#session}`).catch(() => null);
      if (response?.ok) return (await response.json()) as SessionDetail;
    }
  }
}

describe("a random schedule", () => {
  it.concurrent.each(seeds())("of seed %i loses nothing and does nothing twice", async (seed) => {
    const caller = await newTenant();
    await caller.fetch("/v1/tenant/adaptation", {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ holdout_share: 0, roll_back_after: 1 }),
    });
    // Nothing listens at this address, so messages wait and can be counted.
    await caller.make("/v1/webhooks", { url: "http://127.0.0.1:1/" });
    const { id } = await openSession(caller);
    const schedule = new Schedule(caller, id, seededRandom(seed));
    try {
      await schedule.run();
      await untilIdle(id);
      const session = await expectSound(caller, id);
      const asked = session.turns.filter(({ retry_of }) => retry_of === null);
      expect(asked.map(({ content }) => content).toSorted()).toEqual(
        schedule.wanted.contents.toSorted(),
      );
      const said = session.feedback.map(({ turn_id, text }) => `${turn_id}: ${text}`);
      expect(said.toSorted()).toEqual(
        schedule.wanted.feedback
          .map(({ turn, body }) => `${turn}: ${(body as { text: string }).text}`)
          .toSorted(),
      );
      const ends = schedule.story.filter((line) => line.startsWith("ended")).length;
      console.log(
        `seed ${seed}: ${session.turns.length} turns, ${session.feedback.length} feedback, ` +
          `${session.totals.generations} generations, ` +
          `${session.feedback.filter((one) => one.rolled_back !== null).length} rolled back, ended ${ends} times`,
      );
      await caller.fetch(`/v1/sessions/${id}`, { method: "DELETE" });
      const { objects } = await bindings.ADAPTERS.list({ prefix: `adapters/${caller.tenantId}/` });
      expect(objects).toEqual([]);
    } catch (error) {
      const story = schedule.story.join("\n");
      console.log(`SIMULATION_SEEDS=${seed} replays this:\n${story}\nfailed: ${error}`);
      throw error;
    }
  });
});
