/** Turns validated requests into work for the scheduler: text into tokens, digests into adapters. It knows no HTTP. */
import { RosaError } from "@rosa2/shared/errors";
import {
  type AdaptRequest,
  type AdaptResult,
  adaptPlanDefaults,
  type ExportRequest,
  type GenerateEvent,
  type GenerateRequest,
  type Message,
  type OutputShape,
  type SampleRequest,
  type SampleResult,
  type ScoreRequest,
  type ScoreResult,
  type TokenShift,
} from "@rosa2/shared/protocol";
import { answerOf } from "@rosa2/shared/thinking";
import type { Constraint } from "../../constrain/constraint.ts";
import { Grammars } from "../../constrain/grammars.ts";
import type { AdapterWeights, ScoreRow, Slices, TokenRow } from "../../language-model.ts";
import { PatientTokenizer } from "../../tokenizer/patient.ts";
import { evenDraws, independentDraws } from "../batch/draws.ts";
import { isNearCopy, longTokensMin, NearCopies } from "../batch/near-copies.ts";
import type { RejectedReply } from "../batch/rejected.ts";
import { Reply } from "../batch/reply.ts";
import { withDefaults } from "../batch/sampling.ts";
import type { Scheduler } from "../batch/scheduler.ts";
import type { SequenceEnd } from "../batch/sequence.ts";
import type { AdapterCache } from "./adapter-cache.ts";
import { checkBias, replyTokensMax } from "./bounds.ts";
import type { ExportedFiles } from "./messages.ts";
import type { Runtime, Update } from "./runtime.ts";
import { sampleResult, seedOf, warmer } from "./sample-result.ts";
import { RecentScores, scoreOf, timed, type UpdateBounds } from "./scores.ts";
import { tokenShifts } from "./watched.ts";

/** A person waits for scores, while updates run as one reads. */
const priorities = { score: 0, update: 1 };

/** Further draws, each warmer, after a reply that is a near copy of a rejected one. */
const redrawsMax = 3;

export class Requests {
  readonly #runtime: Runtime;
  readonly #scheduler: Scheduler;
  readonly #adapters: AdapterCache;
  readonly #recent = new RecentScores();
  /** Tokens of a prompt and its reply together. */
  readonly #tokensMax: number;
  readonly #bounds: UpdateBounds;
  readonly #grammars: Grammars;
  readonly #patient: PatientTokenizer;
  /** Requests that are being tokenised, or whose reply shape is being compiled. */
  readonly #preparing = new Set<number>();

  constructor(runtime: Runtime, scheduler: Scheduler, adapters: AdapterCache, tokensMax: number) {
    const { model, tokenizer } = runtime;
    this.#grammars = new Grammars(() => tokenizer.grammarVocabulary(model.shape.vocabSize));
    this.#patient = new PatientTokenizer(tokenizer, runtime.tokenizerPlace ?? null);
    this.#runtime = runtime;
    this.#scheduler = scheduler;
    this.#adapters = adapters;
    this.#tokensMax = tokensMax;
    this.#bounds = { plan: runtime.plan ?? adaptPlanDefaults, contextLength: tokensMax };
  }

