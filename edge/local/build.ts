/**
 * Builds a Worker as `wrangler deploy` would, and notes with which bindings the local runtime runs it (run-worker.ts).
 * The edge's own Worker is built once, and again when its sources have changed.
 *
 * Arguments: the folder to build into, and for another Worker wrangler's configuration and entry. A process of its own:
 * wrangler takes more memory than all that runs afterwards.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { digestOfFiles } from "../../shared/command/digest.ts";
import { rootPath } from "./settings.ts";

/** The edge's Workers by the digest of what they were built from. */
const cache = fileURLToPath(new URL(".cache", import.meta.url));
/** The last use after which one is deleted. */
const unusedMs = 24 * 3_600_000;
const ownConfig = join(rootPath, "wrangler.toml");
const page = "edge/playground";
const sources = [
  ...["wrangler.toml", ".dev.vars", "package-lock.json", "edge/src", "shared/src", "migrations"],
  // The bindings name the page's files and their headers.
  ...["src", "public", "index.html", "build.ts", "package.json"].map((path) => `${page}/${path}`),
  ...["edge/client/src", "edge/client/examples", "edge/local/build.ts"],
];

const [folder = "", config = ownConfig, ...entry] = process.argv.slice(2);

rmSync(folder, { recursive: true, force: true });
if (config === ownConfig && entry.length === 0) await takeFromCache();
else await build(folder);

/** Two at a time do no harm: each builds aside, and one of them puts its result in place. */
async function takeFromCache(): Promise<void> {
  const built = join(cache, digestOfFiles(rootPath, sources));
  if (existsSync(built)) {
    utimesSync(built, new Date(), new Date());
    await run(`${page}/build.ts`);
  } else {
    deleteUnused();
    const draft = `${built}-${process.pid}`;
    await build(draft);
    if (existsSync(built)) rmSync(draft, { recursive: true });
    else renameSync(draft, built);
  }
  cpSync(built, folder, { recursive: true });
}

function deleteUnused(): void {
  for (const name of existsSync(cache) ? readdirSync(cache) : []) {
    const path = join(cache, name);
    if (Date.now() - statSync(path).mtimeMs > unusedMs) rmSync(path, { recursive: true });
  }
}

async function build(into: string): Promise<void> {
  const { unstable_getMiniflareWorkerOptions, unstable_readConfig } = await import("wrangler");
  const { wranglerScript } = await import("./wrangler-script.ts");
  mkdirSync(into, { recursive: true, mode: 0o700 });
  await run(
    ...[wranglerScript, "deploy", ...entry, "--dry-run", "--env="],
    ...["--config", config, "--outdir", into],
  );
  // The page's files are there now, which the bindings name.
  const { name = "worker", ...read } = unstable_readConfig({ config }, { hideWarnings: true });
  const { workerOptions } = unstable_getMiniflareWorkerOptions({ name, ...read });
  const { modulesRules: _, ...options } = workerOptions;
  // It may hold secrets of .dev.vars.
  writeFileSync(join(into, "worker.json"), JSON.stringify({ name, ...options }), { mode: 0o600 });
}

/** Runs a script in Node; ends this process if it fails. */
async function run(...args: string[]): Promise<void> {
  const [code] = await once(spawn(process.execPath, args, { stdio: "inherit" }), "exit");
  if (code !== 0) process.exit(1);
}
