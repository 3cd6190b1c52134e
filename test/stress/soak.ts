/**
 * Many sessions for a long time: turns, streams, feedback and updates, callers that leave or read slowly, sessions that
 * are erased and opened again. Meanwhile the memory of the processes is measured. Growth after the warm-up is a leak.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { pick, type Random, randomInt, seededRandom } from "@rosa2/shared/random";
import type { SessionDetail, TurnBody } from "../../edge/src/contract/index.ts";
import { drawRequest } from "../e2e/support/requests.ts";
import { median } from "../eval/statistics.ts";
import type { Weights, World } from "./world.ts";

export interface SoakOptions {
  minutes: number;
  sessions: number;
  /** Milliseconds between two calls of a session, on average. */
  pauseMs: number;
  sampleMs: number;
  say(line: string): void;
}

export interface Soak {
  calls: number;
  /** Answers that nothing explains, by their message. */
  unexplained: Map<string, number>;
  /** Share by which each part grew, from right after the warm-up to the end. */
  growth: Weights;
  /** Bytes right after the warm-up, and at the end. */
  before: Weights;
  after: Weights;
}

/** This share of the time is the warm-up; both measurements take as long. */
const windowShare = 0.2;
/** A session is erased and another opened after about this many calls. */
const callsPerSession = 20;
const slowReadMs = 400;

export async function soak(world: World, options: SoakOptions): Promise<Soak> {
  const { minutes, sessions, sampleMs, say } = options;
  const unexplained = new Map<string, number>();
  const users = Array.from(
    { length: sessions },
    (_, i) => new User(world, i, options.pauseMs, unexplained),
  );
  const until = performance.now() + 60_000 * minutes;
  const living = users.map((user) => user.live(until));
  const samples: Weights[] = [];
  const callCount = () => users.reduce((total, user) => total + user.callCount, 0);
  let saidAt = 0;
  while (performance.now() < until) {
    await sleep(sampleMs);
    samples.push(await world.weigh());
    if (performance.now() - saidAt < 60_000) continue;
    saidAt = performance.now();
    const left = (until - performance.now()) / 60_000;
    say(
      `${left.toFixed(1)} minutes left: ${weightsText(samples.at(-1)!)}, ${callCount()} calls, unexplained: ${textOf(unexplained)}`,
    );
  }
  await Promise.all(living);
  const window = Math.max(1, Math.floor(windowShare * samples.length));
  const before = typical(samples.slice(window, 2 * window));
  const after = typical(samples.slice(-window));
  const growth = mapWeights((part) => after[part] / before[part] - 1);
  return { calls: callCount(), unexplained, growth, before, after };
}

export function textOf(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([what, count]) => `${count} × ${what}`).join(", ") || "none";
}

export function weightsText(weights: Weights): string {
  const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
  return `the Worker's heap ${megabytes(weights.heap)} MB, the runtime ${megabytes(weights.runtime)} MB, its starter ${megabytes(weights.starter)} MB, GPU service ${megabytes(weights.gpu)} MB`;
}

/** Medians; of the heap that of the least in each dozen, which is about what a garbage collection left. */
function typical(samples: readonly Weights[]): Weights {
  return mapWeights((part) => {
    const values = samples.map((one) => one[part]);
    const dozens = Map.groupBy(values.keys(), (at) => Math.floor(at / 12)).values();
    const least = Array.from(dozens, (dozen) => Math.min(...dozen.map((at) => values[at]!)));
    return median(part === "heap" ? least : values) ?? 0;
  });
}

function mapWeights(of: (part: keyof Weights) => number): Weights {
  return { heap: of("heap"), runtime: of("runtime"), starter: of("starter"), gpu: of("gpu") };
}

type Act = "ask" | "stream" | "leave" | "slow" | "remark" | "correct" | "read" | "chat";
const acts: readonly Act[] = [
  ...(["ask", "ask", "stream", "stream", "leave", "slow"] as const),
  ...(["remark", "correct", "read", "chat"] as const),
];

