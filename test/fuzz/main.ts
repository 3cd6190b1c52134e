/**
 * `npm run fuzz`: throws inputs at the parsers of targets.ts, guided by which code they reach. The fuzzer is installed
 * at its first use and is no dependency of this project.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { readFlagsOrExit } from "../../edge/local/flags.ts";
import { asynchronous, targets } from "./targets.ts";

const fuzzer = "@jazzer.js/core@4.0.0";
const usage = `npm run fuzz -- [--target NAME] [--runs N] [--seconds N] [--node PATH]

  --target   one of: ${Object.keys(targets).join(", ")}; all in turn by default
  --runs     inputs for each target (default 20000)
  --seconds  at most so many seconds for each target
  --node     another Node to run the fuzzer with; it needs glibc 2.38 or later on Linux
  --help     this text

What an input reached first is kept in node_modules/.cache/fuzz; what an input broke is written to test/fuzz/found,
which the tests replay.`;

const root = join(import.meta.dirname, "../..");
const folder = import.meta.dirname;
const cache = join(root, "node_modules/.cache/fuzz");
/** An input may take so long, and all may take so much memory. */
const secondsMax = 5;
const megabytesMax = 2048;
/** Code that counts as reached. */
const instrumented = ["gpu-service/src", "shared/src", "edge/", "@huggingface/tokenizers"];

process.exitCode = main();

function main(): number {
  const values = readFlagsOrExit(usage, {
    target: { type: "string" },
    runs: { type: "string", default: "20000" },
    seconds: { type: "string" },
    node: { type: "string", default: process.execPath },
  });
  const names = values.target === undefined ? Object.keys(targets) : [values.target];
  if (!names.every((name) => Object.hasOwn(targets, name))) {
    console.error(usage);
    return 1;
  }
  const cli = install();
  return names.map((name) => fuzz(cli, name, values)).find((code) => code !== 0) ?? 0;
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

function fuzz(
  cli: string,
  name: string,
  { runs, seconds, node }: { runs: string; seconds?: string | undefined; node: string },
): number {
  const kept = join(cache, name);
  const found = join(folder, "found");
  for (const directory of [kept, found]) mkdirSync(directory, { recursive: true });
  const { status } = spawnSync(
    node,
    [
      "--disable-warning=ExperimentalWarning",
      ...["--import", join(folder, "strip-types.mjs")],
      ...[cli, join(folder, "jazzer.mjs"), kept, join(folder, "corpus", name)],
      ...instrumented.flatMap((part) => ["-i", part]),
      // What a parser does with files and commands is not what is looked for here.
      ...["--disable_bug_detectors", "^(?!prototype-pollution)"],
      ...(asynchronous.includes(name) ? ["--"] : ["--sync", "--"]),
      ...[`-runs=${runs}`, `-timeout=${secondsMax}`, `-rss_limit_mb=${megabytesMax}`],
      ...[`-artifact_prefix=${found}/${name}-`, "-print_final_stats=1", "-max_len=4096"],
      ...(seconds === undefined ? [] : [`-max_total_time=${seconds}`]),
    ],
    { cwd: root, stdio: "inherit", env: { ...process.env, FUZZ_TARGET: name } },
  );
  return status ?? 1;
}
