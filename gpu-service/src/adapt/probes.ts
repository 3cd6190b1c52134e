/**
 * The model's own samples: its replies to a few openings. They stand for everything that an update should leave
 * unchanged. It knows tokens, neither text nor files.
 */
import { type Random, seededRandom, shuffled } from "@rosa2/shared/random";
import type { LanguageModel, NextToken, ScoreRow, Slices } from "../language-model.ts";

/** Openings that fit any chat model; a checkpoint's rosa2.json may name its own. */
export const neutralOpenings = [
  "Hello! What can you do?",
  "Tell me something interesting.",
  "Write a short story.",
  "Give me a list of five things.",
  "How do I make tea?",
  "What is the capital of France?",
  "Explain why the sky is blue.",
  "Once upon a time",
];

/** One reply of the model's own. */
export interface Sample extends ScoreRow {
  /** Σ_t (1 − Σ_v p_v²): how much of the reply was a choice. An update hardly moves the KL of a sure token. */
  doubt: number;
}

export interface SampleOptions {
  /** Samples to draw, spread over the openings. */
  count: number;
  /** Tokens of one sample at most, its end token included. */
  tokensMax: number;
  /** Random streams to skip: samples drawn past them differ from the earlier ones. */
  after?: number;
  /** Drawing ends after this time (ms) with the tokens drawn so far; one token at least. */
  msMax: number;
}

/** Samples that are drawn together. */
const batchMax = 8;
/** Every token counts for at least this much doubt: a sure one can be turned over too. */
const doubtMin = 0.02;

type SampledModel = Pick<LanguageModel, "shape" | "allocateCache" | "step">;

/**
 * Draws samples at temperature 1, seeded, each with its own random stream, a few together in slices of one step. The
 * first is drawn alone, so that even a slow model has one. `progress` is called with the count so far.
 */
export async function* drawSamples(
  model: SampledModel,
  prompts: readonly Int32Array[],
  endIds: readonly number[],
  { count, tokensMax, msMax, after = 0 }: SampleOptions,
  progress: (done: number) => void = () => {},
): Slices<Sample[]> {
  const fitting = prompts.filter(({ length }) => length + tokensMax <= model.shape.contextLength);
  if (fitting.length === 0) throw new Error("No opening fits the model's context");
  const endsAt = performance.now() + msMax;
  const samples: Sample[] = [];
  while (samples.length < count && (samples.length === 0 || performance.now() < endsAt)) {
    const size = samples.length === 0 ? 1 : Math.min(batchMax, count - samples.length);
    const batch = Array.from({ length: size }, (_, at) => {
      const index = samples.length + at;
      return {
        prompt: fitting[index % fitting.length]!,
        random: seededRandom(`probe ${after + index}`),
      };
    });
    samples.push(...(yield* drawTogether(model, batch, endIds, { tokensMax, endsAt })));
    progress(samples.length);
  }
  return samples;
}

/** One reply to each prompt. At `endsAt` replies are cut where they are, and empty ones are left out. */
async function* drawTogether(
  model: SampledModel,
  batch: readonly { prompt: Int32Array; random: Random }[],
  endIds: readonly number[],
  { tokensMax, endsAt }: { tokensMax: number; endsAt: number },
): Slices<Sample[]> {
  const longest = Math.max(...batch.map(({ prompt }) => prompt.length));
  const cache = model.allocateCache(batch.length, longest + tokensMax);
  const replies = batch.map((): number[] => []);
  const doubts = batch.map(() => 0);
  const take = (row: number, next: NextToken) => {
    const reply = replies[row]!;
    if (endIds.includes(reply.at(-1)!)) return;
    const { id, doubt } = draw(next, batch[row]!.random);
    reply.push(id);
    doubts[row]! += Math.max(doubt, doubtMin);
  };
  try {
    for (const [row, { prompt }] of batch.entries()) {
      if (row > 0 && performance.now() > endsAt) break;
      yield;
      const input = { ids: prompt, rows: 1, length: prompt.length, past: Int32Array.of(0) };
      const step = { ...input, cache, firstSlot: row, adapters: [null] };
      const [next] = await model.step(step, true);
      take(row, next!);
    }
    const rows = replies.filter(({ length }) => length > 0).length;
    const isOpen = (reply: readonly number[]) =>
      reply.length > 0 && reply.length < tokensMax && !endIds.includes(reply.at(-1)!);
    for (let t = 0; replies.some(isOpen) && performance.now() < endsAt; t++) {
      yield;
      const ids = Int32Array.from(replies.slice(0, rows), (reply) => reply.at(-1)!);
      const past = Int32Array.from(batch.slice(0, rows), ({ prompt }) => prompt.length + t);
      const adapters = batch.slice(0, rows).map(() => null);
      const input = { ids, rows, length: 1, past, cache, firstSlot: 0, adapters };
      const next = await model.step(input, true);
      next.forEach((token, row) => {
        if (isOpen(replies[row]!)) take(row, token);
      });
    }
  } finally {
    cache.dispose();
  }
  return batch.flatMap(({ prompt }, row) =>
    replies[row]!.length === 0
      ? []
      : [{ prompt, reply: Int32Array.from(replies[row]!), doubt: doubts[row]! }],
  );
}

/** One token at temperature 1, and 1 − Σ_v p_v². */
function draw({ logits_V, logZ, best }: NextToken, random: Random): { id: number; doubt: number } {
  let left = random();
  let id = best;
  let squares = 0;
  for (let v = 0; v < logits_V!.length; v++) {
    const p = Math.exp(logits_V![v]! - logZ);
    squares += p * p;
    if (left >= 0 && left < p) id = v;
    left -= p;
  }
  return { id, doubt: 1 - squares };
}

/**
 * Chooses a few of many samples in proportion to their doubt, because a few open replies carry most of an update's KL.
 * `weights` are by row and undo the choice: Σ weight·KL over Σ weight, token by token, approximates the mean over all
 * samples' tokens. The order is random, so the first few are such a choice too. Systematic sampling, seeded.
 */
export function chooseProbes(
  samples: readonly Sample[],
  count: number,
): { rows: ScoreRow[]; weights: number[] } {
  if (samples.length <= count) return { rows: [...samples], weights: samples.map(() => 1) };
  const random = seededRandom(`choose ${count}`);
  const stride = samples.reduce((sum, { doubt }) => sum + doubt, 0) / count;
  const times = new Map<Sample, number>();
  let passed = 0;
  let next = random() * stride;
  for (const sample of shuffled(random, samples)) {
    passed += sample.doubt;
    for (; next < passed; next += stride) times.set(sample, (times.get(sample) ?? 0) + 1);
  }
  const chosen = shuffled(random, [...times]);
  const raw = chosen.map(([{ doubt }, taken]) => taken / doubt);
  const tokens = chosen.reduce((sum, [{ reply }]) => sum + reply.length, 0);
  const weighed = chosen.reduce((sum, [{ reply }], i) => sum + raw[i]! * reply.length, 0);
  return {
    rows: chosen.map(([sample]) => sample),
    // One in the mean over tokens, as a reply's that stands beside them.
    weights: raw.map((weight) => (weight * tokens) / weighed),
  };
}