/** A user with one session at a time, who does one thing after the other. */
class User {
  callCount = 0;
  readonly #world: World;
  readonly #key: string;
  readonly #random: Random;
  readonly #pauseMs: number;
  readonly #unexplained: Map<string, number>;
  #session: string | null = null;
  #answered: TurnBody | null = null;

  constructor(world: World, index: number, pauseMs: number, unexplained: Map<string, number>) {
    this.#world = world;
    this.#key = world.tenants[index % world.tenants.length]?.key ?? "";
    this.#random = seededRandom(`soak ${index}`);
    this.#pauseMs = pauseMs;
    this.#unexplained = unexplained;
  }

  async live(until: number): Promise<void> {
    for (;;) {
      await sleep(randomInt(this.#random, 0, 2 * this.#pauseMs));
      if (performance.now() > until) return;
      try {
        await this.#act();
      } catch (error) {
        const { message } = error as Error;
        this.#unexplained.set(message, (this.#unexplained.get(message) ?? 0) + 1);
      }
    }
  }

  async #act(): Promise<void> {
    const random = this.#random;
    if (this.#session === null) {
      this.#session = ((await this.#json("/v1/sessions", {})) as SessionDetail).id;
      return;
    }
    const path = `/v1/sessions/${this.#session}`;
    if (random() < 1 / callsPerSession) {
      this.#session = null;
      this.#answered = null;
      await (await this.#call(path, undefined, { method: "DELETE" })).text();
      return;
    }
    const { content, answers } = drawRequest(randomInt(random, 0, 1_000_000));
    const act = pick(random, acts);
    const answered = this.#answered;
    switch (act) {
      case "ask":
        this.#answered = (await this.#json(`${path}/turns`, { content })) as TurnBody;
        return;
      case "stream":
      case "slow":
      case "leave":
        await this.#read(`${path}/turns`, content, act);
        return;
      case "remark":
        if (answered === null) return;
        await this.#json(`${path}/turns/${answered.id}/feedback`, {
          reward: -1,
          text: "largest first",
        });
        return;
      case "correct": {
        if (answered === null) return;
        const correction = answers.find((answer) => answer !== answered.reply) ?? "";
        const body = { reward: -1, correction, retry: random() < 0.5 };
        await this.#json(`${path}/turns/${answered.id}/feedback`, body);
        return;
      }
      case "read":
        await this.#json(path);
        return;
      case "chat":
        await this.#json("/v1/chat/completions", {
          model: "rosa2",
          messages: [{ role: "user", content }],
        });
    }
  }

  /** Reads a stream slowly to its end, or leaves it after its first bytes. */
  async #read(path: string, content: string, how: "stream" | "slow" | "leave"): Promise<void> {
    const leaving = new AbortController();
    const body = { content, stream: true };
    const response = await this.#call(path, body, { signal: leaving.signal });
    const reader = response.body?.getReader();
    for (;;) {
      const { done } = (await reader?.read()) ?? { done: true };
      if (done) return;
      if (how === "leave") return leaving.abort();
      if (how === "slow") await sleep(slowReadMs);
    }
  }

  async #json(path: string, body?: object): Promise<unknown> {
    return await (await this.#call(path, body)).json();
  }

  /** A turn whose caller left may still run. Then the session answers 409, and the call is repeated. */
  async #call(path: string, body?: object, init: RequestInit = {}): Promise<Response> {
    this.callCount++;
    for (;;) {
      const response = await fetch(this.#world.url + path, {
        method: body === undefined ? "GET" : "POST",
        headers: { authorization: `Bearer ${this.#key}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...init,
      });
      if (response.ok) return response;
      const text = await response.text();
      const pauseS = Number(response.headers.get("retry-after") ?? Number.NaN);
      if (response.status !== 409 || Number.isNaN(pauseS)) {
        // Without ids, so that equal failures count as equal.
        throw new Error(
          `${response.status} ${text.replace(/"request_id":"[^"]*"/, "").slice(0, 200)}`,
        );
      }
      await sleep(1_000 * pauseS);
    }
  }
}
