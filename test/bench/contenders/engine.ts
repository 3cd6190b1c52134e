/** The engine as a contender: model, scheduler and sampling as the service runs them, without HTTP. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adaptPlanDefaults, type Message, samplingSchema } from "@rosa2/shared/protocol";
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { type AdaptableModel, adapt } from "../../../gpu-service/src/adapt/adapt.ts";
import { loadAnchors } from "../../../gpu-service/src/adapt/anchors.ts";
import { peftFiles } from "../../../gpu-service/src/adapt/peft.ts";
import { adaptable } from "../../../gpu-service/src/adaptable-model.ts";
import { openCheckpoint } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import { readModelSettings } from "../../../gpu-service/src/checkpoint/model-settings.ts";
import { evenDraws, independentDraws } from "../../../gpu-service/src/engine/batch/draws.ts";
import { NearCopies } from "../../../gpu-service/src/engine/batch/near-copies.ts";
import { Reply } from "../../../gpu-service/src/engine/batch/reply.ts";
import { Scheduler } from "../../../gpu-service/src/engine/batch/scheduler.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import type { Provider } from "../../../gpu-service/src/engine/model/provider.ts";
import type { AdapterWeights, TokenRow } from "../../../gpu-service/src/language-model.ts";
import { stepThreadsOf } from "../../../gpu-service/src/load.ts";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";
import {
  type RepliesResult,
  type RowsSize,
  randomPrompt,
  randomRows,
  serve,
  type TokenRows,
} from "../support/contender.ts";

const prefillTokens = 128;
const contextTokens = 1024;
const rank = 8;
/** Of adapters, about as large as after a few updates. */
const deviation = 0.02;

export interface LoadRequest {
  directory: string;
  threads: number;
  bits: 8 | 4 | null;
  provider: Provider;
  /** Replies decoded together; there is one slot more. */
  sessions: number;
}

export interface RepliesRequest {
  /** Seed of the random prompts. Another seed gives other prompts, so that no keys and values are reused. */
  seed: string;
  sessions: number;
  promptTokens: number;
  replyTokens: number;
  /** Whether each session has an adapter of its own, on all linear layers. */
  isAdapted: boolean;
}

export interface SamplesRequest {
  seed: string;
  count: number;
  promptTokens: number;
  replyTokens: number;
}

export interface RewritesRequest {
  messages: Message[];
  count: number;
  tokensMax: number;
}

export interface RetryRequest {
  seed: string;
  promptTokens: number;
  replyTokens: number;
  rewritePromptTokens: number;
  wordingTokens: number;
  draws: number;
  candidates: number;
}

export interface UpdateRequest extends RowsSize {
  iterations: number;
  /** Whether the model's anchors are protected, if it has any. They cost time; true by default. */
  anchors?: boolean;
}

/**
 * One pass of an update: over the rows that are learned, for their log-probs with or without gradients; over samples, for
 * hidden states; or the KL of two policies at so many positions of these.
 */
export type Pass =
  | { kind: "gradients" | "logprobs" }
  | { kind: "states"; rows: TokenRows }
  | { kind: "divergence"; positions: number };

export interface GapRequest {
  seed: string;
  promptTokens: number;
  replyTokens: number;
  /** Whether updates of another session run one after another during the measurement. */
  updates: boolean;
}

let model: Model;
let tokenizer: ChatTokenizer;
let scheduler: Scheduler;
/** The model as updates see it: its own samples and anchors, kept in the cache directory as the service keeps them. */
let subject: AdaptableModel;
let lastId = 0;

