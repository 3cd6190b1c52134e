/** The rosa2 to evaluate: the requested one, the one that runs here, or one started for this run alone. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { Failure } from "../../shared/command/failure.ts";
import { Meter } from "./meter.ts";
import type { Settings } from "./settings.ts";

export interface Deployment {
  url: string;
  key: string;
  /** null when the GPU service's figures are out of reach. */
  meter: Meter | null;
  stop(): Promise<void>;
}

const rootPath = fileURLToPath(new URL("../../", import.meta.url));
const homePath = join(rootPath, ".rosa2");
const startScript = join(rootPath, "edge/local/start.ts");
/** The baseline's own update. It is preloaded, because the product has no option for it. */
const adamHook = new URL("./adam/hook.ts", import.meta.url).href;
/** Compiling a model for the first time takes long on a busy machine. */
const startMsMax = 300_000;
const stopMsMax = 15_000;
const healthCheckMs = 200;
const logCharsShown = 4_000;

const runningSchema = z.object({ url: z.string(), gpuUrl: z.string() });

/** @throws Failure when there is nothing to evaluate, or no key for it. */
export async function findDeployment(settings: Settings, signal: AbortSignal): Promise<Deployment> {
  const isAdam = settings.conditions.includes("adam");
  const isThere = settings.isUrlGiven || (await isServing(settings.url));
  if (isAdam && (isThere || settings.conditions.length > 1)) {
    throw new Failure(
      'The condition "adam" takes the place of the update in a rosa2 that is started for it: give it alone, without --url, while none runs here',
    );
  }
  if (isThere) {
    return {
      url: settings.url,
      key: keyOf(settings),
      meter: meterOf(settings),
      stop: async () => {},
    };
  }
  return startDeployment(settings, signal);
}

async function isServing(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) });
    return response.ok;
  } catch {
    return false;
  }
}

function keyOf({ key, url }: Settings): string {
  const found = key ?? process.env.ROSA2_API_KEY ?? readText(join(homePath, "api-key"));
  if (found) return found;
  throw new Failure(`No API key for ${url}: give one with --key or ROSA2_API_KEY`);
}

/** The requested metrics, or those of the rosa2 of this folder, which says where they are. */
function meterOf({ gpuMetrics, gpuSecret, url }: Settings): Meter | null {
  if (gpuMetrics !== null) return new Meter(gpuMetrics, gpuSecret);
  const running = readRunning(homePath);
  if (running === null || new URL(running.url).port !== new URL(url).port) return null;
  return new Meter(running.gpuUrl, readText(join(homePath, "gpu-secret")));
}

/** Starts rosa2 on free ports, with its state in a folder that goes when it stops. */
async function startDeployment(settings: Settings, signal: AbortSignal): Promise<Deployment> {
  const state = mkdtempSync(join(tmpdir(), "rosa2-eval-"));
  const child = spawn(process.execPath, [startScript], {
    cwd: rootPath,
    stdio: ["ignore", "pipe", "pipe"],
    // A Ctrl-C is for this command; it then stops the deployment in order.
    detached: true,
    env: {
      ...process.env,
      PORT: "0",
      GPU_PORT: "0",
      ROSA2_STATE: state,
      RATE_LIMIT: "off",
      PARENT_PID: String(process.pid),
      ...(settings.conditions.includes("adam") ? { NODE_OPTIONS: `--import ${adamHook}` } : {}),
    },
  });
  let log = "";
  const keep = (chunk: Buffer) => {
    log = (log + chunk).slice(-logCharsShown);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  let isRunning = true;
  const ended = once(child, "exit").then(() => {
    isRunning = false;
  });
  const stop = async () => {
    if (isRunning) child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), stopMsMax);
    await ended;
    clearTimeout(kill);
    rmSync(state, { recursive: true, force: true });
  };
  try {
    const until = Date.now() + startMsMax;
    for (;;) {
      signal.throwIfAborted();
      const running = readRunning(state);
      if (running !== null && (await isHealthy(running.url))) {
        const key = readText(join(state, "api-key"));
        if (key === null) throw new Failure("The rosa2 that was started made no API key");
        const secret = settings.gpuSecret ?? readText(join(state, "gpu-secret"));
        return { url: running.url, key, meter: new Meter(running.gpuUrl, secret), stop };
      }
      if (!isRunning || Date.now() > until) {
        const how = isRunning ? `was not ready after ${startMsMax / 1000} s` : "ended";
        throw new Failure(
          `Nothing answers at ${settings.url}, and a rosa2 started here ${how}:\n${log}`,
        );
      }
      await sleep(healthCheckMs);
    }
  } catch (error) {
    await stop();
    throw error;
  }
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) });
    return ((await response.json()) as { status?: string }).status === "ok";
  } catch {
    return false;
  }
}

function readRunning(folder: string): z.infer<typeof runningSchema> | null {
  const text = readText(join(folder, "running.json"));
  if (text === null) return null;
  try {
    return runningSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return null;
  }
}
