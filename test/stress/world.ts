/**
 * A rosa2 of real processes, in the same parts that `npm start` runs: the edge in the local runtime, and one GPU
 * service or several behind one port. They can be killed, and their memory measured. It knows no calls.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { choosePort } from "../../edge/local/ports.ts";
import { Processes, type Service } from "../../edge/local/processes.ts";
import { edgeCommand, gpuCommand } from "../../edge/local/services.ts";
import { StateFolder } from "../../edge/local/state.ts";
import { prepareTenants, type Tenant, untilHealthy } from "../support/local-edge.ts";
import { processGroup, processTree } from "../support/process-tree.ts";
import { heapBytes } from "./heap.ts";

/** What can be killed; `replica` is one of several GPU services. */
export const victims = ["edge", "gpu", "both", "replica"] as const;
export type Victim = (typeof victims)[number];

/**
 * Bytes: the Worker's own heap, and the resident memory of the runtime around it, of the runtime's parent and of the
 * GPU service.
 */
export interface Weights {
  heap: number;
  runtime: number;
  starter: number;
  gpu: number;
}

export interface WorldOptions {
  tenantCount: number;
  /** GPU services behind one port; 1 unless given. */
  replicas?: number;
  /** Variables of the edge and of the GPU service. */
  variables?: Record<string, string>;
}

export class World {
  readonly url: string;
  readonly gpuUrl: string;
  readonly gpuSecret: string;
  readonly replicas: number;
  tenants: readonly Tenant[] = [];
  readonly #processes: Processes;
  readonly #state: StateFolder;
  readonly #ports: { edge: number; gpu: number; inspector: number };
  readonly #variables: Record<string, string>;
  #edge: Service | null = null;
  #gpu: Service | null = null;

  private constructor(
    state: StateFolder,
    ports: { edge: number; gpu: number; inspector: number },
    { replicas = 1, variables = {} }: WorldOptions,
  ) {
    this.#state = state;
    this.#processes = new Processes(state.logs);
    this.#ports = ports;
    this.#variables = variables;
    this.replicas = replicas;
    this.url = `http://127.0.0.1:${ports.edge}`;
    this.gpuUrl = `http://127.0.0.1:${ports.gpu}`;
    this.gpuSecret = state.gpuSecret();
  }

  /** On a state folder of its own; rates are not limited. */
  static async start(options: WorldOptions): Promise<World> {
    const state = await StateFolder.open(mkdtempSync(join(tmpdir(), "rosa2-stress-")));
    const ports = {
      edge: await choosePort(0),
      gpu: await choosePort(0),
      inspector: await choosePort(0),
    };
    const world = new World(state, ports, options);
    try {
      world.#startGpu();
      const ids = Array.from({ length: options.tenantCount }, (_, n) => `ten_stress${n}`);
      world.tenants = await prepareTenants(state, world.#processes, ids);
      world.#startEdge();
      await world.untilServing();
      return world;
    } catch (error) {
      await world.stop();
      throw error;
    }
  }

  /**
   * Kills with SIGKILL, and starts again what was killed; a replica's own parent does that. Resolves once everything
   * serves. `which` chooses the replica.
   */
  async kill(victim: Victim, which = 0): Promise<void> {
    if (victim === "replica") {
      const pids = processTree(this.#gpu?.pid ?? 0).slice(1);
      const pid = pids[which % pids.length];
      if (pid !== undefined) process.kill(pid, "SIGKILL");
      // Its parent has to notice its end first.
      await sleep(50);
      return await this.untilServing();
    }
    const killed = [
      ...(victim === "gpu" ? [] : [this.#edge]),
      ...(victim === "edge" ? [] : [this.#gpu]),
    ];
    for (const service of killed) service?.kill();
    await Promise.all(killed.map((service) => service?.ended));
    if (victim !== "edge") this.#startGpu();
    if (victim !== "gpu") this.#startEdge();
    await this.untilServing();
  }

  /** Until the edge and a GPU service answer. */
  untilServing(): Promise<void> {
    return untilHealthy(this.url, this.#processes);
  }

  /**
   * Gives the GPU service cores of its own, as it has a machine of its own elsewhere; this process and the edge share
   * the first. False where there is no `taskset`, or one core.
   */
  separate(): boolean {
    const last = availableParallelism() - 1;
    if (last < 1) return false;
    const pin = (root: number, cores: string) =>
      processTree(root).map((pid) => spawnSync("taskset", ["-acp", cores, String(pid)]).status);
    const statuses = [...pin(process.pid, "0"), ...pin(this.#gpu?.pid ?? 0, `1-${last}`)];
    return statuses.every((status) => status === 0);
  }

  async weigh(): Promise<Weights> {
    const edge = processGroup(this.#edge?.pid ?? 0);
    const isRuntime = ({ args }: { args: string }) => /\bworkerd\b.* serve /.test(args);
    const sum = (processes: { residentBytes: number }[]) =>
      processes.reduce((total, { residentBytes }) => total + residentBytes, 0);
    return {
      heap: await heapBytes(this.#ports.inspector),
      runtime: sum(edge.filter(isRuntime)),
      starter: sum(edge.filter((one) => !isRuntime(one))),
      gpu: sum(processGroup(this.#gpu?.pid ?? 0)),
    };
  }

  /** The last lines of both logs. */
  get logs(): string {
    return `${this.#processes.tail("edge")}\n${this.#processes.tail("gpu")}`;
  }

  async stop(): Promise<void> {
    await this.#processes.stopAll();
    this.#state.close();
    rmSync(this.#state.path, { recursive: true, force: true });
  }

  #startEdge(): void {
    const environment = { ...process.env, RATE_LIMIT: "off", ...this.#variables };
    const { env, ...command } = edgeCommand(this.#state, this.#ports, environment);
    const own = { INSPECTOR_PORT: String(this.#ports.inspector) };
    this.#edge = this.#processes.start({ ...command, env: { ...own, ...env } });
  }

  #startGpu(): void {
    const { env, ...command } = gpuCommand(this.#state, this.#ports.gpu, this.replicas);
    const own = { THREADS: this.replicas === 1 ? "2" : "1", ...this.#variables };
    this.#gpu = this.#processes.start({ ...command, env: { ...own, ...env } });
  }
}
