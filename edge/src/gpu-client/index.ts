/**
 * Client of the GPU service: one method a verb, answers validated, failures as typed errors.
 *
 * It sends an adapter's bytes only after `409 adapter_missing`, and knows neither sessions nor where
 * adapters are kept: the caller hands in a function that loads them.
 */
import { isErrorCode, RosaError } from "@rosa2/shared/errors";
import {
  type AdaptResult,
  type adaptRequestSchema,
  adaptResultSchema,
  type GenerateEvent,
  generateEventSchema,
  type generateRequestSchema,
  type Health,
  healthSchema,
  type ScoreResult,
  type scoreRequestSchema,
  scoreResultSchema,
  secretHeader,
} from "@rosa2/shared/protocol";
import { createParser } from "eventsource-parser";
import type { z } from "zod";
import type { Config } from "../config.ts";

/** Loads the bytes of an adapter file by digest. */
export type LoadAdapter = (digest: string) => Promise<Uint8Array<ArrayBuffer>>;

export interface CallContext {
  loadAdapter: LoadAdapter;
  requestId?: string;
  traceparent?: string;
  signal?: AbortSignal;
}

/** Requests as callers write them: what the schema has a default for may be left out. */
type GenerateInput = z.input<typeof generateRequestSchema>;
type AdaptInput = z.input<typeof adaptRequestSchema>;
type ScoreInput = z.input<typeof scoreRequestSchema>;

export class GpuClient {
  readonly #config: Config["gpu"];

  constructor(config: Config["gpu"]) {
    this.#config = config;
  }

  /**
   * Events of one reply, ending with `done`. Aborting the signal, or leaving the loop, ends the
   * generation on the GPU.
   *
   * @throws RosaError as the service reports it, or `gpu_unavailable` when it cannot be reached, falls silent or breaks off.
   */
  async *generate(request: GenerateInput, context: CallContext): AsyncGenerator<GenerateEvent> {
    const silence = new Silence(this.#config.timeoutMs);
    const response = await this.#call("/v1/generate", request, context, silence);
    if (response.body === null) throw broken("answered without a body");
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const arrived: string[] = [];
    const parser = createParser({ onEvent: ({ data }) => arrived.push(data) });
    let finished = false;
    try {
      for (;;) {
        // Heartbeats are chunks too: a reply that waits its turn in the queue is not silent.
        const { done, value } = await silence.watch(reader.read()).catch((error) => {
          throw unreachable(error);
        });
        if (done) throw broken("broke off before the reply's end");
        parser.feed(value);
        for (const data of arrived.splice(0)) {
          const event = parseEvent(data);
          if (event.type === "error") throw reported(event.error.code, event.error.message);
          finished = event.type === "done";
          yield event;
          if (finished) return;
        }
      }
    } finally {
      if (!finished) await reader.cancel().catch(() => {});
    }
  }

  /** One update of an adapter; an accepted one comes with the new file's bytes. */
  async adapt(
    request: AdaptInput,
    context: CallContext,
  ): Promise<{ result: AdaptResult; adapter: Uint8Array<ArrayBuffer> | null }> {
    const silence = new Silence(this.#config.updateTimeoutMs);
    const response = await this.#call("/v1/adapt", request, context, silence);
    const form = await silence.watch(response.formData()).catch((error) => {
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

  /** Summed log-probs of given replies. */
  async score(request: ScoreInput, context: CallContext): Promise<ScoreResult> {
    return validate(scoreResultSchema, await this.#callForJson("/v1/score", request, context));
  }

  /** A PEFT archive made of an adapter file, as the service streams it. */
  async export(tenant: string, digest: string, context: CallContext): Promise<Response> {
    const silence = new Silence(this.#config.timeoutMs);
    return await this.#call("/v1/export", { tenant, adapter: { digest } }, context, silence);
  }

  async health(signal?: AbortSignal): Promise<Health> {
    const response = await fetch(`${this.#config.url}/health`, {
      headers: this.#headers({ loadAdapter: noAdapter }),
      signal: signal ?? AbortSignal.timeout(2000),
    }).catch((error) => {
      throw unreachable(error);
    });
    return validate(healthSchema, await response.json().catch(() => null));
  }

  async #callForJson(path: string, request: ScoreInput, context: CallContext): Promise<unknown> {
    const silence = new Silence(this.#config.timeoutMs);
    const response = await this.#call(path, request, context, silence);
    const text = await silence.watch(response.text()).catch((error) => {
      throw unreachable(error);
    });
    return parseJson(text);
  }

  /** Sends a request, and again with the adapter's bytes if the replica does not have them. */
  async #call(
    path: string,
    request: { tenant: string; adapter?: { digest: string } | null },
    context: CallContext,
    silence: Silence,
  ): Promise<Response> {
    const json = JSON.stringify(request);
    const headers = this.#headers(context);
    const send = async (body: string | FormData) => {
      const init: RequestInit = {
        method: "POST",
        headers:
          typeof body === "string" ? { ...headers, "content-type": "application/json" } : headers,
        body,
        signal: silence.signal(context.signal),
      };
      return await silence.watch(fetch(this.#config.url + path, init)).catch((error) => {
        throw unreachable(error);
      });
    };
    let response = await send(json);
    if (response.ok) return response;
    let error = await readError(response);
    if (error.code === "adapter_missing" && request.adapter != null) {
      const bytes = await context.loadAdapter(request.adapter.digest);
      const form = new FormData();
      form.append("request", new Blob([json], { type: "application/json" }), "request.json");
      form.append("adapter", new Blob([bytes]), "adapter.safetensors");
      response = await send(form);
      if (response.ok) return response;
      error = await readError(response);
    }
    throw error;
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

const noAdapter: LoadAdapter = async () => {
  throw new Error("This call has no adapter");
};

/** Gives a call up when the service says nothing for too long; every answer starts the wait anew. */
class Silence {
  readonly #timeoutMs: number;
  readonly #controller = new AbortController();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  signal(outer: AbortSignal | undefined): AbortSignal {
    return outer === undefined
      ? this.#controller.signal
      : AbortSignal.any([outer, this.#controller.signal]);
  }

  async watch<T>(work: Promise<T>): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | null = null;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = new RosaError(
          "gpu_unavailable",
          `The GPU service said nothing for ${this.#timeoutMs} ms`,
          { retryAfterS: 5 },
        );
        reject(error);
        this.#controller.abort(error);
      }, this.#timeoutMs);
    });
    try {
      return await Promise.race([work, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }
}

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
  if (typeof code !== "string") return broken(`answered with status ${response.status}`);
  const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
  return reported(code, String(message), Number.isFinite(retryAfter) ? retryAfter : undefined);
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
