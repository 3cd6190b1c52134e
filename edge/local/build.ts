/**
 * Builds a Worker as `wrangler deploy` would, and notes with which bindings the local runtime runs it (run-worker.ts).
 *
 * Arguments: the folder to build into, wrangler's configuration, and another entry than the configuration's. A process
 * of its own: wrangler takes more memory than all that runs afterwards.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unstable_getMiniflareWorkerOptions, unstable_readConfig } from "wrangler";
import { wranglerScript } from "./wrangler-script.ts";

const [folder = "", config = "", ...entry] = process.argv.slice(2);

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true, mode: 0o700 });
const bundle = spawn(
  process.execPath,
  [
    ...[wranglerScript, "deploy", ...entry, "--dry-run", "--env="],
    ...["--config", config, "--outdir", folder],
  ],
  { stdio: "inherit" },
);
const [code] = await once(bundle, "exit");
if (code !== 0) process.exit(1);
// The page's files are there now, which the bindings name.
const { name = "worker", ...read } = unstable_readConfig({ config }, { hideWarnings: true });
const { workerOptions } = unstable_getMiniflareWorkerOptions({ name, ...read });
const { modulesRules: _, ...options } = workerOptions;
// It may hold secrets of .dev.vars.
writeFileSync(join(folder, "worker.json"), JSON.stringify({ name, ...options }), { mode: 0o600 });
