/** The edge in the local runtime, with the stand-in for the GPU service and an entry module for benchmarks. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { choosePort } from "../../../edge/local/ports.ts";
import { Processes } from "../../../edge/local/processes.ts";
import { workerCommand } from "../../../edge/local/services.ts";
import { StateFolder } from "../../../edge/local/state.ts";
import { FakeGpu } from "../../support/fake-gpu.ts";
import { prepareTenants, type Tenant, untilHealthy } from "../../support/local-edge.ts";
import { runtimeCpuMs } from "./runtime-cpu.ts";

const entry = fileURLToPath(new URL("../../edge/support/late-worker.ts", import.meta.url));
/** In memory where the machine has such a folder: this machine's disk should not be part of the edge's figures. */
const stateRoot = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const secret = "secret-of-the-benchmark";
/** Secret of the client tokens of the measured edge. */
export const tokenSecret = "secret-of-the-benchmark-for-client-tokens";

export class Edge {
  readonly url: string;
  /** Two services; the edge knows the first as the nearer to its callers. */
  readonly gpuUrls: readonly [string, string];
  readonly tenants: readonly Tenant[];
  readonly #processes: Processes;
  readonly #state: StateFolder;
  readonly #pid: number;

  private constructor(
    url: string,
    gpuUrls: readonly [string, string],
    tenants: readonly Tenant[],
    processes: Processes,
    state: StateFolder,
    pid: number,
  ) {
    this.url = url;
    this.#pid = pid;
    this.gpuUrls = gpuUrls;
    this.tenants = tenants;
    this.#processes = processes;
    this.#state = state;
  }

  /** Starts it with so many tenants, each with an admin key. */
  static async start(tenantCount: number, extra: Record<string, string> = {}): Promise<Edge> {
    const state = await StateFolder.open(mkdtempSync(join(stateRoot, "rosa2-bench-")));
    const processes = new Processes(state.logs);
    const ids = Array.from({ length: tenantCount }, (_, n) => `ten_bench${n}`);
    const tenants = await prepareTenants(state, processes, ids, { entry });
    const gpus = [new FakeGpu(secret), new FakeGpu(secret)] as const;
    const gpuUrls = [await gpus[0].listen(), await gpus[1].listen()] as const;
    const port = await choosePort(0);
    const variables = {
      GPU_URL: `enam=${gpuUrls[0]},apac=${gpuUrls[1]}`,
      GPU_SECRET: secret,
      CLIENT_TOKEN_SECRET: tokenSecret,
      RATE_LIMIT: "off",
      LOG: "off",
      METERING_MS: "300000",
      ...extra,
    };
    const url = `http://127.0.0.1:${port}`;
    const { pid } = processes.start(workerCommand(state, port, variables));
    const edge = new Edge(url, gpuUrls, tenants, processes, state, pid);
    try {
      await untilHealthy(url, processes);
    } catch (error) {
      await edge.stop();
      throw error;
    }
    return edge;
  }

  /** Bytes of everything that is kept. */
  bytes(): number {
    const text = execFileSync("du", ["-sb", this.#state.databases]).toString();
    return Number(text.split("\t")[0]);
  }

  /** CPU milliseconds that the runtime has taken so far. */
  cpuMs(): number {
    return runtimeCpuMs(this.#pid);
  }

  async stop(): Promise<void> {
    await this.#processes.stopAll();
    this.#state.close();
    rmSync(this.#state.path, { recursive: true, force: true });
  }

  /** From now on calls that leave the region are `ms` late. Returns the number of such calls since it was last called. */
  async late(ms: number): Promise<Record<"d1" | "r2" | "account" | "named" | "gpu", number>> {
    const far = encodeURIComponent(this.gpuUrls[1]);
    const response = await fetch(`${this.url}/v1/__late?ms=${ms}&far=${far}`, { method: "POST" });
    return (await response.json()) as Record<"d1" | "r2" | "account" | "named" | "gpu", number>;
  }

  /**
   * Average milliseconds of a call to the purse, and of one to the GPU service up to its first byte, since it was last
   * called.
   */
  async spent(): Promise<{ purseMs: number; gpuMs: number }> {
    const response = await fetch(`${this.url}/v1/__spent`, { method: "POST" });
    type Spent = { calls: number; ms: number };
    const { purse, gpu } = (await response.json()) as { purse: Spent; gpu: Spent };
    const each = ({ calls, ms }: Spent) => (calls === 0 ? 0 : ms / calls);
    return { purseMs: each(purse), gpuMs: each(gpu) };
  }

  /** An answer that must be a success. */
  async call(
    key: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const response = await fetch(`${this.url}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        authorization: `Bearer ${key}`,
        "content-type": "application/json",
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  }

  async make<T>(key: string, path: string, body?: object): Promise<T> {
    return (await (await this.call(key, path, body)).json()) as T;
  }
}
