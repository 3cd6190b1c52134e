/** Commands and environments of each service. It knows no process. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure } from "../../shared/command/failure.ts";
import { parseConfig, variableNames } from "../src/config.ts";
import type { Command } from "./processes.ts";
import type { WorkerRun } from "./run-worker.ts";
import { rootPath } from "./settings.ts";
import type { StateFolder } from "./state.ts";

/** As in its Dockerfile: most of its memory lies outside V8's heap, so V8's young generation may be small. */
export const gpuNodeOptions = "--max-semi-space-size=1";

/** The GPU service, or the process that runs several of them behind the same port. */
export function gpuCommand(state: StateFolder, port: number, replicas: number): Command {
  return {
    name: "gpu",
    args: [script(replicas === 1 ? "../../gpu-service/src/main.ts" : "./replicas.ts")],
    env: {
      REPLICAS: String(replicas),
      GPU_HOST: "127.0.0.1",
      GPU_PORT: String(port),
      GPU_SECRET: state.gpuSecret(),
      PARENT_PID: String(process.pid),
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} ${gpuNodeOptions}`,
      // As in its Dockerfile: with an arena for each thread, glibc keeps the most that every one of them ever needed.
      MALLOC_ARENA_MAX: process.env.MALLOC_ARENA_MAX ?? "2",
    },
  };
}

/** Makes the database's tables, and runs a file with one statement a line. */
export function prepareCommand(state: StateFolder, statements?: string): Command {
  const config = join(rootPath, "wrangler.toml");
  const more = statements === undefined ? [] : [statements];
  return {
    name: "database",
    args: [script("./prepare-database.ts"), state.databases, config, ...more],
    env: {},
  };
}

/** Builds the edge's Worker into the state folder, as it would be deployed; or another, by its configuration or entry. */
export function buildCommand(
  state: StateFolder,
  { config = join(rootPath, "wrangler.toml"), entry }: { config?: string; entry?: string } = {},
): Command {
  return {
    name: "build",
    args: [script("./build.ts"), state.worker, config, ...(entry === undefined ? [] : [entry])],
    env: quiet(state),
  };
}

/**
 * The edge on its port, with the variables that `environment` sets, once it is built.
 *
 * Throws `Failure` that names every bad variable.
 */
export function edgeCommand(
  state: StateFolder,
  ports: { edge: number; gpu: number },
  environment: NodeJS.ProcessEnv = process.env,
): Command {
  return workerCommand(state, ports.edge, edgeVariables(state, ports.gpu, environment));
}

/** A built Worker on a port, with its databases in the state folder. */
export function workerCommand(
  state: StateFolder,
  port: number,
  variables: Record<string, string>,
): Command {
  const run = { folder: state.worker, databases: state.databases, port, variables };
  return {
    name: "edge",
    args: [script("./run-worker.ts")],
    // Not as arguments, because the list of processes shows those.
    env: { WORKER_RUN: JSON.stringify(run satisfies WorkerRun) },
  };
}

/** The edge's variables that an environment sets, and the way to the GPU service. */
function edgeVariables(
  state: StateFolder,
  gpuPort: number,
  environment: NodeJS.ProcessEnv,
): Record<string, string> {
  const own: Record<string, string> = {
    GPU_URL: `http://127.0.0.1:${gpuPort}`,
    GPU_SECRET: state.gpuSecret(),
    WEBHOOKS_LOCALHOST: "on",
    CLIENT_TOKEN_SECRET: environment.CLIENT_TOKEN_SECRET || state.tokenSecret(),
  };
  const all = variableNames.map((name) => [name, own[name] ?? environment[name] ?? ""] as const);
  const variables = Object.fromEntries(all.filter(([, value]) => value !== ""));
  refuseBadVariables(variables);
  return variables;
}

/** The edge itself would notice only at its first request. */
function refuseBadVariables(variables: Record<string, string>): void {
  try {
    parseConfig(variables);
  } catch (error) {
    throw new Failure(`Cannot start the edge: ${(error as Error).message}`);
  }
}

/** The environment in which wrangler asks no server for anything, and sends no reports. */
function quiet(state: StateFolder): Record<string, string> {
  return {
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    // Of files for developers .dev.vars alone is read.
    CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV: "false",
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_LOG_PATH: join(state.logs, "wrangler"),
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_SEND_METRICS: "false",
  };
}

function script(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
