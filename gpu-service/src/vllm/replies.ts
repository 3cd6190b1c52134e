/**
 * Replies of vLLM in the wire's format: adapters by digest, S from vLLM's log-probs, rejected replies ruled out.
 *
 * `generate` is the main path. Updates and scores are not handled here: they stay with the GPU service.
 */
import { createHash, randomBytes } from "node:crypto";
import { nativeMessages, outputFields } from "@rosa2/shared/chat-body";
import { RosaError } from "@rosa2/shared/errors";
import type { Health } from "@rosa2/shared/health";
import type {
  GenerateEvent,
  GenerateRequest,
  Sampling,
  TokenLogprob,
} from "@rosa2/shared/protocol";
import { CallWriter } from "@rosa2/shared/reply-parts";
import type { SamplingDefaults } from "../checkpoint/model-config.ts";
import { withDefaults } from "../engine/batch/sampling.ts";
import type { ReplySource } from "../http/service.ts";
import { type ChatChunk, type VllmClient, VllmRefusal } from "./client.ts";
import { HeldBack } from "./held-back.ts";
import type { Lease, LoadedAdapters } from "./loaded-adapters.ts";

export interface VllmRepliesOptions {
  vllm: VllmClient;
  loaded: LoadedAdapters;
  /** The base model with vLLM's name, as edges see it. */
  model: NonNullable<Health["model"]>;
  /** The checkpoint's sampling where a request says nothing. */
  sampling: SamplingDefaults;
  repliesMax: number;
}

/** Yielded before a reply's events, once vLLM has accepted the request. */
const taken = Symbol("taken");

/** Draws of a reply that turns out to be a rejected one; the last is given as it is. */
const drawingsMax = 4;

export class VllmReplies implements ReplySource {
  readonly #options: VllmRepliesOptions;
  /** vLLM shares cached prefixes only within a salt: one tenant cannot time another's prompts. */
  readonly #salt = randomBytes(32);
  #running = 0;
  #draining = false;

  constructor(options: VllmRepliesOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#running;
  }

  get health(): Promise<Health> {
    return this.#options.vllm.isHealthy().then((isHealthy) => ({
      status: this.#draining ? "draining" : isHealthy ? "ok" : "loading",
      model: this.#options.model,
      provider: "vllm",
      queue: { waiting: 0, running: this.#running },
    }));
  }

  /** Refuses new requests and waits for replies in flight. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    const until = performance.now() + graceMs;
    while (this.#running > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async generate(
    request: GenerateRequest,
    adapterBytes: Uint8Array<ArrayBuffer> | null,
    signal: AbortSignal,
  ): Promise<ReadableStream<GenerateEvent>> {
    if (this.#draining) throw new RosaError("shutting_down", "The gateway is ending");
    if (this.#running >= this.#options.repliesMax) {
      throw new RosaError("queue_full", `${this.#running} replies are in flight`, {
        retryAfterS: 1,
      });
    }
    this.#running++;
    const stop = new AbortController();
    const events = this.#events(request, adapterBytes, AbortSignal.any([signal, stop.signal]));
    try {
      // vLLM has accepted the request, or refuses it with a status of its own.
      await events.next();
      return streamOf(events, stop);
    } catch (error) {
      throw asRosaError(error);
    }
  }

  async *#events(
    request: GenerateRequest,
    adapterBytes: Uint8Array | null,
    signal: AbortSignal,
  ): AsyncGenerator<GenerateEvent | typeof taken> {
    let lease: Lease | null = null;
    try {
      lease = await this.#take(request, adapterBytes);
      try {
        yield* this.#drawings(request, lease?.name ?? this.#options.model.id, signal);
      } catch (error) {
        if (lease === null || !isUnknownModel(error)) throw error;
        // vLLM was restarted. The directory is still here, so it is loaded again.
        lease.forget();
        lease.release();
        lease = await this.#take(request, adapterBytes);
        yield* this.#drawings(request, lease?.name ?? "", signal);
      }
    } finally {
      lease?.release();
      this.#running--;
    }
  }

  async #take({ tenant, adapter }: GenerateRequest, bytes: Uint8Array | null) {
    return adapter === null ? null : await this.#options.loaded.take(tenant, adapter.digest, bytes);
  }

  /**
   * Draws until the reply is none of the rejected ones. Redrawing conditions the model's distribution on that, at its
   * temperature. A greedy reply would only repeat, so it is redrawn at a higher temperature.
   */
  async *#drawings(
    request: GenerateRequest,
    model: string,
    signal: AbortSignal,
  ): AsyncGenerator<GenerateEvent | typeof taken> {
    for (let drawing = 0; ; drawing++) {
      const isLast = drawing + 1 === drawingsMax;
      const held = new HeldBack(isLast ? [] : request.rejected);
      const sampling = withDefaults(request.sampling, this.#options.sampling);
      const salt = this.#saltOf(request.tenant);
      const body = chatBody(request.messages, sampling, { model, drawing, salt });
      const reply = new ReplySoFar(request);
      const chunks = await this.#chat(body, sampling, signal);
      if (drawing === 0) yield taken;
      for await (const chunk of chunks) {
        const piece = reply.push(chunk);
        if (piece !== null) yield* held.push(piece);
      }
      if (held.isRejected) continue;
      yield* held.flush();
      yield reply.done();
      return;
    }
  }

  /** If the window leaves less than the reply may have, vLLM's default is the rest of the window. */
  async #chat(
    body: object,
    { max_tokens_may_shrink: mayShrink = false }: Sampling,
    signal: AbortSignal,
  ): Promise<AsyncIterable<ChatChunk>> {
    try {
      return await this.#options.vllm.chat(body, signal);
    } catch (error) {
      if (!mayShrink || !isTooLong(error)) throw error;
      const { max_tokens: _, ...rest } = body as { max_tokens?: number };
      return await this.#options.vllm.chat(rest, signal);
    }
  }

  #saltOf(tenant: string): string {
    return createHash("sha256").update(this.#salt).update(tenant).digest("base64url");
  }
}

