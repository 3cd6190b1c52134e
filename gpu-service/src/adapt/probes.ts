/**
 * A model's own samples: prompts and what the base model says to them. They stand for everything that an update should
 * leave alone. It knows tokens, neither text nor files.
 */
import { type Random, seededRandom } from "@rosa2/shared/random";
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

export interface ProbeOptions {
  /** Samples that are drawn, over the openings in turn. */
  count: number;
  /** Tokens of one sample at most, its end token included. */
  tokensMax: number;
  /** Drawing ends after this time with the samples that are there (ms), one at least. */
  msMax: number;
}

/**
 * Samples at temperature 1, seeded, one sequence after another in slices of one token.
 * `progress` hears how many are done.
 */
export async function* drawSamples(
  model: Pick<LanguageModel, "shape" | "allocateCache" | "step">,
  prompts: readonly Int32Array[],
  endIds: readonly number[],
  { count, tokensMax, msMax }: ProbeOptions,
  progress: (done: number) => void = () => {},
): Slices<ScoreRow[]> {
  const fitting = prompts.filter(({ length }) => length + tokensMax <= model.shape.contextLength);
  if (fitting.length === 0) throw new Error("No opening fits the model's context");
  const random = seededRandom(`probes ${count} ${tokensMax}`);
  const longest = Math.max(...fitting.map(({ length }) => length));
  const cache = model.allocateCache(1, longest + tokensMax);
  const endsAt = performance.now() + msMax;
  const rows: ScoreRow[] = [];
  try {
    while (rows.length < count && (rows.length === 0 || performance.now() < endsAt)) {
      const prompt = fitting[rows.length % fitting.length]!;
      const reply: number[] = [];
      let ids = prompt;
      while (reply.length < tokensMax) {
        yield;
        const past = Int32Array.of(prompt.length + reply.length - ids.length);
        const input = { ids, rows: 1, length: ids.length, past, cache, firstSlot: 0 };
        const [next] = await model.step({ ...input, adapters: [null] }, true);
        const id = draw(next!, random);
        reply.push(id);
        if (endIds.includes(id)) break;
        ids = Int32Array.of(id);
      }
      rows.push({ prompt, reply: Int32Array.from(reply) });
      progress(rows.length);
    }
  } finally {
    cache.dispose();
  }
  return rows;
}

/** One token at temperature 1. */
function draw({ logits_V, logZ, best }: NextToken, random: Random): number {
  let left = random();
  for (let id = 0; id < logits_V!.length; id++) {
    left -= Math.exp(logits_V![id]! - logZ);
    if (left < 0) return id;
  }
  return best;
}
