/** The engine as a contender: model, scheduler and sampling as the service runs them, without HTTP. */
import { adaptPlanSchema, samplingSchema } from "@rosa2/shared/protocol";
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { adapt, type TokenRow } from "../../../gpu-service/src/adapt/adapt.ts";
import { Model } from "../../../gpu-service/src/engine/model.ts";
import type { AdapterWeights } from "../../../gpu-service/src/engine/model-types.ts";
import type { Provider } from "../../../gpu-service/src/engine/provider.ts";
import { Reply } from "../../../gpu-service/src/engine/reply.ts";
import { Scheduler } from "../../../gpu-service/src/engine/scheduler.ts";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer.ts";
import { type RepliesResult, randomPrompt, serve } from "../support/contender.ts";

const sessionsMax = 16;
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
}

export interface RepliesRequest {
  /** Random prompts; other seeds give other prompts, so that no keys and values are reused. */
  seed: string;
  sessions: number;
  promptTokens: number;
  replyTokens: number;
  /** Whether each session has an adapter, of its own, on all linears. */
  isAdapted: boolean;
}

export interface UpdateRequest {
  rows: number;
  promptTokens: number;
  replyTokens: number;
  iterations: number;
}

export interface GapRequest {
  seed: string;
  promptTokens: number;
  replyTokens: number;
  /** Whether updates of another session follow each other all the while. */
  updates: boolean;
}

let model: Model;
let tokenizer: ChatTokenizer;
let scheduler: Scheduler;
let lastId = 0;

const methods = {
  async load({ directory, threads, bits, provider }: LoadRequest) {
    model = await Model.load(directory, {
      threads,
      provider,
      quantization: bits && { bits, accuracyLevel: 4 },
      contextTokensMax: contextTokens,
    });
    tokenizer = ChatTokenizer.load(directory, model.shape.eosIds);
    const cache = model.allocateCache(sessionsMax + 1, model.shape.contextLength);
    scheduler = new Scheduler(model, cache, {
      rowsMax: sessionsMax,
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

  /** Milliseconds of one update from the base model. */
  async update({ rows, iterations, ...lengths }: UpdateRequest): Promise<number> {
    const startedAt = performance.now();
    await learn(rows, lengths, iterations);
    return performance.now() - startedAt;
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
    while (updates && !isOver) await learn(6, { promptTokens: 96, replyTokens: 32 }, 2);
    await ended;
    gaps.sort((a, b) => a - b);
    return gaps[Math.floor(0.99 * gaps.length)]!;
  },
};

/** One update on random corrections, beside whatever else the scheduler does. */
async function learn(
  rows: number,
  { promptTokens, replyTokens }: { promptTokens: number; replyTokens: number },
  iterations: number,
): Promise<void> {
  const tokens = (seed: string, length: number) =>
    Int32Array.from(randomPrompt(seed, length, model.shape.vocabSize));
  const examples = Array.from(
    { length: rows },
    (_, row): TokenRow => ({
      prompt: tokens(`prompt ${row}`, promptTokens),
      reply: tokens(`reply ${row}`, replyTokens),
      kind: "corrected",
      weight: 1,
    }),
  );
  const plan = adaptPlanSchema.parse({ iterations });
  await scheduler.runBackground(++lastId, 1, adapt(model, examples, plan, null));
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

/** Greedy, and no token ends it. */
function endlessReply(tokensMax: number): Reply {
  return new Reply(tokenizer, {
    sampling: { ...model.config.sampling, ...samplingSchema.parse({ temperature: 0 }) },
    seed: 0,
    eosIds: [],
    tokensMax,
  });
}

serve(methods);
