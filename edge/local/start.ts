/**
 * `npm start`: the whole of rosa2 on this machine, one command. Read `run` first.
 *
 * Order: settings and model are checked → lock the state folder → GPU service (loads its model meanwhile) → tables,
 * first key, and the Worker built → edge → healthy. A service that crashes is started again, as a platform would; an edge that keeps
 * crashing ends the start. Whatever ends the start ends both.
 */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../shared/command/failure.ts";
import { readFlags } from "../../shared/command/flags.ts";
import { bootstrapAccount } from "../src/accounts/bootstrap.ts";
import { isHealthy } from "./health.ts";
import { watchHeartbeat } from "./heartbeat.ts";
import { checkedContext } from "./model-check.ts";
import { choosePort } from "./ports.ts";
import { type Command, Processes, type Service } from "./processes.ts";
import { refuseOtherTables } from "./schema-stamp.ts";
import { buildCommand, edgeCommand, gpuCommand, prepareCommand } from "./services.ts";
import { readSettings, type Settings } from "./settings.ts";
import type { Ready } from "./spawn.ts";
import { type Running, readApiKey, StateFolder } from "./state.ts";

const parentCheckMs = 500;
const healthCheckMs = 100;
const patienceMs = 15_000;
const restartDelayMs = { first: 1_000, longest: 30_000 };
/** A GPU service that ran this long gets the shortest delay again. */
const settledMs = 60_000;
/** Times that an edge is started again without settling in between. */
const edgeRestartsMax = 3;

const usage = `npm start [-- --replicas N]

Runs rosa2 on this machine: the edge in Cloudflare's local runtime and the GPU service. Prints the address of the
playground and a key; Ctrl-C stops both. Nothing leaves the machine, but a model given by its hub id is downloaded.

  --replicas N    GPU services behind one port (1)
  --help          this text

Settings are environment variables:
  PORT            port of the edge (8787), 0 for any free one
  GPU_PORT        port of the GPU service (8790)
  ROSA2_STATE     folder of sessions, adapters, key and logs (.rosa2)
  MODEL           checkpoint directory, or organisation/name on the Hugging Face hub (the bundled rosa2-mini)
  QUANTIZE        none, 8 or 4: bits of a weight (none)
  PROVIDER        cpu, webgpu or cuda (cpu)
The other ones: gpu-service/README.md and edge/README.md. npm run model -- check DIR says whether a model will run.`;

let stopping = false;
let state: StateFolder | undefined;
let processes: Processes | undefined;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => void stop(0));
}
try {
  await run(readSettings({ ...process.env, ...readArguments() }));
} catch (error) {
  if (!stopping) await fail(error);
}

/** `--replicas 3` is the variable REPLICAS. */
function readArguments(): { REPLICAS?: string } {
  const { replicas } = readFlags(usage, { replicas: { type: "string" } });
  return replicas === undefined ? {} : { REPLICAS: replicas };
}

async function run(settings: Settings): Promise<void> {
  const startedAt = performance.now();
  if (settings.endsWithParent) watchParent();
  const contextTokens = await checkedContext(process.env);
  state = await StateFolder.open(settings.statePath);
  const ports = {
    edge: await choosePort(settings.port, "PORT"),
    gpu: await choosePort(settings.gpuPort, "GPU_PORT"),
  };
  // The edge needs the window to know how much of a dialogue fits.
  const window =
    contextTokens === null ? {} : { CONTEXT_TOKENS: String(Math.max(64, contextTokens)) };
  const edgeRun = edgeCommand(state, ports, { ...process.env, ...window });
  refuseOtherTables(state);
  processes = new Processes(state.logs);
  const running: Running = {
    pid: process.pid,
    url: `http://127.0.0.1:${ports.edge}`,
    gpuUrl: `http://127.0.0.1:${ports.gpu}`,
    edgePid: 0,
    gpuPid: 0,
  };
  console.log("Starting rosa2 …");

  const gpu = processes.start(gpuCommand(state, ports.gpu, settings.replicas));
  running.gpuPid = gpu.pid;
  const gpuEnded = gpu.ended.then((how) => {
    throw ended("The GPU service", how, "gpu");
  });
  const built = runToEnd(buildCommand(state), "Building the edge");
  const [key] = await Promise.race([Promise.all([prepareDatabase(state), built]), gpuEnded]);

  const edge = processes.start(edgeRun);
  running.edgePid = edge.pid;
  state.announce(running);
  const edgeEnded = edge.ended.then((how) => {
    throw ended("The edge", how, "edge");
  });
  await Promise.race([untilHealthy(running.url), gpuEnded, edgeEnded]);
  gpuEnded.catch(() => {});
  edgeEnded.catch(() => {});
  if (stopping) return;

  console.log(welcome(running.url, key, performance.now() - startedAt));
  process.send?.({ ...running, key } satisfies Ready);
  keepGpuServing(gpu, gpuCommand(state, ports.gpu, settings.replicas), (pid) => {
    running.gpuPid = pid;
    state?.announce(running);
  });
  await keepEdgeServing(edge, edgeRun, running.url, (pid) => {
    running.edgePid = pid;
    state?.announce(running);
  });
}

