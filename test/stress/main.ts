/** `npm run stress -- kills | idle | soak | flood`: long runs on a rosa2 of real processes; short ones are tests. */
import { readFlagsOrExit, wholeNumber } from "../../shared/command/flags.ts";
import { flood, floodText, kinds, ratioOf } from "./flood.ts";
import { callWithGaps, textOf as countsText, queueVariables } from "./idle.ts";
import { runRound } from "./kills.ts";
import { KillsLog } from "./kills-log.ts";
import { soak, textOf, weightsText } from "./soak.ts";
import { World } from "./world.ts";

const usage = `npm run stress -- NAME [flags]

  kills  conversations while the edge, the GPU service, both or one of three replicas are killed with SIGKILL:
         --turns 500  until so many were held, those of the log among them
         --minutes N  at most so long; the next run goes on
         --first 1    the first seed; --log test-results/kills.log  a line a seed
  idle   calls over kept connections that stand idle for 3 to 8 seconds: --calls 50000 --connections 600
  soak   many sessions for long, and what memory grows: --minutes 60 --sessions 200;
         --pause 30   seconds between two calls of a session, on average
  flood  what one tenant waits while another sends all it can: --calls 200

Each exits with 1 where what it looks for does not hold.`;

/** Turns of one seed's conversations, and its deaths at most. */
const round = { atOnce: 10, killsMax: 6 };
/** Seeds that share a world. Every second world has three replicas. */
const seedsPerWorld = 8;
/** Of the Worker's heap and of the GPU service; what else grows is the local runtime's (edge/README.md). */
const grownMax = 0.05;
const waitsMax = 3;
/** Caches that are full before the warm-up ends, so that what grows afterwards is no cache. */
const smallCaches = { KV_BYTES: String(2 ** 26), ADAPTER_CACHE_BYTES: String(2 ** 24) };
const say = (line: string) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);

const [word = ""] = process.argv.slice(2);
const name = word.startsWith("-") ? "" : word;
const values = readFlagsOrExit(
  usage,
  {
    turns: { type: "string", default: "500" },
    minutes: { type: "string" },
    first: { type: "string", default: "1" },
    log: { type: "string", default: "test-results/kills.log" },
    calls: { type: "string" },
    connections: { type: "string", default: "600" },
    sessions: { type: "string", default: "200" },
    pause: { type: "string", default: "30" },
  },
  process.argv.slice(name === "" ? 2 : 3),
);
const commands: Record<string, () => Promise<boolean>> = {
  kills,
  idle,
  soak: soakLong,
  flood: floodLong,
};
const command = commands[name];
if (command === undefined) {
  console.error(usage);
  process.exitCode = 1;
} else process.exitCode = (await command()) ? 0 : 1;

async function kills(): Promise<boolean> {
  const turnsMax = wholeNumber("--turns", values.turns);
  const first = wholeNumber("--first", values.first);
  const until = Date.now() + 60_000 * wholeNumber("--minutes", values.minutes ?? "100000");
  const log = new KillsLog(values.log);
  let world: World | null = null;
  try {
    while (log.turns < turnsMax && Date.now() < until) {
      const seed = log.nextSeed(first);
      const replicas = Math.floor((seed - 1) / seedsPerWorld) % 2 === 0 ? 1 : 3;
      if (world !== null && (seed - 1) % seedsPerWorld === 0) {
        await world.stop();
        world = null;
      }
      world ??= await World.start({ tenantCount: round.atOnce + 1, replicas });
      const result = await runRound(world, seed, round);
      log.add(seed, result);
      say(
        `seed ${seed}: ${result.turns} turns, ${result.kills} kills, ${result.failure === null ? "holds" : "failed"}; ${log.summary()}`,
      );
      if (result.failure === null) continue;
      console.log(result.story.join("\n"));
      console.log(result.failure);
      console.log(world.logs);
      // What one seed left behind must not fail the next.
      await world.stop();
      world = null;
    }
  } finally {
    await world?.stop();
  }
  console.log(log.summary());
  return log.failedCount === 0;
}

async function idle(): Promise<boolean> {
  const calls = wholeNumber("--calls", values.calls ?? "50000");
  const connections = wholeNumber("--connections", values.connections);
  const world = await World.start({ tenantCount: 4, variables: queueVariables });
  try {
    const gapMs = { least: 3_000, most: 8_000 };
    const { gpu, edge } = await callWithGaps(world, { calls, connections, gapMs, say });
    console.log(`${countsText("gpu", gpu)}\n${countsText("edge", edge)}`);
    return [gpu, edge].every(({ unavailable, others }) => unavailable === 0 && others.size === 0);
  } finally {
    await world.stop();
  }
}

async function soakLong(): Promise<boolean> {
  const minutes = wholeNumber("--minutes", values.minutes ?? "60");
  const sessions = wholeNumber("--sessions", values.sessions);
  const pauseMs = 1000 * wholeNumber("--pause", values.pause);
  const world = await World.start({ tenantCount: 8, variables: smallCaches });
  try {
    const options = { minutes, sessions, pauseMs, sampleMs: 5_000, say };
    const { calls, unexplained, growth, before, after } = await soak(world, options);
    const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
    console.log(
      `${calls} calls of ${sessions} sessions in ${minutes} minutes; unexplained: ${textOf(unexplained)}`,
    );
    console.log(`after the warm-up: ${weightsText(before)}`);
    console.log(`at the end:        ${weightsText(after)}`);
    console.log(
      `grown: the Worker's heap ${percent(growth.heap)}, the runtime ${percent(growth.runtime)}, its starter ${percent(growth.starter)}, GPU service ${percent(growth.gpu)}`,
    );
    return unexplained.size === 0 && growth.heap <= grownMax && growth.gpu <= grownMax;
  } finally {
    await world.stop();
  }
}

async function floodLong(): Promise<boolean> {
  const calls = wholeNumber("--calls", values.calls ?? "200");
  // One thread: on few cores two of them would wait for each other wherever the edge needs one.
  const world = await World.start({ tenantCount: 2, variables: { THREADS: "1" } });
  try {
    if (!world.separate()) say("the GPU service shares its cores with the edge and the callers");
    const result = await flood(world, { calls, chatting: 16, teaching: 8, say });
    console.log(floodText(result));
    return kinds.every((kind) => ratioOf(result, kind, 0.99) <= waitsMax);
  } finally {
    await world.stop();
  }
}