/** The request in vLLM's format. Every parameter is sent, because a checkpoint may bring defaults of its own. */
function chatBody(
  messages: GenerateRequest["messages"],
  sampling: Sampling & SamplingDefaults,
  { model, drawing, salt }: { model: string; drawing: number; salt: string },
): object {
  const { temperature, max_tokens, seed, stop, output } = sampling;
  const thinking = output?.thinking;
  return {
    model,
    messages: nativeMessages(messages),
    ...outputFields(sampling),
    ...(thinking === undefined ? {} : { chat_template_kwargs: { enable_thinking: thinking } }),
    stream: true,
    stream_options: { include_usage: true },
    logprobs: true,
    top_logprobs: sampling.top_logprobs ?? 0,
    temperature: drawing === 0 ? temperature : Math.max(temperature, 0.4 + 0.3 * drawing),
    // vLLM takes no top_p of 0, which would keep only the likeliest token.
    top_p: sampling.top_p === 0 ? 1 : sampling.top_p,
    top_k: sampling.top_p === 0 ? 1 : sampling.top_k,
    min_p: sampling.min_p,
    frequency_penalty: sampling.frequency_penalty,
    presence_penalty: sampling.presence_penalty,
    repetition_penalty: sampling.repetition_penalty,
    cache_salt: salt,
    ...(max_tokens === undefined ? {} : { max_tokens }),
    ...(sampling.logit_bias === undefined ? {} : { logit_bias: sampling.logit_bias }),
    ...(seed === undefined ? {} : { seed: (seed % 2 ** 53) + drawing }),
    ...(stop.length === 0 ? {} : { stop }),
  };
}

type Delta = Extract<GenerateEvent, { type: "delta" }>;

/** One reply, collected from its chunks. */
class ReplySoFar {
  readonly #withLogprobs: boolean;
  readonly #startedAt = performance.now();
  #firstAt: number | null = null;
  readonly #calls = new CallWriter();
  #text = "";
  #reasoning = "";
  #logprob = 0;
  #finish: "stop" | "length" | null = null;
  #usage: ChatChunk["usage"] = null;

  constructor({ sampling }: GenerateRequest) {
    this.#withLogprobs = sampling.top_logprobs !== undefined;
  }

