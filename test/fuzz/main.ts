/**
 * `npm run fuzz`: throws inputs at the parsers of targets.ts, guided by which code they reach. The fuzzer is installed
 * at its first use and is no dependency of this project.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readFlagsOrExit } from "../../shared/command/flags.ts";
import { asynchronous, targets } from "./targets.ts";

const fuzzer = "@jazzer.js/core@4.0.0";
const usage = `npm run fuzz -- [--target NAME] [--runs N] [--seconds N] [--node PATH]

  --target   one of: ${Object.keys(targets).join(", ")}; all in turn by default
  --runs     the fuzzer's inputs for each target (default 20000; with --seconds as many as there is time for)
  --edits    edits of each of them that are tried along with it (default 15)
  --seconds  at most so many seconds for each target
  --node     another Node to run the fuzzer with; it needs glibc 2.38 or later on Linux
  --help     this text

What an input reached first is kept in node_modules/.cache/fuzz, with how many inputs there were so far; what an input
broke is written to test/fuzz/found, which the tests replay.`;

const root = join(import.meta.dirname, "../..");
const folder = import.meta.dirname;
const cache = join(root, "node_modules/.cache/fuzz");
/** Inputs of all runs, a line each: target and count. */
const counts = join(cache, "inputs.log");
/** An input may take so long, and all may take so much memory. */
const secondsMax = 5;
const megabytesMax = 2048;
/** Code that counts as reached. */
const instrumented = ["gpu-service/src", "shared/src", "edge/", "@huggingface/tokenizers"];

/** As the flags say it. */
interface Settings {
  runs?: string | undefined;
  seconds?: string | undefined;
  edits: string;
  node: string;
}

process.exitCode = await main();

async function main(): Promise<number> {
  const values = readFlagsOrExit(usage, {
    target: { type: "string" },
    runs: { type: "string" },
    seconds: { type: "string" },
    edits: { type: "string", default: "15" },
    node: { type: "string", default: process.execPath },
  });
  const names = values.target === undefined ? Object.keys(targets) : [values.target];
  if (!names.every((name) => Object.hasOwn(targets, name))) {
    console.error(usage);
    return 1;
  }
  const cli = install();
  let exitCode = 0;
  for (const name of names) exitCode ||= await fuzz(cli, name, values);
  console.log(inputsSoFar());
  return exitCode;
}

function inputsSoFar(): string {
  const lines = existsSync(counts) ? readFileSync(counts, "utf8").trim().split("\n") : [];
  const sums = new Map<string, number>();
  for (const [name = "", count] of lines.map((line) => line.split(" ")))
    sums.set(name, (sums.get(name) ?? 0) + Number(count));
  const total = [...sums.values()].reduce((all, one) => all + one, 0);
  return `inputs so far: ${[...sums].map(([name, sum]) => `${name} ${sum}`).join(", ")}; together ${total}`;
}

/** The fuzzer's own command. */
function install(): string {
  const home = join(cache, "fuzzer");
  const cli = join(home, "node_modules/@jazzer.js/core/dist/cli.js");
  if (!existsSync(cli)) {
    mkdirSync(home, { recursive: true });
    const flags = ["--prefix", home, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
    spawnSync("npm", ["install", ...flags, fuzzer], { cwd: home, stdio: "inherit" });
  }
  return cli;
}

async function fuzz(
  cli: string,
  name: string,
  { runs, seconds, edits, node }: Settings,
): Promise<number> {
  const kept = join(cache, name);
  const found = join(folder, "found");
  for (const directory of [kept, found]) mkdirSync(directory, { recursive: true });
  const fuzzing = spawn(
    node,
    [
      "--disable-warning=ExperimentalWarning",
      ...["--import", join(folder, "strip-types.mjs")],
      ...[cli, join(folder, "jazzer.mjs"), kept, join(folder, "corpus", name)],
      ...instrumented.flatMap((part) => ["-i", part]),
      // What a parser does with files and commands is not what is looked for here.
      ...["--disable_bug_detectors", "^(?!prototype-pollution)"],
      ...(asynchronous.includes(name) ? ["--"] : ["--sync", "--"]),
      ...[
        `-runs=${runs ?? (seconds === undefined ? 20_000 : -1)}`,
        `-timeout=${secondsMax}`,
        `-rss_limit_mb=${megabytesMax}`,
      ],
      ...[`-artifact_prefix=${found}/${name}-`, "-print_final_stats=1", "-max_len=4096"],
      ...(seconds === undefined ? [] : [`-max_total_time=${seconds}`]),
    ],
    {
      cwd: root,
      stdio: ["ignore", "inherit", "pipe"],
      env: { ...process.env, FUZZ_TARGET: name, FUZZ_EDITS: edits },
    },
  );
  let told = "";
  fuzzing.stderr.on("data", (chunk: Buffer) => {
    told = (told + chunk.toString()).slice(-10_000);
    process.stderr.write(chunk);
  });
  const [code] = (await once(fuzzing, "close")) as [number | null];
  const [, tries = 0] = told.match(/stat::number_of_executed_units: *(\d+)/) ?? [];
  appendFileSync(counts, `${name} ${Number(tries) * (1 + Number(edits))}\n`);
  return code ?? 1;
}
