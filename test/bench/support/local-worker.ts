/** A Worker in the local runtime as the edge is run, with state of its own that goes with it. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { choosePort } from "../../../edge/local/ports.ts";
import { Processes } from "../../../edge/local/processes.ts";
import { buildCommand, workerCommand } from "../../../edge/local/services.ts";
import { StateFolder } from "../../../edge/local/state.ts";
import { untilHealthy } from "../../support/local-edge.ts";
import { runtimeCpuMs } from "./runtime-cpu.ts";

/** In memory where the machine has such a folder: this machine's disk should not be part of the figures. */
const stateRoot = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export class LocalWorker {
  readonly processes: Processes;
  readonly state: StateFolder;
  readonly url: string;
  #pid = 0;

  private constructor(state: StateFolder, port: number) {
    this.state = state;
    this.processes = new Processes(state.logs);
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts what `prepare` has built, with the variables that it gives, and waits until it is `ready`. */
  static async start(
    prepare: (worker: LocalWorker) => Promise<Record<string, string>>,
    ready: (worker: LocalWorker) => Promise<unknown> = ({ url, processes }) =>
      untilHealthy(url, processes),
  ): Promise<LocalWorker> {
    const state = await StateFolder.open(mkdtempSync(join(stateRoot, "rosa2-bench-")));
    const port = await choosePort(0);
    const worker = new LocalWorker(state, port);
    try {
      const variables = await prepare(worker);
      worker.#pid = worker.processes.start(workerCommand(state, port, variables)).pid;
      await ready(worker);
      return worker;
    } catch (error) {
      await worker.stop();
      throw error;
    }
  }

  /** Builds the Worker of a wrangler.toml. */
  async build(settings: string): Promise<void> {
    const config = this.state.writePrivate("wrangler.toml", settings);
    const built = await this.processes.start(buildCommand(this.state, { config })).ended;
    if (built !== 0) throw new Error(`The build ended (${built}). ${this.processes.tail("build")}`);
  }

  /** CPU milliseconds that the runtime has taken so far. */
  cpuMs(): number {
    return runtimeCpuMs(this.#pid);
  }

  async stop(): Promise<void> {
    await this.processes.stopAll();
    this.state.close();
    rmSync(this.state.path, { recursive: true, force: true });
  }
}
