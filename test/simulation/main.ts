/**
 * `npm run simulate`: many seeded schedules. So many at a time run in one process of their own, because a runtime that
 * has lived through thousands of crashes is not what is tested.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFlagsOrExit } from "../../edge/local/flags.ts";

const usage = `npm run simulate [-- --schedules N]

Runs many seeded schedules in which objects end at random steps. At the end stand the seeds that failed;
SIMULATION_SEEDS=<seed> replays one.

  --schedules N   how many (300)
  --first N       the first seed (1)
  --at-once N     schedules of one process (50)
  --help          this text`;

const values = readFlagsOrExit(usage, {
  schedules: { type: "string", default: "300" },
  first: { type: "string", default: "1" },
  "at-once": { type: "string", default: "50" },
});
const count = wholeNumber("schedules", values.schedules);
const first = wholeNumber("first", values.first);
const atOnce = wholeNumber("at-once", values["at-once"]);

const failed: number[] = [];
let passed = 0;
const startedAt = Date.now();
for (let from = first; from < first + count; from += atOnce) {
  const to = Math.min(from + atOnce, first + count) - 1;
  const output = await run(`${from}-${to}`);
  const done = [...output.matchAll(/^seed (\d+): .*$/gm)].map(([, seed]) => Number(seed));
  passed += done.length;
  for (let seed = from; seed <= to; seed++) {
    if (done.includes(seed)) continue;
    failed.push(seed);
    console.log(storyOf(output, seed));
  }
  const minutes = ((Date.now() - startedAt) / 60_000).toFixed(1);
  console.log(
    `${to - first + 1} of ${count} schedules, ${failed.length} failed, ${minutes} minutes`,
  );
}
console.log(failed.length === 0 ? `all ${passed} hold` : `failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;

async function run(seeds: string): Promise<string> {
  const child = spawn(
    process.execPath,
    ["node_modules/vitest/vitest.mjs", "run", "test/simulation/schedules.test.ts", "--no-color"],
    {
      env: { ...process.env, SIMULATION_SEEDS: seeds },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  await once(child, "close");
  return output;
}

/** What a failed schedule did, as its test tells it, or the end of what was printed. */
function storyOf(output: string, seed: number): string {
  const at = output.indexOf(`SIMULATION_SEEDS=${seed} replays`);
  return at < 0 ? `seed ${seed} failed:\n${output.slice(-2_000)}` : output.slice(at, at + 2_000);
}

function wholeNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  console.error(`--${name} must be a whole number from 1 on, not "${text}"`);
  return process.exit(1);
}
