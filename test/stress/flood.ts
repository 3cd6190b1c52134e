/**
 * One tenant sends all it can: chats, feedback and updates. Another asks one thing after the other. Measured is how
 * much longer the second one waits than when it is alone.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { randomInt, seededRandom } from "@rosa2/shared/random";
import type { SessionDetail, TurnBody } from "../../edge/src/contract/index.ts";
import { drawRequest } from "../e2e/support/requests.ts";
import { percentile } from "../support/percentile.ts";
import type { World } from "./world.ts";

/** The light tenant's calls; each kind is measured by itself. */
export const kinds = ["chat", "turn", "feedback"] as const;
export type Kind = (typeof kinds)[number];
export type Waits = Record<Kind, number[]>;

export interface FloodOptions {
  /** Calls of each kind, alone and again in the flood. */
  calls: number;
  /** Callers of the heavy tenant, of chats and of feedback with updates. */
  chatting: number;
  teaching: number;
  say(line: string): void;
}

export interface Flood {
  quiet: Waits;
  flooded: Waits;
  /** Number of the heavy tenant's answers, by status. */
  heavy: Map<number, number>;
}

const pauseMs = 50;
/** Of the bundled models. */
const endToken = 4;

/** The world needs two tenants. */
export async function flood(world: World, options: FloodOptions): Promise<Flood> {
  const { calls, say } = options;
  const [light, heavy] = world.tenants.map(({ key }) => key);
  if (light === undefined || heavy === undefined) throw new Error("A flood needs two tenants");
  // The first calls load what later ones find loaded.
  await ask(world, light, 3);
  say("quiet");
  const quiet = await ask(world, light, calls);
  say("flooded");
  const answers = new Map<number, number>();
  let isOver = false;
  const flooding = Promise.all([
    ...Array.from({ length: options.chatting }, () => chat(world, heavy, () => isOver, answers)),
    ...Array.from({ length: options.teaching }, (_, i) =>
      teach(world, heavy, i, () => isOver, answers),
    ),
  ]);
  await sleep(1_000);
  const flooded = await ask(world, light, calls).finally(() => {
    isOver = true;
  });
  await flooding;
  return { quiet, flooded, heavy: answers };
}

/** How many times longer the slowest hundredth takes in the flood. */
export function ratioOf({ quiet, flooded }: Flood, kind: Kind, share: number): number {
  return percentile(flooded[kind], share) / percentile(quiet[kind], share);
}

export function floodText(result: Flood): string {
  const line = (kind: Kind) => {
    const each = (waits: Waits) =>
      `${percentile(waits[kind], 0.5).toFixed(0)} / ${percentile(waits[kind], 0.99).toFixed(0)} ms`;
    return `${kind.padEnd(8)} quiet ${each(result.quiet)}, flooded ${each(result.flooded)}, p99 × ${ratioOf(result, kind, 0.99).toFixed(2)}`;
  };
  const heavy = [...result.heavy].map(([status, count]) => `${count} × ${status}`).join(", ");
  return [`p50 / p99 of the light tenant`, ...kinds.map(line), `the heavy tenant: ${heavy}`].join(
    "\n",
  );
}

/** The light tenant: calls of each kind, one after the other. A failure is thrown. */
async function ask(world: World, key: string, calls: number): Promise<Waits> {
  const waits: Waits = { chat: [], turn: [], feedback: [] };
  const timed = async <T>(kind: Kind, path: string, body: object): Promise<T> => {
    const startedAt = performance.now();
    const response = await post(world, key, path, body);
    const text = await response.text();
    if (!response.ok) throw new Error(`The light tenant's ${kind}: ${response.status} ${text}`);
    waits[kind].push(performance.now() - startedAt);
    await sleep(pauseMs);
    return JSON.parse(text) as T;
  };
  for (let n = 0; n < calls; n++) {
    const { content, answers } = drawRequest(n);
    await timed("chat", "/v1/chat/completions", chatBody(content));
    const { id } = (await (await post(world, key, "/v1/sessions", {})).json()) as SessionDetail;
    const turn = await timed<TurnBody>("turn", `/v1/sessions/${id}/turns`, { content });
    const correction = answers.find((answer) => answer !== turn.reply) ?? "";
    const feedback = `/v1/sessions/${id}/turns/${turn.id}/feedback`;
    await timed("feedback", feedback, { reward: -1, correction, retry: true });
  }
  return waits;
}

type Answers = Map<number, number>;

async function chat(world: World, key: string, isOver: () => boolean, answers: Answers) {
  while (!isOver()) {
    // Long replies: without its end token the model does not end them.
    const long = { temperature: 2, max_tokens: 200, logit_bias: { [endToken]: -100 } };
    const body = { ...chatBody("Count them: 1 2 3"), ...long };
    await note(answers, post(world, key, "/v1/chat/completions", body));
  }
}

async function teach(
  world: World,
  key: string,
  index: number,
  isOver: () => boolean,
  answers: Answers,
) {
  const random = seededRandom(`flood ${index}`);
  while (!isOver()) {
    const { content, answers: wanted } = drawRequest(randomInt(random, 0, 1_000_000));
    const opened = await note(answers, post(world, key, "/v1/sessions", {}));
    const session = JSON.parse(opened) as SessionDetail;
    const turns = `/v1/sessions/${session.id}/turns`;
    const turn = JSON.parse(await note(answers, post(world, key, turns, { content }))) as TurnBody;
    const correction = wanted.find((answer) => answer !== turn.reply) ?? "";
    const body = { reward: -1, correction, retry: true };
    if (turn.id !== undefined) {
      await note(answers, post(world, key, `${turns}/${turn.id}/feedback`, body));
    }
  }
}

/** The heavy tenant may be refused: that too keeps it from the others' time. */
async function note(answers: Answers, answering: Promise<Response>): Promise<string> {
  const response = await answering;
  answers.set(response.status, (answers.get(response.status) ?? 0) + 1);
  if (response.status === 429) await sleep(20);
  return await response.text();
}

function chatBody(content: string): object {
  return { model: "rosa2", messages: [{ role: "user", content }] };
}

function post(world: World, key: string, path: string, body: object): Promise<Response> {
  return fetch(world.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}
