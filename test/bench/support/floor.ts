/** The minimal Worker (test/edge/support/floor-worker.ts), in the local runtime as the edge is run. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { choosePort } from "../../../edge/local/ports.ts";
import { Processes } from "../../../edge/local/processes.ts";
import { buildCommand, workerCommand } from "../../../edge/local/services.ts";
import { StateFolder } from "../../../edge/local/state.ts";
import { untilHealthy } from "../../support/local-edge.ts";
import { runtimeCpuMs } from "./runtime-cpu.ts";

const entry = fileURLToPath(new URL("../../edge/support/floor-worker.ts", import.meta.url));
const settings = `name = "floor"
main = ${JSON.stringify(entry)}
compatibility_date = "2026-11-01"
durable_objects.bindings = [{ name = "ROWS", class_name = "FloorObject" }]
[[migrations]]
tag = "v1"
new_sqlite_classes = ["FloorObject"]
`;

export class Floor {
  readonly #url: string;
  readonly #processes: Processes;
  readonly #state: StateFolder;
  readonly #pid: number;

  private constructor(url: string, processes: Processes, state: StateFolder, pid: number) {
    this.#url = url;
    this.#processes = processes;
    this.#state = state;
    this.#pid = pid;
  }

  static async start(variables: { GPU_URL: string; GPU_SECRET: string }): Promise<Floor> {
    // In memory, as the edge's databases are (edge.ts).
    const root = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
    const state = await StateFolder.open(mkdtempSync(join(root, "rosa2-bench-")));
    const processes = new Processes(state.logs);
    const config = state.writePrivate("wrangler.toml", settings);
    const built = await processes.start(buildCommand(state, { config })).ended;
    if (built !== 0) throw new Error(`The build ended (${built}). ${processes.tail("build")}`);
    const port = await choosePort(0);
    const url = `http://127.0.0.1:${port}`;
    const { pid } = processes.start(workerCommand(state, port, variables));
    const floor = new Floor(url, processes, state, pid);
    try {
      await untilHealthy(url, processes);
    } catch (error) {
      await floor.stop();
      throw error;
    }
    return floor;
  }

  constant(): Promise<Response> {
    return fetch(`${this.#url}/constant`, { method: "POST" });
  }

  /** Passes the GPU service's stream on; `object` also writes a row in a Durable Object meanwhile. */
  reply(way: "pipe" | "object", body: object): Promise<Response> {
    return fetch(`${this.#url}/${way}`, { method: "POST", body: JSON.stringify(body) });
  }

  cpuMs(): number {
    return runtimeCpuMs(this.#pid);
  }

  async stop(): Promise<void> {
    await this.#processes.stopAll();
    this.#state.close();
    rmSync(this.#state.path, { recursive: true, force: true });
  }
}
