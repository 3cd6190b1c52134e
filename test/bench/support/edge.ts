/** The edge in the local runtime, with the stand-in for the GPU service and an entry module for benchmarks. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { FakeGpu } from "../../support/fake-gpu.ts";
import { prepareTenants, type Tenant } from "../../support/local-edge.ts";
import { LocalWorker } from "./local-worker.ts";

const entry = fileURLToPath(new URL("../../edge/support/late-worker.ts", import.meta.url));
const secret = "secret-of-the-benchmark";
/** Secret of the client tokens of the measured edge. */
export const tokenSecret = "secret-of-the-benchmark-for-client-tokens";

export class Edge {
  readonly url: string;
  /** Two services; the edge knows the first as the nearer to its callers. */
  readonly gpuUrls: readonly [string, string];
  readonly tenants: readonly Tenant[];
  readonly #worker: LocalWorker;

  private constructor(
    worker: LocalWorker,
    gpuUrls: readonly [string, string],
    tenants: readonly Tenant[],
  ) {
    this.url = worker.url;
    this.gpuUrls = gpuUrls;
    this.tenants = tenants;
    this.#worker = worker;
  }

  /** Starts it with so many tenants, each with an admin key. */
  static async start(tenantCount: number, extra: Record<string, string> = {}): Promise<Edge> {
    const gpus = [new FakeGpu(secret), new FakeGpu(secret)] as const;
    const gpuUrls = [await gpus[0].listen(), await gpus[1].listen()] as const;
    const ids = Array.from({ length: tenantCount }, (_, n) => `ten_bench${n}`);
    let tenants: readonly Tenant[] = [];
    const worker = await LocalWorker.start(async ({ state, processes }) => {
      tenants = await prepareTenants(state, processes, ids, { entry });
      return {
        GPU_URL: `enam=${gpuUrls[0]},apac=${gpuUrls[1]}`,
        GPU_SECRET: secret,
        CLIENT_TOKEN_SECRET: tokenSecret,
        RATE_LIMIT: "off",
        LOG: "off",
        METERING_MS: "300000",
        ...extra,
      };
    });
    return new Edge(worker, gpuUrls, tenants);
  }

  /** Bytes of everything that is kept. */
  bytes(): number {
    const text = execFileSync("du", ["-sb", this.#worker.state.databases]).toString();
    return Number(text.split("\t")[0]);
  }

  /** CPU milliseconds that the runtime has taken so far. */
  cpuMs(): number {
    return this.#worker.cpuMs();
  }

  stop(): Promise<void> {
    return this.#worker.stop();
  }

  /** From now on calls that leave the region are `ms` late. Returns the number of such calls since it was last called. */
  async late(ms: number): Promise<Record<"d1" | "r2" | "account" | "named" | "gpu", number>> {
    const far = encodeURIComponent(this.gpuUrls[1]);
    const response = await fetch(`${this.url}/v1/__late?ms=${ms}&far=${far}`, { method: "POST" });
    return (await response.json()) as Record<"d1" | "r2" | "account" | "named" | "gpu", number>;
  }

  /** Average milliseconds of a call to the GPU service up to its first byte, since this was last called. */
  async gpuMs(): Promise<number> {
    const response = await fetch(`${this.url}/v1/__spent`, { method: "POST" });
    const { calls, ms } = (await response.json()) as { calls: number; ms: number };
    return calls === 0 ? 0 : ms / calls;
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
