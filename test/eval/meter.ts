/** Memory and time of the GPU service from its Prometheus metrics, sampled while sessions run. */
import { secretHeader } from "@rosa2/shared/protocol";
import { Failure } from "../../shared/command/failure.ts";

export interface MeterReading {
  /** Largest resident memory seen. */
  peakBytes: number;
  /** Time in prefill and decode. */
  replySeconds: number;
  /** Time in updates and scores. */
  learnSeconds: number;
}

const sampleMs = 250;

export class Meter {
  readonly #url: string;
  readonly #secret: string | null;

  constructor(url: string, secret: string | null) {
    this.#url = url.endsWith("/metrics") ? url : `${url.replace(/\/+$/, "")}/metrics`;
    this.#secret = secret;
  }

  /**
   * Watches the service until it is told to stop; `read` gives what was seen so far.
   *
   * @throws Failure when the metrics cannot be read.
   */
  async watch(): Promise<{ read(): Promise<MeterReading>; stop(): void }> {
    const before = await this.#read();
    let peakBytes = before.memory;
    let reading = Promise.resolve();
    const timer = setInterval(() => {
      // A failed sample is skipped; the last one decides whether the service is there.
      reading = this.#read().then(
        ({ memory }) => {
          peakBytes = Math.max(peakBytes, memory);
        },
        () => {},
      );
    }, sampleMs);
    return {
      read: async () => {
        await reading;
        const after = await this.#read();
        return {
          peakBytes: Math.max(peakBytes, after.memory),
          replySeconds: after.reply - before.reply,
          learnSeconds: after.learn - before.learn,
        };
      },
      stop: () => clearInterval(timer),
    };
  }

  async #read(): Promise<{ memory: number; reply: number; learn: number }> {
    let text: string;
    try {
      const headers = new Headers();
      if (this.#secret !== null) headers.set(secretHeader, this.#secret);
      const response = await fetch(this.#url, { headers, signal: AbortSignal.timeout(10_000) });
      if (!response.ok) throw new Error(`it answered ${response.status}`);
      text = await response.text();
    } catch (error) {
      throw new Failure(`Cannot read --gpu-metrics ${this.#url}: ${(error as Error).message}`);
    }
    const seconds = (kind: string) => sample(text, "rosa2_step_seconds_sum", `kind="${kind}"`);
    const memory = sample(text, "process_resident_memory_bytes");
    if (memory === 0) throw new Failure(`${this.#url} tells no process_resident_memory_bytes`);
    return { memory, reply: seconds("prefill") + seconds("decode"), learn: seconds("background") };
  }
}

/** Value of a series in Prometheus' text format; 0 where it has not appeared yet. */
export function sample(text: string, name: string, label = ""): number {
  for (const line of text.split("\n")) {
    const match = /^(?<name>[\w:]+)(?:\{(?<labels>[^}]*)\})?\s+(?<value>\S+)/.exec(line)?.groups;
    if (match?.name !== name) continue;
    if (label !== "" && !(match.labels ?? "").split(",").includes(label)) continue;
    return Number(match.value);
  }
  return 0;
}
