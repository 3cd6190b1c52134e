/** Asks a deployment on Modal whether it serves: proxy headers, time limits, retries with jitter. Reads only. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Health, healthSchema } from "@rosa2/shared/health";
import { Agent, request } from "undici";

export interface Deployment {
  url: string;
  key: string;
  secret: string;
}

/** A proxy holds a request while a container starts, so headers may take this long. */
const headersTimeoutMs = 150_000;
const pauseMs = { first: 500, longest: 8_000 };

export class ModalClient {
  readonly #deployment: Deployment;
  readonly #agent = new Agent({
    connect: { timeout: 10_000 },
    headersTimeout: headersTimeoutMs,
    bodyTimeout: 30_000,
    keepAliveTimeout: 60_000,
  });

  constructor(deployment: Deployment) {
    this.#deployment = deployment;
  }

  /** One question, no retry. Throws when something other than the GPU service answers. */
  async health(): Promise<Health> {
    const { statusCode, body } = await request(`${this.#deployment.url}/health`, {
      dispatcher: this.#agent,
      headers: { "modal-key": this.#deployment.key, "modal-secret": this.#deployment.secret },
    });
    const text = await body.text();
    if (statusCode === 401 || statusCode === 403) {
      throw new RefusedError(`The proxy refused MODAL_KEY and MODAL_SECRET (${statusCode})`);
    }
    const parsed = healthSchema.safeParse(jsonOrNull(text));
    if (!parsed.success) {
      throw new Error(
        `${statusCode}, and the answer is not of a GPU service: ${text.slice(0, 200)}`,
      );
    }
    return parsed.data;
  }

  /**
   * Asks until it serves; asking is what makes a container start. Pauses grow, each shortened at random
   * so that many callers spread out. Throws the last problem when the time is over, and at once when the
   * proxy refuses the key.
   */
  async warm(waitMs: number): Promise<{ health: Health; ms: number }> {
    const startedAt = performance.now();
    for (let pause = pauseMs.first; ; pause = Math.min(pause * 2, pauseMs.longest)) {
      let problem: unknown;
      try {
        const health = await this.health();
        if (health.status === "ok") return { health, ms: performance.now() - startedAt };
        problem = new Error(`The GPU service is ${health.status}`);
      } catch (error) {
        if (error instanceof RefusedError) throw error;
        problem = error;
      }
      if (performance.now() - startedAt + pause > waitMs) throw problem;
      await sleep(pause * (0.5 + Math.random() / 2));
    }
  }

  close(): Promise<void> {
    return this.#agent.close();
  }
}

/** Asking again would not help. */
class RefusedError extends Error {}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
