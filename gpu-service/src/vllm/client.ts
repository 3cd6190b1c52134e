/**
 * vLLM's OpenAI-compatible server as this project uses it: models, health, adapters, one streamed chat reply.
 *
 * Routes and shapes are those of vLLM's `vllm/entrypoints/serve/lora` and `openai/chat_completion`. It knows no adapter
 * files: it passes vLLM a path, which vLLM reads itself.
 */
import { RosaError } from "@rosa2/shared/errors";
import { createParser } from "eventsource-parser";
import { Agent, request } from "undici";
import { z } from "zod";

export interface ServedModel {
  id: string;
  /** Null for a base model, the base model's name for an adapter. */
  parent: string | null;
  contextTokens: number | null;
}

const modelListSchema = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      parent: z.string().nullish(),
      max_model_len: z.number().int().nullish(),
    }),
  ),
});

const logprobSchema = z.object({
  token: z.string(),
  logprob: z.number(),
  bytes: z.array(z.number().int()).nullish(),
});
const chunkSchema = z.object({
  choices: z.array(
    z.object({
      delta: z.object({
        content: z.string().nullish(),
        /** The part of the reply that a reasoning parser takes out; newer servers call it `reasoning`. */
        reasoning: z.string().nullish(),
        reasoning_content: z.string().nullish(),
        tool_calls: z
          .array(
            z.object({
              index: z.number().int().min(0),
              function: z.object({ name: z.string().nullish(), arguments: z.string().nullish() }),
            }),
          )
          .nullish(),
      }),
      logprobs: z
        .object({
          content: z
            .array(logprobSchema.extend({ top_logprobs: z.array(logprobSchema).default([]) }))
            .nullish(),
        })
        .nullish(),
      finish_reason: z.string().nullish(),
      /** The stop string or token that ended the reply; null at the model's own end token. */
      stop_reason: z.union([z.string(), z.number()]).nullish(),
    }),
  ),
  usage: z
    .object({
      prompt_tokens: z.number().int(),
      completion_tokens: z.number().int().default(0),
      prompt_tokens_details: z.object({ cached_tokens: z.number().int().nullish() }).nullish(),
    })
    .nullish(),
});
export type ChatChunk = z.infer<typeof chunkSchema>;

const errorSchema = z.object({
  error: z.union([z.string(), z.object({ message: z.string() })]),
});

/** A refusal in vLLM's answer. */
export class VllmRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface VllmOptions {
  /** Address without /v1. */
  url: string;
  key?: string | undefined;
}

const loadMs = 120_000;

export class VllmClient {
  readonly #options: VllmOptions;
  /** No time limit between chunks: vLLM may keep a request in its queue for long. */
  readonly #agent = new Agent({
    connect: { timeout: 5_000 },
    headersTimeout: 600_000,
    bodyTimeout: 600_000,
    keepAliveTimeout: 60_000,
    connections: null,
  });

  constructor(options: VllmOptions) {
    this.#options = options;
  }

  /** Whether vLLM's engine is alive; also false while nothing listens. */
  async isHealthy(): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(2_000);
      const { statusCode, body } = await request(`${this.#options.url}/health`, {
        dispatcher: this.#agent,
        signal,
      });
      await body.dump();
      return statusCode === 200;
    } catch {
      return false;
    }
  }

  async models(): Promise<ServedModel[]> {
    const text = await this.#send("GET", "/v1/models", undefined, AbortSignal.timeout(5_000));
    const { data } = modelListSchema.parse(JSON.parse(text));
    return data.map(({ id, parent, max_model_len }) => ({
      id,
      parent: parent ?? null,
      contextTokens: max_model_len ?? null,
    }));
  }

  /** Loads the adapter directory at `path` under a name. Throws `VllmRefusal`. */
  async loadAdapter(name: string, path: string): Promise<void> {
    const body = { lora_name: name, lora_path: path };
    await this.#send("POST", "/v1/load_lora_adapter", body, AbortSignal.timeout(loadMs));
  }

  async unloadAdapter(name: string): Promise<void> {
    const body = { lora_name: name };
    await this.#send("POST", "/v1/unload_lora_adapter", body, AbortSignal.timeout(loadMs));
  }

  /**
   * Chunks of one chat completion; resolves once vLLM has accepted it. Aborting the signal, or leaving the loop, ends
   * it in vLLM.
   *
   * @throws VllmRefusal at once or within the stream, RosaError `gpu_unavailable` when it breaks off.
   */
  async chat(body: object, signal: AbortSignal): Promise<AsyncGenerator<ChatChunk>> {
    return chunksOf(await this.#request("POST", "/v1/chat/completions", body, signal));
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #send(
    method: "GET" | "POST",
    path: string,
    body: object | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    return await (await this.#request(method, path, body, signal)).text();
  }

  async #request(
    method: "GET" | "POST",
    path: string,
    body: object | undefined,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { url, key } = this.#options;
    const send = () =>
      request(url + path, {
        method,
        dispatcher: this.#agent,
        signal,
        headers: {
          "content-type": "application/json",
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    // A kept connection to a vLLM that has ended fails before an answer; every call here may be sent twice.
    const answer = await send()
      .catch((cause: Error & { code?: string }) => {
        if (cause.code === "UND_ERR_SOCKET" || cause.code === "ECONNRESET") return send();
        throw cause;
      })
      .catch((cause: Error) => {
        if (signal.aborted && signal.reason?.name !== "TimeoutError") throw cause;
        throw new RosaError("gpu_cold", "vLLM does not answer yet", { retryAfterS: 5, cause });
      });
    if (answer.statusCode >= 400) {
      throw new VllmRefusal(answer.statusCode, messageOf(await answer.body.text()));
    }
    return answer.body;
  }
}

type Answer = Awaited<ReturnType<typeof request>>["body"];

async function* chunksOf(answer: Answer): AsyncGenerator<ChatChunk> {
  const arrived: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => arrived.push(data) });
  const decoder = new TextDecoder();
  try {
    for await (const bytes of answer) {
      parser.feed(decoder.decode(bytes as Uint8Array, { stream: true }));
      for (const data of arrived.splice(0)) {
        if (data === "[DONE]") return;
        yield parseChunk(data);
      }
    }
  } catch (cause) {
    if (cause instanceof VllmRefusal) throw cause;
    throw unavailable("broke off before the reply's end", cause);
  } finally {
    answer.destroy();
  }
  throw unavailable("broke off before the reply's end");
}

function parseChunk(data: string): ChatChunk {
  const json: unknown = JSON.parse(data);
  const failure = errorSchema.safeParse(json);
  if (failure.success) throw new VllmRefusal(500, messageOf(data));
  return chunkSchema.parse(json);
}

function messageOf(text: string): string {
  try {
    const { error } = errorSchema.parse(JSON.parse(text));
    return typeof error === "string" ? error : error.message;
  } catch {
    return text.slice(0, 200);
  }
}

function unavailable(what: string, cause?: unknown): RosaError {
  return new RosaError("gpu_unavailable", `vLLM ${what}`, { retryAfterS: 5, cause });
}
