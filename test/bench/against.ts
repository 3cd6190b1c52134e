/**
 * `npm run bench:against -- DIR`: measures the engine of this checkout and that of another one in turn, in one run.
 *
 * Shared machines change their speed within minutes, so only the ratio of one round's two sides counts. Each side is
 * started by its own checkout's code, on the same checkpoints.
 */
import { existsSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { oneOf, wholeNumber } from "../../shared/command/flags.ts";
import type { EngineMethods } from "./contenders/engine.ts";
import type { Context } from "./figure.ts";
import type { Contender, RepliesResult } from "./support/contender.ts";
import {
  type ModelName,
  modelNames,
  type Precision,
  precisions,
  type startEngine,
} from "./support/models.ts";
import { medianOf } from "./support/statistics.ts";

const whats = ["decode", "prefill", "batch", "update", "gap"] as const;
type What = (typeof whats)[number];
type Engine = Contender<EngineMethods>;

const usage = `npm run bench:against -- DIR [--model mini|05b] [--precision f32|q8|q4] [--what ${whats.join(",")}] [--rounds N]

Measures this checkout's engine against that of another checkout of this project (with its node_modules), in turns.
Above 1 this one is faster; quartiles of the rounds stand behind the median.

  --model      mini (default) or 05b
  --precision  f32 (default), q8 or q4; update and gap need f32
  --what       ${whats.join(",")} (all where f32)
  --rounds     20 by default`;

await main().catch((error: Error) => {
  console.error(error.message);
  // The other checkout's process, if it runs, would keep this one alive.
  process.exit(1);
});

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      model: { type: "string", default: "mini" },
      precision: { type: "string", default: "f32" },
      what: { type: "string" },
      rounds: { type: "string", default: "20" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const [directory] = positionals;
  if (directory === undefined || !existsSync(join(directory, "test/bench/support/models.ts"))) {
    throw new Error(`${directory ?? "DIR"} is no checkout of this project. See --help`);
  }
  const model = oneOf("--model", values.model, modelNames);
  const precision = oneOf("--precision", values.precision, Object.keys(precisions) as Precision[]);
  const learns: readonly What[] = ["update", "gap"];
  const wanted =
    values.what?.split(",").map((what) => oneOf("--what", what, whats)) ??
    whats.filter((what) => precision === "f32" || !learns.includes(what));
  const rounds = wholeNumber("--rounds", values.rounds);
  const mine = join(import.meta.dirname, "../..");
  const sessions = wanted.includes("batch") ? 16 : 1;
  const [theirs, own] = await Promise.all([
    start(resolve(directory), model, precision, sessions),
    start(mine, model, precision, sessions),
  ]);
  console.log(`${cpus()[0]?.model.trim()}, ${model} ${precision}, ${rounds} rounds`);
  try {
    for (const what of wanted) console.log(await compare(what, model, own, theirs, rounds));
  } finally {
    await Promise.all([own.stop(), theirs.stop()]);
  }
}

/**
 * Starts the engine with the code of that checkout. Each side has its own folder for converted weights, because
 * versions convert differently.
 */
async function start(
  root: string,
  model: ModelName,
  precision: Precision,
  sessions: number,
): Promise<Engine> {
  const path = pathToFileURL(join(root, "test/bench/support/models.ts")).href;
  const support = (await import(path)) as { startEngine: typeof startEngine };
  const context: Context = {
    cache: join(root, ".cache"),
    threads: availableParallelism(),
    isQuick: false,
    say: (text) => process.stderr.write(`${text}\n`),
  };
  return await support.startEngine(model, precision, context, { sessions });
}

/** One figure of each side in each round; larger is better. The sides alternate in going first. */
async function compare(
  what: What,
  model: ModelName,
  own: Engine,
  theirs: Engine,
  rounds: number,
): Promise<string> {
  const { contextLength } = await own.call("shape", undefined);
  const replies = (
    request: { promptTokens: number; replyTokens: number; sessions: number },
    of: (result: RepliesResult) => number,
  ) => {
    const isAdapted = request.sessions > 1;
    return async (engine: Engine, seed: string) =>
      of(await engine.call("replies", { ...request, isAdapted, seed }));
  };
  const few = model === "05b";
  const measures: Record<What, (engine: Engine, seed: string) => Promise<number>> = {
    decode: replies(
      { promptTokens: 128, replyTokens: few ? 32 : 128, sessions: 1 },
      ({ decodeRate }) => decodeRate,
    ),
    prefill: replies(
      { promptTokens: Math.min(512, contextLength - 2), replyTokens: 2, sessions: 1 },
      ({ prefillRate }) => prefillRate,
    ),
    batch: replies(
      { promptTokens: 128, replyTokens: few ? 16 : 64, sessions: 16 },
      ({ decodeRate }) => decodeRate,
    ),
    update: async (engine) => {
      const size = { rows: 6, promptTokens: 96, replyTokens: 32 };
      return 1000 / (await engine.call("update", { ...size, iterations: 1, anchors: false }));
    },
    gap: async (engine, seed) => {
      const size = { promptTokens: 32, replyTokens: few ? 60 : 400 };
      return 1000 / (await engine.call("p99Gap", { seed, ...size, updates: true }));
    },
  };
  const sides = { own: [] as number[], theirs: [] as number[] };
  // The first round only warms up.
  for (let round = -1; round < rounds; round++) {
    const turns = [
      ["own", own],
      ["theirs", theirs],
    ] as const;
    for (const [side, engine] of round % 2 === 0 ? turns : turns.toReversed()) {
      const value = await measures[what](engine, `${what} ${round}`);
      if (round >= 0) sides[side].push(value);
    }
  }
  const ratios = sides.own.map((value, round) => value / sides.theirs[round]!);
  const sorted = ratios.toSorted((a, b) => a - b);
  const quartile = (share: number) => sorted[Math.floor(share * (rounds - 1))]!.toFixed(2);
  return `${what.padEnd(8)} ${medianOf(ratios).toFixed(2)} × [${quartile(0.25)} ${quartile(0.75)}], ${medianOf(sides.own).toPrecision(4)} against ${medianOf(sides.theirs).toPrecision(4)} a second`;
}
