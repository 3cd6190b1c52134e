/**
 * `npm run simulate`: many seeded schedules. One process runs a limited number of them, because a runtime that has
 * lived through thousands of crashes is not what is tested. Finished schedules are logged, so that a stopped run can
 * continue.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { orExit, readFlagsOrExit, wholeNumber } from "../../shared/command/flags.ts";

const usage = `npm run simulate [-- --schedules N]

Runs many seeded schedules in which objects end at random steps. At the end stand the seeds that failed;
SIMULATION_SEEDS=<seed> replays one.

  --schedules N   how many (300)
  --first N       the first seed (1)
  --at-once N     schedules of one process (50)
  --side-by-side N  schedules at a time in a process (5)
  --processes N   processes at a time (1)
  --log FILE      where stands what has run: those seeds are not run again
  --help          this text`;

const values = readFlagsOrExit(usage, {
  schedules: { type: "string", default: "300" },
  first: { type: "string", default: "1" },
  "at-once": { type: "string", default: "50" },
  "side-by-side": { type: "string", default: "5" },
  processes: { type: "string", default: "1" },
  log: { type: "string" },
});
const [count, first, atOnce, sideBySide, processCount] = orExit(
  () =>
    [
      wholeNumber("--schedules", values.schedules),
      wholeNumber("--first", values.first),
      wholeNumber("--at-once", values["at-once"]),
      wholeNumber("--side-by-side", values["side-by-side"]),
      wholeNumber("--processes", values.processes),
    ] as const,
);

/** Outcomes by seed, including those of earlier runs. */
const outcomes = readLog();
const startedAt = Date.now();
const left = groupsLeft();
await Promise.all(Array.from({ length: processCount }, work));
const failed = [...outcomes].filter(([, holds]) => !holds).map(([seed]) => seed);
console.log(failed.length === 0 ? `all ${outcomes.size} hold` : `failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;

async function work(): Promise<void> {
  for (let group = left.shift(); group !== undefined; group = left.shift()) {
    const output = await run(`${group.from}-${group.to}`);
    for (let seed = group.from; seed <= group.to; seed++) {
      if (outcomes.has(seed)) continue;
      note(seed, false);
      console.log(storyOf(output, seed));
    }
    const failures = [...outcomes.values()].filter((holds) => !holds).length;
    const minutes = ((Date.now() - startedAt) / 60_000).toFixed(1);
    console.log(`${outcomes.size} of ${count} schedules, ${failures} failed, ${minutes} minutes`);
  }
}

/** Groups of seeds without an outcome; the seeds of a group run side by side. */
function groupsLeft(): { from: number; to: number }[] {
  const groups = [];
  for (let from = first; from < first + count; ) {
    if (outcomes.has(from)) from++;
    else {
      let to = from;
      const end = Math.min(from + atOnce, first + count) - 1;
      while (to < end && !outcomes.has(to + 1)) to++;
      groups.push({ from, to });
      from = to + 1;
    }
  }
  return groups;
}

function readLog(): Map<number, boolean> {
  const known = new Map<number, boolean>();
  if (values.log === undefined || !existsSync(values.log)) return known;
  for (const [, seed, outcome] of readFileSync(values.log, "utf8").matchAll(/^(\d+) (\w+)$/gm)) {
    const isAsked = Number(seed) >= first && Number(seed) < first + count;
    if (isAsked) known.set(Number(seed), outcome === "holds");
  }
  return known;
}

/** Notes the outcome of a schedule as soon as it is known. */
function note(seed: number, holds: boolean): void {
  outcomes.set(seed, holds);
  if (values.log === undefined) return;
  mkdirSync(dirname(values.log), { recursive: true });
  appendFileSync(values.log, `${seed} ${holds ? "holds" : "failed"}\n`);
}

async function run(seeds: string): Promise<string> {
  const child = spawn(
    process.execPath,
    [
      ...["node_modules/vitest/vitest.mjs", "run", "test/simulation/schedules.test.ts"],
      ...["--project", "simulation", "--no-color", "--maxConcurrency", String(sideBySide)],
    ],
    {
      env: { ...process.env, SIMULATION_SEEDS: seeds },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      // A line that this chunk completes may have begun in an earlier one.
      const unread = output.lastIndexOf("\n") + 1;
      output += chunk.toString();
      const lines = output.slice(unread, output.lastIndexOf("\n") + 1);
      for (const [, seed] of lines.matchAll(/^seed (\d+): .*$/gm)) note(Number(seed), true);
    });
  }
  await once(child, "close");
  return output;
}

/** What a failed schedule did, as its test printed it; otherwise the end of the output. */
function storyOf(output: string, seed: number): string {
  const at = output.indexOf(`SIMULATION_SEEDS=${seed} replays`);
  return at < 0 ? `seed ${seed} failed:\n${output.slice(-2_000)}` : output.slice(at, at + 8_000);
}
