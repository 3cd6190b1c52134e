/** Replicas of the GPU service behind one port, as `npm start -- --replicas` runs them, called as the edge calls them. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { generateEventSchema, secretHeader } from "@rosa2/shared/protocol";
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { choosePort } from "../../../edge/local/ports.ts";
import { writeAdapter } from "../../../gpu-service/src/adapt/adapter-file.ts";
import type { Checkpoint } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import { loraLength } from "../../../gpu-service/src/lora/sites.ts";

const secret = "secret-of-the-benchmark";
const balancer = fileURLToPath(new URL("../../../edge/local/replicas.ts", import.meta.url));
const rank = 8;

export interface Adapter {
  digest: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** An adapter of small random numbers, so that replies stay mostly those of the model. */
export function randomAdapter(checkpoint: Checkpoint, seed: string): Adapter {
  const random = seededRandom(seed);
  const length = loraLength(checkpoint.config, rank);
  const B = Float32Array.from({ length }, () => 0.001 * randomNormal(random));
  const { bytes, digest } = writeAdapter(checkpoint, { rank, B, parent: null });
  return { bytes: Uint8Array.from(bytes), digest };
}

export class Replicas {
  readonly #child: ChildProcess;
  readonly #url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.#url = url;
  }

  /** Each with one thread; resolves when all of them serve. */
  static async start(count: number, model: string): Promise<Replicas> {
    const port = await choosePort(0);
    const child = spawn(process.execPath, [balancer], {
      stdio: ["ignore", "ignore", "inherit"],
      env: {
        ...process.env,
        ...{ REPLICAS: String(count), THREADS: "1", MODEL: model, LOG_LEVEL: "error" },
        ...{ GPU_HOST: "127.0.0.1", GPU_PORT: String(port), GPU_SECRET: secret },
      },
    });
    const url = `http://127.0.0.1:${port}`;
    const serving = new Set<string>();
    while (serving.size < count) {
      if (child.exitCode !== null) throw new Error(`The replicas ended (${child.exitCode})`);
      const response = await fetch(`${url}/health`).catch(() => null);
      await response?.body?.cancel();
      if (response?.ok) serving.add(response.headers.get("x-rosa2-replica") ?? "");
      await sleep(100);
    }
    return new Replicas(child, url);
  }

  /** One reply of at most so many tokens; the adapter's file is sent only where it is missing. */
  async reply(
    { digest, bytes }: Adapter,
    { seed, tokens }: { seed: number; tokens: number },
  ): Promise<{ tokens: number; wasMissing: boolean }> {
    const request = JSON.stringify({
      tenant: "bench",
      adapter: { digest },
      messages: [{ role: "user", content: "Count them: 1 2 3" }],
      // A temperature at which a reply seldom ends before its limit.
      sampling: { temperature: 2, max_tokens: tokens, seed },
    });
    let response = await this.#post(request);
    const wasMissing = response.status === 409;
    if (wasMissing) {
      await response.body?.cancel();
      const form = new FormData();
      form.set("request", request);
      form.set("adapter", new Blob([bytes]), "adapter.safetensors");
      response = await this.#post(form);
    }
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${text}`);
    const last = text.trim().split("\n\n").at(-1) ?? "";
    const event = generateEventSchema.parse(JSON.parse(last.replace(/^data: /, "")));
    if (event.type !== "done") throw new Error(`A reply ended with ${last}`);
    return { tokens: event.usage.completion_tokens, wasMissing };
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await ended;
  }

  #post(body: string | FormData): Promise<Response> {
    return fetch(`${this.#url}/v1/generate`, {
      method: "POST",
      headers: { [secretHeader]: secret },
      body,
    });
  }
}
