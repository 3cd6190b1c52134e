/** Stands in for vLLM until it serves: reports that it is loading, then passes everything to the replies. */
import { RosaError } from "@rosa2/shared/errors";
import type { Health } from "@rosa2/shared/health";
import type { GenerateEvent, GenerateRequest } from "@rosa2/shared/protocol";
import type { ReplySource } from "../http/service.ts";
import type { VllmReplies } from "./replies.ts";

export class Starting implements ReplySource {
  #source: VllmReplies | null = null;

  become(source: VllmReplies): void {
    this.#source = source;
  }

  get inFlight(): number {
    return this.#source?.inFlight ?? 0;
  }

  get health(): Health | Promise<Health> {
    const queue = { waiting: 0, running: 0 };
    return this.#source?.health ?? { status: "loading", model: null, provider: "vllm", queue };
  }

  async drain(graceMs: number): Promise<void> {
    await this.#source?.drain(graceMs);
  }

  async generate(
    request: GenerateRequest,
    adapterBytes: Uint8Array<ArrayBuffer> | null,
    signal: AbortSignal,
  ): Promise<ReadableStream<GenerateEvent>> {
    if (this.#source === null) {
      throw new RosaError("gpu_cold", "vLLM is loading its model", { retryAfterS: 5 });
    }
    return await this.#source.generate(request, adapterBytes, signal);
  }
}