  /** Queues one reply. A request that cannot be served throws before anything is queued. */
  async generate(
    id: number,
    request: GenerateRequest,
    adapterBytes: Uint8Array | null,
    listener: {
      event(event: Exclude<GenerateEvent, { type: "error" }>): void;
      fail(error: unknown): void;
    },
  ): Promise<void> {
    const { tokenizer } = this.#runtime;
    const sampling = withDefaults(request.sampling, this.#runtime.sampling);
    const adapter = this.#adapter(request, adapterBytes);
    const { output } = sampling;
    const shape = { ...output, tools: output?.tool_choice === "none" ? [] : output?.tools };
    const { ids: prompt, thought } = await this.#prepare(
      id,
      this.#patient.prompt(request.messages, this.#tokensMax, shape),
    );
    checkBias(sampling.logit_bias, this.#runtime.model.shape);
    const tokensMax = replyTokensMax(prompt.length, this.#tokensMax, sampling);
    const seed = seedOf(sampling);
    if (output?.thinking === true && thought === "none") {
      throw new RosaError("unsupported_parameter", "Cannot think first: this model does not", {
        param: "thinking",
      });
    }
    const constraints = await this.#prepare(id, this.#constraints(output));
    const answers = await this.#prepare(
      id,
      Promise.all(request.rejected.map((text) => this.#patient.replyIds(answerOf(text)))),
    );
    const mayCopy = answers.some(({ length }) => length >= longTokensMin);
    const start = (scored: RejectedReply[], draw = 0) => {
      // A draw that may be discarded is held until it must differ from what was rejected; null from then on.
      let held: Exclude<GenerateEvent, { type: "error" }>[] | null = mayCopy ? [] : null;
      const copies = new NearCopies(answers);
      const show = () => {
        for (const event of held ?? []) listener.event(event);
        held = null;
      };
      const reply = new Reply(tokenizer, {
        sampling: draw === 0 ? sampling : warmer(sampling, draw),
        draws: independentDraws((seed + draw) | 0),
        prompt,
        eosIds: tokenizer.endIds,
        tokensMax,
        thought,
        constraint: constraints[draw] ?? null,
        ...(request.rejected.length === 0 ? {} : { rejected: { texts: request.rejected, scored } }),
      });
      this.#scheduler.add(
        { id, tenant: request.tenant, adapter, prompt, reply },
        {
          piece: ({ id: token, text, reasoning, logprobs }, spent) => {
            if (request.deltas && (text !== "" || reasoning !== "" || logprobs?.length)) {
              const told = reasoning === "" ? {} : { reasoning };
              const event = { text, ...told, ...(logprobs ? { logprobs } : {}), spent };
              if (held === null) listener.event({ type: "delta", ...event });
              else held.push({ type: "delta", ...event });
            }
            // A thought is no part of the answer that is compared.
            if (held === null || thought !== "none") return;
            copies.push(token);
            if (copies.isNew) show();
          },
          finish: ({ finish, usage, ms }) => {
            const repeats =
              mayCopy && isNearCopy(tokenizer.replyIds(answerOf(reply.text)), answers);
            if (repeats && held !== null && draw < redrawsMax) {
              start(scored, draw + 1);
              return;
            }
            show();
            listener.event({
              type: "done",
              text: reply.text,
              ...(reply.reasoning === "" ? {} : { reasoning: reply.reasoning }),
              finish_reason: finish,
              usage,
              logprob: reply.logprob,
              ...(repeats ? { repeats_rejected: true } : {}),
              ms,
            });
          },
          fail: (error) => listener.fail(error),
        },
      );
    };
    if (request.rejected.length === 0) {
      start([]);
      return;
    }
    const rows = await this.#prepare(id, this.#rejectedRows(request.rejected, prompt, tokensMax));
    const { tenant } = request;
    const work = { id, tenant, priority: priorities.score };
    const known = this.#recent.find(tenant, adapter, rows);
    const scores =
      known === null
        ? this.#scheduler.runBackground(work, this.#runtime.model.passRows(rows, adapter))
        : Promise.resolve(known);
    scores
      .then((logprobs) =>
        start(rows.map(({ reply }, i) => ({ ids: reply, logprobs: logprobs[i] as Float32Array }))),
      )
      .catch((error) => listener.fail(error));
  }

  /**
   * Several replies to one prompt; resolves when all have ended. Under an adapter their tokens do not stay in the
   * cache, where the session's latest turn is worth more.
   */
  async sample(
    id: number,
    request: SampleRequest,
    adapterBytes: Uint8Array | null,
  ): Promise<SampleResult> {
    const { tokenizer } = this.#runtime;
    const drawn = withDefaults(request.sampling, this.#runtime.sampling);
    const adapter = this.#adapter(request, adapterBytes);
    const { ids: prompt } = await this.#prepare(
      id,
      this.#patient.prompt(request.messages, this.#tokensMax, {}),
    );
    checkBias(drawn.logit_bias, this.#runtime.model.shape);
    const tokensMax = replyTokensMax(prompt.length, this.#tokensMax, drawn);
    const seed = seedOf(drawn);
    const greedy = request.greedy_first ? 1 : 0;
    const replies = Array.from({ length: request.count }, (_, i) => {
      const sampling = i < greedy ? { ...drawn, temperature: 0 } : drawn;
      const draws =
        i < greedy ? independentDraws(seed) : evenDraws(seed, i - greedy, request.count - greedy);
      const options = { sampling, draws, prompt, tokensMax, isWhole: true };
      return new Reply(tokenizer, { ...options, eosIds: tokenizer.endIds });
    });
    const ends = replies.map(() => Promise.withResolvers<SequenceEnd>());
    const [first, ...siblings] = replies.map((reply, i) => ({
      reply,
      listener: { piece: () => {}, finish: ends[i]!.resolve, fail: ends[i]!.reject },
    }));
    this.#scheduler.add(
      {
        ...{ id, tenant: request.tenant, adapter, prompt, siblings, source: prompt },
        reply: first!.reply,
        parks: adapter === null,
      },
      first!.listener,
    );
    try {
      const ended = await Promise.all(ends.map(({ promise }) => promise));
      return sampleResult(replies, ended);
    } catch (error) {
      this.#scheduler.cancel(id);
      throw error;
    }
  }

  async score(
    id: number,
    request: ScoreRequest,
    adapterBytes: Uint8Array | null,
  ): Promise<ScoreResult> {
    const adapter = this.#adapter(request, adapterBytes);
    const rows = await this.#prepare(
      id,
      Promise.all(request.items.map((item, i) => this.#row(item, `items.${i}`))),
    );
    const told = request.reach === true ? request.items : [];
    const foreign = await this.#prepare(
      id,
      Promise.all(told.map(({ reply }) => this.#patient.foreign(answerOf(reply)))),
    );
    const queuedAt = performance.now();
    const { value: logprobs, startedAt } = await this.#scheduler.runBackground(
      { id, tenant: request.tenant, priority: priorities.score },
      timed(this.#runtime.model.passRows(rows, adapter)),
    );
    for (const [i, row] of rows.entries())
      this.#recent.add(request.tenant, adapter, row, logprobs[i]!);
    return {
      ms: { queue: startedAt - queuedAt, score: performance.now() - startedAt },
      scores: logprobs.map((row, i) =>
        scoreOf(rows[i]!, row, foreign[i] && { ...this.#bounds, foreign: foreign[i] }),
      ),
    };
  }

  /**
   * Makes one update. The new adapter stays in the cache, because its next use is likely here. Its parent is dropped,
   * because the session moves on; a caller that still uses the parent sends its file again.
   */
  async adapt(
    id: number,
    request: AdaptRequest,
    adapterBytes: Uint8Array | null,
  ): Promise<{ result: AdaptResult; bytes: Uint8Array | null }> {
    const parent = this.#adapter(request, adapterBytes);
    const examples = request.rows.map((row, i) => this.#row(row, `rows.${i}`));
    const rows = (await this.#prepare(id, Promise.all(examples))).map((example, i) => {
      const { kind, weight } = request.rows[i]!;
      return { ...example, kind, weight };
    });
    const watch = request.watch.map((one) =>
      this.#patient.exampleIds(one.messages, one.reply, this.#tokensMax),
    );
    const watched = await this.#prepare(id, Promise.all(watch));
    const queuedAt = performance.now();
    const { value, startedAt } = await this.#scheduler.runBackground(
      { id, tenant: request.tenant, priority: priorities.update },
      timed(this.#update(rows, request.plan, parent, watched)),
    );
    if (value.file) {
      const { tenant } = request;
      if (parent !== null) {
        this.#adapters.drop(tenant, parent.digest);
        this.#scheduler.forget(tenant, parent.digest);
      }
      this.#adapters.set(tenant, value.file.adapter);
    }
    const ms = { queue: startedAt - queuedAt, update: performance.now() - startedAt };
    const { result, watched: shifts } = value;
    return { result: { ...result, watched: shifts, ms }, bytes: value.file?.bytes ?? null };
  }

  async *#update(
    rows: TokenRow[],
    plan: AdaptRequest["plan"],
    parent: AdapterWeights | null,
    watched: ScoreRow[],
  ): Slices<Update & { watched: TokenShift[][] }> {
    const { model, tokenizer } = this.#runtime;
    const update = yield* this.#runtime.adapt(rows, plan, parent);
    if (update.file === null) return { ...update, watched: [] };
    const adapters = { before: parent, after: update.file.adapter };
    const known = update.logprobs && { ...update.logprobs, rows };
    const shifts = yield* tokenShifts(model, tokenizer, watched, adapters, this.#tokensMax, known);
    return { ...update, watched: shifts };
  }

  /** Copies of the files, in memory of their own. */
  export(request: ExportRequest, adapterBytes: Uint8Array | null): ExportedFiles {
    const adapter = this.#adapter(request, adapterBytes);
    if (adapter === null) throw new Error("Cannot export: the request names no adapter");
    return Object.fromEntries(
      Object.entries(this.#runtime.peftFiles(adapter)).map(([name, bytes]) => [
        name,
        Uint8Array.from(bytes),
      ]),
    );
  }

  #adapter(
    { tenant, adapter }: { tenant: string; adapter: { digest: string } | null },
    bytes: Uint8Array | null,
  ): AdapterWeights | null {
    if (adapter === null) return null;
    const cached = this.#adapters.get(tenant, adapter.digest);
    if (cached !== undefined) return cached;
    if (bytes === null) {
      throw new RosaError(
        "adapter_missing",
        `Adapter ${adapter.digest} is not here: send the request again with its file`,
        { param: "adapter" },
      );
    }
    const weights = this.#runtime.readAdapter(bytes);
    this.#adapters.set(tenant, weights);
    return weights;
  }

  /** Ends a request, also one that is still being prepared. */
  cancel(id: number): void {
    this.#preparing.delete(id);
    this.#scheduler.cancel(id);
  }

  /** Waits for preparation before a request is queued; throws if the request was cancelled meanwhile. */
  async #prepare<T>(id: number, work: Promise<T>): Promise<T> {
    this.#preparing.add(id);
    try {
      const made = await work;
      if (this.#preparing.has(id)) return made;
    } finally {
      this.#preparing.delete(id);
    }
    throw new RosaError("timeout", "The caller went away");
  }

  /** One constraint for each possible draw. */
  async #constraints(output: OutputShape | undefined): Promise<(Constraint | null)[]> {
    if (output === undefined) return [];
    const made = [];
    for (let draw = 0; draw <= redrawsMax; draw++)
      made.push(await this.#grammars.constraint(output));
    return made;
  }

  async #row(
    { messages, reply }: { messages: Message[]; reply: string },
    param: string,
  ): Promise<ScoreRow> {
    const row = await this.#patient.exampleIds(messages, reply, this.#tokensMax);
    const tokens = row.prompt.length + row.reply.length;
    if (tokens > this.#tokensMax) {
      throw new RosaError(
        "context_length_exceeded",
        `Cannot score ${tokens} tokens: the context holds ${this.#tokensMax}`,
        { param },
      );
    }
    return row;
  }

  /** Rejected replies as rows, without those that could not be generated here anyway. */
  async #rejectedRows(
    texts: readonly string[],
    prompt: Int32Array,
    tokensMax: number,
  ): Promise<ScoreRow[]> {
    const replies = [...new Set(texts)].map((text) => this.#patient.replyIds(text));
    return (await Promise.all(replies))
      .map((reply) => ({ prompt, reply }))
      .filter(({ reply }) => reply.length <= tokensMax);
  }
}