  /** A chunk's addition for the reader; null if it adds no text. */
  push({ choices, usage }: ChatChunk): Delta | null {
    if (usage) this.#usage = usage;
    const [choice] = choices;
    if (choice === undefined) return null;
    const { delta: said, finish_reason: reason = null } = choice;
    const pieces = (said.tool_calls ?? []).map(({ index, function: { name, arguments: json } }) => {
      return { index, name: name ?? undefined, arguments: json ?? "" };
    });
    const called = this.#calls.push(pieces) + (reason === null ? "" : this.#calls.end());
    const text = (said.content ?? "") + called;
    const reasoning = said.reasoning ?? said.reasoning_content ?? "";
    const tokens = choice.logprobs?.content ?? [];
    if (text === "" && reasoning === "" && tokens.length === 0 && reason === null) return null;
    this.#firstAt ??= performance.now();
    this.#text += text;
    this.#reasoning += reasoning;
    const delta = { type: "delta" as const, text, ...(reasoning === "" ? {} : { reasoning }) };
    for (const { logprob } of tokens) this.#logprob += logprob;
    if (reason !== null) this.#finish = reason === "length" ? "length" : "stop";
    const isEmpty = text === "" && reasoning === "";
    // A call's tokens are not the text that is written for it.
    if (!this.#withLogprobs || pieces.length > 0) return isEmpty ? null : delta;
    // The end token counts for S but is no part of the reply; a stop string's tokens are.
    const isEnd = reason === "stop" && typeof choice.stop_reason !== "string";
    const shown = isEnd ? tokens.slice(0, -1) : tokens;
    if (isEmpty && shown.length === 0) return null;
    const logprobs = shown.map(
      ({ top_logprobs: top, ...token }): TokenLogprob => ({ ...named(token), top: top.map(named) }),
    );
    return { ...delta, logprobs };
  }

  done(): GenerateEvent {
    if (this.#finish === null || !this.#usage) {
      throw new RosaError("gpu_unavailable", "vLLM ended a reply without its end");
    }
    const { prompt_tokens, completion_tokens, prompt_tokens_details } = this.#usage;
    const now = performance.now();
    const firstAt = this.#firstAt ?? now;
    return {
      type: "done",
      text: this.#text,
      ...(this.#reasoning === "" ? {} : { reasoning: this.#reasoning }),
      finish_reason: this.#finish,
      usage: {
        prompt_tokens,
        completion_tokens,
        cached_tokens: prompt_tokens_details?.cached_tokens ?? 0,
      },
      logprob: this.#logprob,
      ms: { queue: 0, prefill: firstAt - this.#startedAt, decode: now - firstAt },
    };
  }
}

function named({
  token,
  logprob,
  bytes,
}: {
  token: string;
  logprob: number;
  bytes?: number[] | null | undefined;
}) {
  return { token, logprob, ...(bytes == null ? {} : { bytes }) };
}

function streamOf(
  events: AsyncGenerator<GenerateEvent | typeof taken>,
  stop: AbortController,
): ReadableStream<GenerateEvent> {
  return new ReadableStream({
    async pull(controller) {
      try {
        for (;;) {
          const { done, value } = await events.next();
          if (done) return controller.close();
          // A reply that is begun again is accepted once more.
          if (value !== taken) return controller.enqueue(value);
        }
      } catch (error) {
        controller.error(asRosaError(error));
      }
    },
    async cancel() {
      stop.abort();
      // Ends the work even while it waits for something that the signal does not reach.
      await events.return(undefined).catch(() => {});
    },
  });
}

function isUnknownModel(error: unknown): boolean {
  return error instanceof VllmRefusal && error.status === 404;
}

function isTooLong(error: unknown): boolean {
  return (
    error instanceof VllmRefusal &&
    /maximum (context|model) length|longer than the maximum/i.test(error.message)
  );
}

function asRosaError(error: unknown): unknown {
  if (!(error instanceof VllmRefusal)) return error;
  const message = `vLLM refused: ${error.message}`;
  if (error.status !== 400) return new RosaError("gpu_unavailable", message);
  return new RosaError(isTooLong(error) ? "context_length_exceeded" : "invalid_request", message, {
    param: "messages",
  });
}