const methods = {
  async load({ directory, threads, bits, provider, sessions }: LoadRequest) {
    model = await Model.load(directory, {
      threads,
      stepThreads: stepThreadsOf(openCheckpoint(directory).parameterCount, threads),
      provider,
      quantization: bits && { bits, accuracyLevel: 4 },
      contextTokensMax: contextTokens,
    });
    tokenizer = ChatTokenizer.load(directory, model.shape.eosIds);
    const anchors = await loadAnchors(directory, model, threads);
    subject = adaptable(model, tokenizer, readModelSettings(directory), { anchors, threads });
    const cache = model.allocateCache(sessions + 1, model.shape.contextLength);
    scheduler = new Scheduler(model, cache, {
      rowsMax: sessions,
      prefillTokens,
      backgroundShare: 0.5,
    });
    void scheduler.run();
  },

  shape(_: undefined) {
    const { vocabSize, contextLength } = model.shape;
    return { vocabSize, contextLength };
  },

  async replies(request: RepliesRequest): Promise<RepliesResult> {
    const { seed, sessions, promptTokens, isAdapted } = request;
    const startedAt = performance.now();
    let firstTokenAt = 0;
    let allDecodeAt = 0;
    let oneEndedAt = 0;
    let began = 0;
    let decoded = 0;
    const ids: number[] = [];
    const replies = Array.from({ length: sessions }, (_, session) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      let isFirst = true;
      scheduler.add(
        {
          id: ++lastId,
          tenant: "bench",
          adapter: isAdapted ? adapterOf(session) : null,
          prompt: Int32Array.from(
            randomPrompt(`${seed}/${session}`, promptTokens, model.shape.vocabSize),
          ),
          reply: endlessReply(request.replyTokens),
        },
        {
          piece: ({ id, finish }) => {
            const now = performance.now();
            firstTokenAt ||= now;
            if (session === 0) ids.push(id);
            if (began === sessions && oneEndedAt === 0) decoded++;
            if (isFirst) {
              began++;
              if (began === sessions) allDecodeAt = now;
            }
            isFirst = false;
            if (finish !== null) oneEndedAt ||= now;
          },
          finish: () => resolve(),
          fail: reject,
        },
      );
      return promise;
    });
    await Promise.all(replies);
    return {
      prefillRate: (1000 * promptTokens) / (firstTokenAt - startedAt),
      decodeRate: (1000 * decoded) / (oneEndedAt - allDecodeAt),
      ids,
    };
  },

  /** Milliseconds for `count` replies to one prompt: sampled, all of the same length. */
  samples({ seed, count, promptTokens, replyTokens }: SamplesRequest): Promise<number> {
    const prompt = Int32Array.from(randomPrompt(seed, promptTokens, model.shape.vocabSize));
    return untilWhole(
      prompt,
      Array.from({ length: count }, (_, i) =>
        endlessReply(replyTokens, i === 0 ? {} : { temperature: 1, seed: i }),
      ),
    );
  },

  /**
   * Milliseconds for rewrites as the edge asks for them: one greedy, the others at temperature 1, each of its natural
   * length.
   */
  rewrites({ messages, count, tokensMax }: RewritesRequest): Promise<number> {
    const prompt = tokenizer.promptIds(messages);
    const options = { prompt, eosIds: tokenizer.endIds, tokensMax, isWhole: true };
    const replies = Array.from({ length: count }, (_, i) => {
      const sampling = { ...model.config.sampling, ...samplingSchema.parse({ temperature: 1 }) };
      return new Reply(tokenizer, { ...options, sampling, draws: evenDraws(0, i, count) });
    });
    return untilWhole(prompt, replies);
  },

  /**
   * Milliseconds of a reply, and of a retry until its reply is shown. The retry draws wordings at once and scores the
   * rejected reply under each candidate and under the new wording. Its reply, which shares nothing with the rejected one,
   * is shown once it can no longer be a copy of that.
   */
  async retry(request: RetryRequest): Promise<{ reply: number; retry: number }> {
    const { seed, promptTokens, replyTokens, draws: count, candidates } = request;
    const drawing = {
      promptTokens: request.rewritePromptTokens,
      replyTokens: request.wordingTokens,
    };
    const replying = { count: 1, promptTokens, replyTokens };
    const reply = await methods.samples({ ...replying, seed: `${seed} plain` });
    const startedAt = performance.now();
    await methods.samples({ ...drawing, count, seed: `${seed} wordings` });
    for (const rows of [candidates, 1]) {
      const weighed = tokenRows({ rows, promptTokens, replyTokens });
      const work = { id: ++lastId, tenant: "bench", priority: 0 };
      await scheduler.runBackground(work, model.passRows(weighed, null));
    }
    const copies = new NearCopies([Array.from({ length: replyTokens }, (_, id) => id)]);
    let shown = 0;
    while (!copies.isNew) copies.push(replyTokens + shown++);
    await methods.samples({ ...replying, replyTokens: shown, seed: `${seed} again` });
    return { reply, retry: performance.now() - startedAt };
  },

  /** Milliseconds of one update from the base model. */
  async update(request: UpdateRequest): Promise<number> {
    const startedAt = performance.now();
    await learn(request);
    return performance.now() - startedAt;
  },

  /** What one update runs, in order, for another side to do the same. */
  async passesOfUpdate(request: UpdateRequest): Promise<Pass[]> {
    const passes: Pass[] = [];
    const watched: AdaptableModel = {
      ...subject,
      passRows(rows, adapter, sink) {
        passes.push({ kind: sink ? "gradients" : "logprobs" });
        return subject.passRows(rows, adapter, sink);
      },
      hiddenStates(rows, adapter) {
        const plain = rows.map(({ prompt, reply }) => ({ prompt: [...prompt], reply: [...reply] }));
        passes.push({ kind: "states", rows: plain });
        return subject.hiddenStates(rows, adapter);
      },
      divergence(hNew, hOld) {
        passes.push({ kind: "divergence", positions: hNew.length / model.config.hiddenSize });
        return subject.divergence(hNew, hOld);
      },
    };
    await learn(request, watched);
    return passes;
  },

  /** Writes an adapter, the first session's, as a PEFT directory. */
  exportAdapter(folder: string) {
    const files = peftFiles(model, model.id, model.basis(rank), adapterOf(0));
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  },

  /**
   * Difference of ∂S/∂B under that adapter from the gradients in a file (relative, Frobenius norm). Throws where S
   * itself differs.
   */
  async gradientDifference({ S, path, ...size }: RowsSize & { S: number[]; path: string }) {
    const rows = tokenRows(size);
    const { logprobs, gradients } = await model.gradients(rows, adapterOf(0));
    logprobs.forEach((values, row) => {
      const own = values.reduce((sum, value) => sum + value, 0);
      if (!(Math.abs(own - S[row]!) < 1e-3 * Math.abs(own)))
        throw new Error(`S of row ${row} is ${own} here and ${S[row]} there`);
    });
    const file = readFileSync(path);
    const theirs = new Float32Array(file.buffer, file.byteOffset, file.byteLength / 4);
    if (theirs.length !== gradients.length)
      throw new Error(`Cannot compare ${gradients.length} gradients with ${theirs.length}`);
    let [apart, length] = [0, 0];
    theirs.forEach((value, i) => {
      apart += (value - gradients[i]!) ** 2;
      length += value ** 2;
    });
    return Math.sqrt(apart / length);
  },

  /** The 99th percentile of the milliseconds between two tokens of one reply. */
  async p99Gap({ seed, promptTokens, replyTokens, updates }: GapRequest): Promise<number> {
    const gaps: number[] = [];
    let last = 0;
    let isOver = false;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    scheduler.add(
      {
        id: ++lastId,
        tenant: "bench",
        adapter: null,
        prompt: Int32Array.from(randomPrompt(seed, promptTokens, model.shape.vocabSize)),
        reply: endlessReply(replyTokens),
      },
      {
        piece: () => {
          const now = performance.now();
          if (last > 0) gaps.push(now - last);
          last = now;
        },
        finish: () => resolve(),
        fail: reject,
      },
    );
    const ended = promise.finally(() => {
      isOver = true;
    });
    while (updates && !isOver) {
      await learn({ rows: 6, promptTokens: 96, replyTokens: 32, iterations: 2 });
    }
    await ended;
    gaps.sort((a, b) => a - b);
    return gaps[Math.floor(0.99 * gaps.length)]!;
  },
};

