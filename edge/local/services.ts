/** How each service is run: commands and environments. Knows no process. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseConfig, variableNames } from "../src/config.ts";
import { Failure } from "./failure.ts";
import type { Command } from "./processes.ts";
import { rootPath } from "./settings.ts";
import type { StateFolder } from "./state.ts";

/** As in its Dockerfile: most of what it holds lies outside of V8's heap, whose young objects may then be few. */
export const gpuNodeOptions = "--max-semi-space-size=1";

/** The GPU service, or the process that runs several of them behind the same port. */
export function gpuCommand(state: StateFolder, port: number, replicas: number): Command {
  const script = replicas === 1 ? "../../gpu-service/src/main.ts" : "./replicas.ts";
  return {
    name: "gpu",
    args: [fileURLToPath(new URL(script, import.meta.url))],
    env: {
      REPLICAS: String(replicas),
      GPU_HOST: "127.0.0.1",
      GPU_PORT: String(port),
      GPU_SECRET: state.gpuSecret(),
      PARENT_PID: String(process.pid),
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} ${gpuNodeOptions}`,
    },
  };
}

/** Brings the database's tables up to date; asks nothing when it has no terminal. */
export function migrateCommand(state: StateFolder): Command {
  return wranglerCommand(state, "migrations", ["d1", "migrations", "apply", "DB", "--local"]);
}

export function executeCommand(state: StateFolder, sqlFile: string): Command {
  return wranglerCommand(state, "bootstrap", ["d1", "execute", "DB", "--local", "--file", sqlFile]);
}

/**
 * The edge on its ports, with the variables that `environment` sets; wrangler opens an inspector in any case, so it is
 * told a free one.
 *
 * Throws `Failure` that names every bad variable.
 */
export function edgeCommand(
  state: StateFolder,
  ports: { edge: number; gpu: number; inspector: number },
  environment: NodeJS.ProcessEnv = process.env,
): Command {
  // Variables through files: a command line shows in the list of processes.
  const ownFile = state.writePrivate("edge.env", edgeVariables(state, ports.gpu, environment));
  const developerFile = join(rootPath, ".dev.vars");
  const envFiles = existsSync(developerFile) ? [developerFile, ownFile] : [ownFile];
  return wranglerCommand(state, "edge", [
    "dev",
    "--local",
    "--show-interactive-dev-session=false",
    "--port",
    String(ports.edge),
    "--inspector-port",
    String(ports.inspector),
    ...envFiles.flatMap((file) => ["--env-file", file]),
  ]);
}

/** The edge's variables that an environment sets, and the way to the GPU service, as a `.env` file. */
function edgeVariables(
  state: StateFolder,
  gpuPort: number,
  environment: NodeJS.ProcessEnv,
): string {
  const own: Record<string, string> = {
    GPU_URL: `http://127.0.0.1:${gpuPort}`,
    GPU_SECRET: state.gpuSecret(),
    WEBHOOKS_LOCALHOST: "on",
    CLIENT_TOKEN_SECRET: environment.CLIENT_TOKEN_SECRET || state.tokenSecret(),
  };
  const variables = variableNames
    .map((name) => [name, own[name] ?? environment[name] ?? ""] as const)
    .filter(([, value]) => value !== "");
  refuseBadVariables(Object.fromEntries(variables));
  return variables.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join("\n");
}

/** The edge itself would notice only at its first request. */
function refuseBadVariables(variables: Record<string, string>): void {
  try {
    parseConfig(variables);
  } catch (error) {
    throw new Failure(`Cannot start the edge: ${(error as Error).message}`);
  }
}

/** Wrangler with its state in the folder, quiet and offline. */
export function wranglerCommand(
  state: StateFolder,
  name: string,
  args: readonly string[],
): Command {
  const manifest = fileURLToPath(import.meta.resolve("wrangler/package.json"));
  return {
    name,
    args: [join(dirname(manifest), "bin/wrangler.js"), ...args, "--persist-to", state.databases],
    env: {
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_HIDE_BANNER: "true",
      WRANGLER_LOG_PATH: join(state.logs, "wrangler"),
      // Two rosa2 on one machine must not find each other's Worker.
      WRANGLER_REGISTRY_PATH: join(state.path, "registry"),
      WRANGLER_SEND_ERROR_REPORTS: "false",
      WRANGLER_SEND_METRICS: "false",
      // Local tracing costs a third of the throughput.
      X_LOCAL_EXPLORER: "false",
      X_LOCAL_OBSERVABILITY: "false",
    },
  };
}