/** Tables, the local tenant and its admin key; returns the key. */
async function prepareDatabase(folder: StateFolder): Promise<string> {
  const saved = readApiKey(folder.path);
  // The key is saved only after its row, so both together show that an earlier start completed this step.
  const known = saved !== null && existsSync(folder.databases);
  const made = known ? null : await bootstrapAccount(saved === null ? {} : { key: saved });
  const statements = made === null ? undefined : folder.writePrivate("bootstrap.sql", made.sql);
  await runToEnd(prepareCommand(folder, statements), "Preparing the database");
  const key = made?.key ?? saved ?? "";
  if (saved === null) folder.writePrivate("api-key", key);
  return key;
}

async function runToEnd(command: Command, what: string): Promise<void> {
  const how = await started().start(command).ended;
  if (how !== 0) throw ended(what, how, command.name);
}

/** Waits as long as the model takes to load; the ends of services are watched elsewhere. */
async function untilHealthy(url: string): Promise<void> {
  const impatient = setTimeout(
    () => console.log("Still waiting for the model; what it does is in logs/gpu.log …"),
    patienceMs,
  );
  while (!stopping && !(await isHealthy(url))) await sleep(healthCheckMs);
  clearTimeout(impatient);
}

/** Restarts the GPU service whenever it ends, after a pause that grows while it keeps ending. */
async function keepGpuServing(
  first: Service,
  command: Command,
  onStart: (pid: number) => void,
): Promise<void> {
  let service = first;
  let delayMs = restartDelayMs.first;
  for (;;) {
    const since = performance.now();
    const how = await service.ended;
    if (performance.now() - since > settledMs) delayMs = restartDelayMs.first;
    if (stopping) return;
    console.error(`The GPU service ended (${how}); starting it again in ${delayMs / 1000} s.`);
    await sleep(delayMs);
    if (stopping) return;
    delayMs = Math.min(delayMs * 2, restartDelayMs.longest);
    service = started().start(command);
    onStart(service.pid);
  }
}

/**
 * Restarts the edge when it ends, or when one of its processes is gone or hangs so that nothing answers.
 *
 * Throws `Failure` with the end of its log if it does not keep running.
 */
async function keepEdgeServing(
  first: Service,
  command: Command,
  url: string,
  onStart: (pid: number) => void,
): Promise<void> {
  let service = first;
  for (let unsettled = 0; ; unsettled++) {
    const since = performance.now();
    const heartbeat = watchHeartbeat(`${url}/health`, (message) => {
      console.error(`The edge: ${message}`);
    });
    const end = service.ended.then((how) => `it ended (${how})`);
    const reason = await Promise.race([end, heartbeat.lost]);
    heartbeat.stop();
    if (stopping) return;
    if (performance.now() - since > settledMs) unsettled = 0;
    if (unsettled >= edgeRestartsMax) {
      throw new Failure(
        `The edge does not keep running: ${reason}.\n${started().tail(command.name)}`,
      );
    }
    console.error(`Starting the edge again: ${reason}.`);
    service.kill();
    await service.ended;
    if (stopping) return;
    service = started().start(command);
    onStart(service.pid);
    const restartEnded = service.ended.then((how) => {
      throw ended("The edge", how, command.name);
    });
    await Promise.race([untilAnswering(url), restartEnded]);
    restartEnded.catch(() => {});
    if (!stopping) console.error("The edge answers again.");
  }
}

/** Any answer counts: an unreachable GPU service is no reason to wait. */
async function untilAnswering(url: string): Promise<void> {
  while (!stopping) {
    const response = await fetch(`${url}/health`).catch(() => null);
    await response?.body?.cancel();
    if (response !== null) return;
    await sleep(healthCheckMs);
  }
}

function welcome(url: string, key: string, ms: number): string {
  return [
    `rosa2 is ready (${(ms / 1000).toFixed(1)} s).`,
    `  Playground  ${url}/#key=${key}`,
    `  API         ${url}/v1, reference at ${url}/docs`,
    `  Key         ${key}`,
    `  State       ${state?.path} (key in api-key, logs in logs/)`,
    "Ctrl-C stops it; sessions and adapters are kept.",
  ].join("\n");
}

function ended(what: string, how: number | NodeJS.Signals, log: string): Failure {
  return new Failure(`${what} ended (${how}).\n${started().tail(log)}`);
}

function started(): Processes {
  if (processes === undefined) throw new Error("No process can be started yet");
  return processes;
}

/** npm, or a test, may be killed without passing a signal on: its script then gets another parent. */
function watchParent(): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) void stop(0);
  }, parentCheckMs).unref();
}

async function fail(error: unknown): Promise<void> {
  console.error(error instanceof Failure ? error.message : error);
  await stop(1);
}

/** Ends everything in order; a second signal ends it at once. */
async function stop(code: number): Promise<void> {
  if (stopping) {
    processes?.killAll();
    process.exit(code || 1);
  }
  stopping = true;
  await processes?.stopAll();
  state?.close();
  process.exit(code);
}