/** One update on random corrections, beside whatever else the scheduler does. */
async function learn(
  { iterations, anchors = true, ...size }: UpdateRequest,
  learner = subject,
): Promise<void> {
  const plan = { ...adaptPlanDefaults, iterations, anchors };
  await scheduler.runBackground(
    { id: ++lastId, tenant: "bench", priority: 1 },
    adapt(learner, tokenRows(size), plan, null),
  );
}

function tokenRows(size: RowsSize): TokenRow[] {
  return randomRows(size, model.shape.vocabSize).map(({ prompt, reply }) => ({
    prompt: Int32Array.from(prompt),
    reply: Int32Array.from(reply),
    kind: "corrected",
    weight: 1,
  }));
}

export type EngineMethods = typeof methods;

const adapters = new Map<number, AdapterWeights>();

function adapterOf(session: number): AdapterWeights {
  const known = adapters.get(session);
  if (known) return known;
  const random = seededRandom(`adapter ${session}`);
  const length = model.adapterLength(rank);
  const B = Float32Array.from({ length }, () => deviation * randomNormal(random));
  const adapter = { digest: `adapter ${session}`, rank, B };
  adapters.set(session, adapter);
  return adapter;
}

/** Milliseconds until all of these replies to one prompt are complete. The cache holds nothing of an earlier prompt. */
async function untilWhole(prompt: Int32Array, replies: readonly Reply[]): Promise<number> {
  const ends = replies.map(() => Promise.withResolvers<unknown>());
  const [first, ...siblings] = ends.map(({ resolve, reject }, i) => ({
    reply: replies[i]!,
    listener: { piece: () => {}, finish: resolve, fail: reject },
  }));
  const startedAt = performance.now();
  scheduler.add(
    {
      id: ++lastId,
      tenant: `bench ${lastId}`,
      adapter: null,
      prompt,
      reply: first!.reply,
      siblings,
    },
    first!.listener,
  );
  await Promise.all(ends.map(({ promise }) => promise));
  return performance.now() - startedAt;
}

/** A reply without end token, greedy unless a temperature is given. */
function endlessReply(tokensMax: number, { temperature = 0, seed = 0 } = {}): Reply {
  return new Reply(tokenizer, {
    sampling: { ...model.config.sampling, ...samplingSchema.parse({ temperature }) },
    draws: independentDraws(seed),
    eosIds: [],
    tokensMax,
  });
}

serve(methods);
