/** The minimal Worker (test/edge/support/floor-worker.ts), in the local runtime as the edge is run. */
import { fileURLToPath } from "node:url";
import { LocalWorker } from "./local-worker.ts";

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
  readonly #worker: LocalWorker;

  private constructor(worker: LocalWorker) {
    this.#worker = worker;
  }

  static async start(variables: { GPU_URL: string; GPU_SECRET: string }): Promise<Floor> {
    const worker = await LocalWorker.start(async (worker) => {
      await worker.build(settings);
      return variables;
    });
    return new Floor(worker);
  }

  constant(): Promise<Response> {
    return fetch(`${this.#worker.url}/constant`, { method: "POST" });
  }

  /** Passes the GPU service's stream on; `object` also writes a row in a Durable Object meanwhile. */
  reply(way: "pipe" | "object", body: object): Promise<Response> {
    return fetch(`${this.#worker.url}/${way}`, { method: "POST", body: JSON.stringify(body) });
  }

  cpuMs(): number {
    return this.#worker.cpuMs();
  }

  stop(): Promise<void> {
    return this.#worker.stop();
  }
}
