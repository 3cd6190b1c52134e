/**
 * Client of the GPU service: one method a verb, answers validated, failures as typed errors.
 *
 * It sends an adapter's bytes only after `409 adapter_missing`, and knows neither sessions nor where
 * adapters are kept: the caller hands in a function that loads them. Replies may come from another service
 * that speaks the same `/v1/generate`. A cold service is an error, or is waited for: cold-start.ts.
 */
import { isErrorCode, RosaError } from "@rosa2/shared/errors";
import { type Health, healthSchema } from "@rosa2/shared/health";
import {
  type AdaptResult,
  adaptResultSchema,
  type GenerateEvent,
  generateEventSchema,
  type SampleResult,
  type ScoreResult,
  sampleResultSchema,
  scoreResultSchema,
  secretHeader,
} from "@rosa2/shared/protocol";
import { createParser } from "eventsource-parser";
import type { z } from "zod";
import type { Config } from "../config.ts";
import type {
  AdaptInput,
  CallContext,
  GenerateInput,
  Inference,
  LoadAdapter,
  SampleInput,
  ScoreInput,
  Waiting,
} from "../inference/inference.ts";
import { goesOn, isCold, unlessCold, untilWarm } from "./cold-start.ts";
import { IdleTimeout } from "./idle-timeout.ts";

/** A request that fails sooner, without any answer, was lost on the way. */
const lostWithinMs = 1000;

export class GpuClient implements Inference {
  readonly #config: Config["gpu"];
  readonly fixedWeights = null;

  constructor(config: Config["gpu"]) {
    this.#config = config;
  }

  get place(): string {
    return this.#config.inferenceUrl;
  }

  get isDivided(): boolean {
    return this.#config.inferenceUrl !== this.#config.url;
  }

