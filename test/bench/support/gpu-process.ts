/** The GPU service as its own process on a free port, as `npm start` runs it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { generateEventSchema, secretHeader } from "@rosa2/shared/protocol";
import { choosePort } from "../../../edge/local/ports.ts";
import type { Context } from "../figure.ts";
import { checkpointOf, type ModelName, weightCache } from "./models.ts";

const main = fileURLToPath(new URL("../../../gpu-service/src/main.ts", import.meta.url));
export const gpuSecret = "secret of the benchmarks";
const startMsMax = 120_000;

export class GpuProcess {
  readonly #child: ChildProcess;
  readonly url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  /** Returns as soon as the process exists. */
  static async spawn(model: ModelName, context: Context): Promise<GpuProcess> {
    const port = await choosePort(0);
    const child = spawn(process.execPath, [main], {
      env: {
        PATH: process.env.PATH ?? "",
        MODEL: checkpointOf(model, context),
        ROSA2_CACHE: weightCache(context),
        GPU_SECRET: gpuSecret,
        GPU_PORT: String(port),
        THREADS: String(context.threads),
        LOG_LEVEL: "error",
        PARENT_PID: String(process.pid),
      },
      stdio: ["ignore", "ignore", "inherit"],
    });
    return new GpuProcess(child, `http://127.0.0.1:${port}`);
  }

  /** Posts the request again until the model is loaded. */
  async firstReply(body: object): Promise<void> {
    const until = performance.now() + startMsMax;
    for (;;) {
      const answer = await this.post(body).catch(() => null);
      if (answer?.ok) return this.#readReply(answer);
      await answer?.body?.cancel();
      if (this.#child.exitCode !== null) throw new Error("The GPU service ended");
      if (performance.now() > until) throw new Error("The GPU service does not answer");
      await sleep(10);
    }
  }

  /** Milliseconds of one whole reply. An adapter's file is sent along, as after a 409. */
  async reply(body: object, adapter?: Uint8Array<ArrayBuffer>): Promise<number> {
    const startedAt = performance.now();
    const answer = await this.post(body, adapter);
    if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
    await this.#readReply(answer);
    return performance.now() - startedAt;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }

  post(body: object, adapter?: Uint8Array<ArrayBuffer>): Promise<Response> {
    const headers = { [secretHeader]: gpuSecret };
    const json = JSON.stringify(body);
    if (adapter === undefined) {
      return fetch(`${this.url}/v1/generate`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: json,
      });
    }
    const form = new FormData();
    form.set("request", json);
    form.set("adapter", new Blob([adapter]));
    return fetch(`${this.url}/v1/generate`, { method: "POST", headers, body: form });
  }

  async #readReply(answer: Response): Promise<void> {
    const lines = (await answer.text()).split("\n").filter((line) => line.startsWith("data:"));
    const last = generateEventSchema.parse(JSON.parse(lines.at(-1)?.slice(5) ?? "null"));
    if (last.type !== "done") throw new Error(`The reply ended with ${JSON.stringify(last)}`);
  }
}
