/**
 * A hosted model behind the interface of the GPU service: it gives replies, streams and usage; weights do not change.
 *
 * A reply is held back while it may still equal a rejected one, and redrawn if it does. Calls of functions become text,
 * the form that replies have here (reply-parts.ts).
 */
import { RosaError } from "@rosa2/shared/errors";
import type { PromptMessage, Sampling, Usage } from "@rosa2/shared/protocol";
import { CallWriter } from "@rosa2/shared/reply-parts";
import type { Chunk } from "./chunks.ts";
import { estimateTokens } from "./estimate.ts";
import type {
  CallContext,
  GenerateInput,
  Inference,
  InferenceHealth,
  ReplyEvent,
  StreamContext,
} from "./inference.ts";

/** Draws of a reply until one was not rejected. */
const drawsMax = 3;

export interface ChatRequest {
  messages: PromptMessage[];
  sampling: Partial<Sampling>;
}

/** One hosted model; it handles its transport itself. */
export interface HostedModel {
  provider: "openai" | "workers-ai";
  id: string;
  contextTokens: number;
  /** Its address, or a name in its place. */
  place: string;
  /**
   * A reply in chunks, null while nothing arrives.
   *
   * @throws RosaError `unsupported_parameter` for a parameter that it cannot honour.
   */
  stream(request: ChatRequest, context: StreamContext): AsyncGenerator<Chunk | null>;
  isThere(): Promise<boolean>;
}

export class HostedInference implements Inference {
  readonly #model: HostedModel;
  readonly isDivided = true;

  constructor(model: HostedModel) {
    this.#model = model;
  }

  get place(): string {
    return this.#model.place;
  }

  get fixedWeights(): string {
    const { id, provider } = this.#model;
    return `the weights stay as they are: replies come from ${id} (INFERENCE=${provider}), which takes no updates; run the GPU service and set GPU_URL and INFERENCE=gpu so that weights adapt`;
  }

  async *generate(request: GenerateInput, context: CallContext): AsyncGenerator<ReplyEvent> {
    if (request.adapter != null) throw this.#fixed();
    const rejected = new Set((request.rejected ?? []).map((reply) => reply.trim()));
    const startedAt = Date.now();
    for (let draw = 1; ; draw++) {
      const asked = { messages: request.messages, sampling: redrawn(request.sampling, draw) };
      const reply = new Drawing(asked.messages, rejected, startedAt);
      for await (const chunk of this.#model.stream(asked, context)) yield* reply.take(chunk);
      yield* reply.close();
      if (reply.isRejected && draw < drawsMax) continue;
      yield* reply.end();
      return;
    }
  }

  adapt(): Promise<never> {
    return Promise.reject(this.#fixed());
  }

  sample(): Promise<never> {
    return Promise.reject(this.#fixed());
  }

  score(): Promise<never> {
    return Promise.reject(this.#fixed());
  }

  export(): Promise<never> {
    return Promise.reject(this.#fixed());
  }

  async health(): Promise<InferenceHealth> {
    const { id, contextTokens, provider } = this.#model;
    if (!(await this.#model.isThere())) throw new RosaError("gpu_unavailable", "No endpoint");
    return { status: "ok", model: { id, context_length: contextTokens }, provider, queue: null };
  }

  async healthByRegion() {
    return [{ region: null, health: await this.health().catch(() => null) }];
  }

  /** Everything that adapters need is missing. */
  #fixed(): RosaError {
    return new RosaError("conflict", `Cannot use an adapter: ${this.fixedWeights}`);
  }
}

/** The same request, warmer from the second draw on unless it was that warm already. */
function redrawn(sampling: GenerateInput["sampling"] = {}, draw: number): Partial<Sampling> {
  if (draw === 1) return sampling;
  const { seed, temperature, ...rest } = sampling;
  return {
    ...rest,
    ...(seed === undefined ? {} : { seed: seed + draw - 1 }),
    ...(temperature === undefined ? {} : { temperature: Math.max(temperature, 1) }),
  };
}

/** One draw of a reply: chunks in, events out. */
class Drawing {
  readonly #messages: readonly PromptMessage[];
  readonly #rejected: ReadonlySet<string>;
  readonly #startedAt: number;
  readonly #calls = new CallWriter();
  /** Events held back until the reply is known to be new. */
  #held: ReplyEvent[] = [];
  #text = "";
  #reasoning = "";
  #deltaCount = 0;
  #finish: "stop" | "length" = "stop";
  #usage: Usage | null = null;

  constructor(
    messages: readonly PromptMessage[],
    rejected: ReadonlySet<string>,
    startedAt: number,
  ) {
    this.#messages = messages;
    this.#rejected = rejected;
    this.#startedAt = startedAt;
  }

  get isRejected(): boolean {
    return this.#rejected.has(this.#text.trim());
  }

  *take(chunk: Chunk | null): Generator<ReplyEvent> {
    if (chunk === null) {
      yield { type: "waiting" };
      return;
    }
    this.#finish = chunk.finish ?? this.#finish;
    this.#usage = chunk.usage ?? this.#usage;
    const text = chunk.text + this.#calls.push(chunk.calls);
    if (text !== "" || chunk.reasoning !== "" || chunk.logprobs !== null) {
      yield* this.#delta(text, chunk);
    }
  }

  /** The end of a reply's output. */
  *close(): Generator<ReplyEvent> {
    const text = this.#calls.end();
    if (text !== "") yield* this.#delta(text, { reasoning: "", logprobs: null });
  }

  *end(): Generator<ReplyEvent> {
    yield* this.#held;
    yield {
      type: "done",
      text: this.#text,
      ...(this.#reasoning === "" ? {} : { reasoning: this.#reasoning }),
      finish_reason: this.#finish,
      usage: this.#spent.usage,
      logprob: null,
      ...(this.isRejected ? { repeats_rejected: true } : {}),
      ms: this.#spent.ms,
    };
  }

  *#delta(
    text: string,
    { reasoning, logprobs }: Pick<Chunk, "reasoning" | "logprobs">,
  ): Generator<ReplyEvent> {
    this.#text += text;
    this.#reasoning += reasoning;
    this.#deltaCount++;
    this.#held.push({
      type: "delta",
      text,
      ...(reasoning === "" ? {} : { reasoning }),
      ...(logprobs === null ? {} : { logprobs }),
      spent: this.#spent,
    });
    if (this.#mayBeRejected) yield { type: "waiting" };
    else yield* this.#held.splice(0);
  }

  get #mayBeRejected(): boolean {
    const said = this.#text.trim();
    return [...this.#rejected].some((reply) => reply.startsWith(said));
  }

  /** As the model reported, otherwise estimated from its text and chunks. None of it is time on our GPU. */
  get #spent() {
    const usage = this.#usage ?? {
      prompt_tokens: estimateTokens(this.#messages),
      completion_tokens: this.#deltaCount,
      cached_tokens: 0,
    };
    return { usage, ms: { queue: Date.now() - this.#startedAt, prefill: 0, decode: 0 } };
  }
}