  /**
   * Events of one reply, ending with `done`. Aborting the signal, or leaving the loop, ends the
   * generation on the GPU.
   *
   * @throws RosaError as the service reports it, or `gpu_unavailable` when it cannot be reached, falls silent or breaks off.
   */
  async *generate(
    request: GenerateInput,
    context: CallContext,
  ): AsyncGenerator<GenerateEvent | Waiting> {
    const idle = new IdleTimeout(this.#config.timeoutMs);
    let reader: ReadableStreamDefaultReader<string> | null = null;
    let finished = false;
    try {
      const { inferenceUrl, coldMs } = this.#config;
      const answering = this.#call(inferenceUrl, "/v1/generate", request, context, idle);
      if (context.waitsForColdStart) {
        while (await goesOn(answering, coldMs)) yield { type: "waiting" };
      }
      const response = await answering;
      if (response.body === null) throw broken("answered without a body");
      reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const arrived: string[] = [];
      const parser = createParser({ onEvent: ({ data }) => arrived.push(data) });
      for (;;) {
        // Heartbeats are chunks too: a reply that waits its turn in the queue is not silent.
        const { done, value } = await idle.watch(reader.read()).catch((error) => {
          throw unreachable(error);
        });
        if (done) throw broken("broke off before the reply's end");
        parser.feed(value);
        // The service's own heartbeat: a reply that stands in its queue, or a long prompt being read.
        if (arrived.length === 0) yield { type: "waiting" };
        for (const data of arrived.splice(0)) {
          const event = parseEvent(data);
          if (event.type === "error") throw reported(event.error.code, event.error.message);
          finished = event.type === "done";
          yield event;
          if (finished) return;
        }
      }
    } finally {
      if (!finished) {
        idle.end();
        await reader?.cancel().catch(() => {});
      }
    }
  }

  /** One update of an adapter; an accepted one comes with the new file's bytes. */
  async adapt(
    request: AdaptInput,
    context: CallContext,
  ): Promise<{ result: AdaptResult; adapter: Uint8Array<ArrayBuffer> | null }> {
    const idle = new IdleTimeout(this.#config.updateTimeoutMs);
    const response = await this.#call(this.#config.url, "/v1/adapt", request, context, idle);
    const form = await idle.watch(response.formData()).catch((error) => {
      throw unreachable(error);
    });
    const resultPart = form.get("result");
    if (resultPart === null) throw broken("answered an update without the part `result`");
    const text = typeof resultPart === "string" ? resultPart : await resultPart.text();
    const result = validate(adaptResultSchema, parseJson(text));
    if (result.decision !== "updated") return { result, adapter: null };
    const file = form.get("adapter");
    if (file === null || typeof file === "string" || result.digest === undefined) {
      throw broken("answered an accepted update without the adapter file");
    }
    return { result, adapter: new Uint8Array(await file.arrayBuffer()) };
  }

  /** Several replies to one prompt, which is read once. */
  async sample(request: SampleInput, context: CallContext): Promise<SampleResult> {
    return validate(sampleResultSchema, await this.#callForJson("/v1/sample", request, context));
  }

  /** Summed log-probs of given replies. */
  async score(request: ScoreInput, context: CallContext): Promise<ScoreResult> {
    return validate(scoreResultSchema, await this.#callForJson("/v1/score", request, context));
  }

  /** A PEFT archive made of an adapter file, as the service streams it. */
  async export(tenant: string, digest: string, context: CallContext): Promise<Response> {
    const idle = new IdleTimeout(this.#config.timeoutMs);
    const request = { tenant, adapter: { digest } };
    return await this.#call(this.#config.url, "/v1/export", request, context, idle);
  }

  /** Of the GPU service, or of whoever gives replies. */
  async health(of: "updates" | "replies" = "updates"): Promise<Health> {
    const { url, inferenceUrl } = this.#config;
    return await this.#healthAt(of === "updates" ? url : inferenceUrl, 2_000);
  }

  async #healthAt(url: string, timeoutMs: number): Promise<Health> {
    const response = await fetch(`${url}/health`, {
      headers: this.#headers({ loadAdapter: noAdapter }),
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((error) => {
      throw unreachable(error);
    });
    return validate(healthSchema, await response.json().catch(() => null));
  }

  async #callForJson(
    path: string,
    request: ScoreInput | SampleInput,
    context: CallContext,
  ): Promise<unknown> {
    const idle = new IdleTimeout(this.#config.timeoutMs);
    const response = await this.#call(this.#config.url, path, request, context, idle);
    const text = await idle.watch(response.text()).catch((error) => {
      throw unreachable(error);
    });
    return parseJson(text);
  }

  /** Sends a request, and again with the adapter's bytes if the replica does not have them. */
  async #call(
    base: string,
    path: string,
    request: { tenant: string; adapter?: { digest: string } | null },
    context: CallContext,
    idle: IdleTimeout,
  ): Promise<Response> {
    const json = JSON.stringify(request);
    let bytes: Uint8Array<ArrayBuffer> | null = null;
    const send = async (): Promise<Response> => {
      const response = await this.#send(base, path, bodyOf(json, bytes), context, idle);
      if (response.ok) return response;
      const error = await readError(response);
      if (error.code !== "adapter_missing" || bytes !== null || request.adapter == null) {
        throw error;
      }
      bytes = await context.loadAdapter(request.adapter.digest);
      return await send();
    };
    return context.waitsForColdStart ? await untilWarm(this.#config.warmUpMs, send) : await send();
  }

  async #send(
    base: string,
    path: string,
    body: string | FormData,
    context: CallContext,
    idle: IdleTimeout,
  ): Promise<Response> {
    const { coldMs, warmUpMs } = this.#config;
    const headers = this.#headers(context);
    const signal = idle.signal(context.signal);
    const startedAt = Date.now();
    const post = () =>
      fetch(base + path, {
        method: "POST",
        headers:
          typeof body === "string" ? { ...headers, "content-type": "application/json" } : headers,
        body,
        signal,
      });
    const answering = post()
      .catch((error) => {
        // A kept connection that the other side has just closed fails at once; the request never arrived. Should it
        // have arrived after all, the same request makes the same answer.
        const isLost = !signal.aborted && Date.now() - startedAt < lostWithinMs;
        if (!isLost) throw error;
        return post();
      })
      .catch((error) => {
        throw unreachable(error);
      });
    const isThere = async () => (await this.#healthAt(base, coldMs)).status === "ok";
    try {
      return await idle.watch(unlessCold(answering, coldMs, isThere));
    } catch (error) {
      // The request may be held by a platform that starts a container for it: then it is answered in the end.
      if (context.waitsForColdStart && isCold(error)) return await idle.watch(answering, warmUpMs);
      idle.end();
      throw error;
    }
  }

  #headers(context: CallContext): Record<string, string> {
    return {
      [secretHeader]: this.#config.secret,
      ...this.#config.proxyHeaders,
      ...(context.requestId === undefined ? {} : { "x-request-id": context.requestId }),
      ...(context.traceparent === undefined ? {} : { traceparent: context.traceparent }),
    };
  }
}

/** JSON as it is, or a form with the adapter's file beside it. */
function bodyOf(json: string, adapter: Uint8Array<ArrayBuffer> | null): string | FormData {
  if (adapter === null) return json;
  const form = new FormData();
  form.append("request", new Blob([json], { type: "application/json" }), "request.json");
  form.append("adapter", new Blob([adapter]), "adapter.safetensors");
  return form;
}

const noAdapter: LoadAdapter = async () => {
  throw new Error("This call has no adapter");
};

function parseEvent(data: string): GenerateEvent {
  return validate(generateEventSchema, parseJson(data));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw broken("answered with invalid JSON", cause);
  }
}

function validate<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw broken(`answered outside the protocol: ${issue?.path.join(".")} ${issue?.message}`);
}

async function readError(response: Response): Promise<RosaError> {
  const body = (await response.json().catch(() => null)) as {
    error?: { code?: unknown; message?: unknown; param?: unknown };
  } | null;
  const { code, message } = body?.error ?? {};
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retryAfterS = Number.isFinite(retryAfter) ? retryAfter : undefined;
  if (typeof code === "string") return reported(code, String(message), retryAfterS);
  const what = `answered with status ${response.status}`;
  // No words of the service's own: its platform's proxy, which has no container to give the request to.
  return [502, 503, 504].includes(response.status)
    ? new RosaError("gpu_cold", `The GPU service ${what}`, { retryAfterS: retryAfterS ?? 5 })
    : broken(what);
}

/**
 * The service's own errors, as our caller should see them: a full queue or a cold start is a 503 to come
 * back for; our own mistakes (secret, protocol) are internal errors; the rest is about the request.
 */
function reported(code: string, message: string, retryAfterS?: number): RosaError {
  if (!isErrorCode(code)) return broken(`reported ${code}: ${message}`);
  if (
    ["invalid_key", "missing_key", "invalid_json", "not_found", "internal_error"].includes(code)
  ) {
    return broken(`reported ${code}: ${message}`);
  }
  if (code === "shutting_down" || code === "timeout") {
    return new RosaError("gpu_unavailable", `The GPU service reported: ${message}`, {
      retryAfterS: retryAfterS ?? 2,
    });
  }
  return new RosaError(code, message, { retryAfterS });
}

function unreachable(cause: unknown): unknown {
  if (cause instanceof RosaError) return cause;
  if (cause instanceof Error && cause.name === "AbortError") return cause;
  return new RosaError("gpu_unavailable", "The GPU service cannot be reached", {
    retryAfterS: 5,
    cause,
  });
}

function broken(what: string, cause?: unknown): RosaError {
  return new RosaError("gpu_unavailable", `The GPU service ${what}`, { retryAfterS: 5, cause });
}

/** Whether trying the same call again later can succeed. */
export function isTransient(error: unknown): boolean {
  return (
    error instanceof RosaError &&
    ["gpu_unavailable", "gpu_cold", "queue_full", "shutting_down", "timeout"].includes(error.code)
  );
}
