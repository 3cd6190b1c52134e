/**
 * Chooses the precision of quantised products by how often the quantised model predicts the fp32 model's next token.
 * Also measures how much rounded activations change log-probs. The figures are kept with the quantised weights, so the
 * fp32 model is loaded only once for this.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomInt, seededRandom } from "@rosa2/shared/random";
import { z } from "zod";
import type { Quantization } from "../../compiler/decoder/quantize.ts";
import { cacheDirectory } from "../../disk/cache-directory.ts";
import { Model, type ModelOptions, openMerged } from "./model.ts";

const promptCount = 6;
const promptTokens = 16;
const replyTokens = 32;
/** Below this share of equal tokens, activations stay in fp32 if that agrees more often. */
const agreementMin = 0.9;

const keptSchema = z.object({
  accuracyLevel: z.union([z.literal(0), z.literal(4)]),
  /** Share of positions with the same most likely token, by accuracy level. */
  agreement: z.record(z.string(), z.number()),
  /** For the chosen level: by how much rounded activations change a token's log-prob, root mean square, in nats. */
  noise: z.number(),
});
export type GoldenCheck = z.infer<typeof keptSchema>;

/** Checks this checkpoint at 8 or 4 bits; an earlier check is read from the cache. */
export async function checkQuantization(
  directory: string,
  bits: 8 | 4,
  options: ModelOptions,
): Promise<GoldenCheck> {
  const path = join(
    cacheDirectory(),
    openMerged(directory, options.lora ?? null).digest,
    `int${bits}-2.json`,
  );
  const kept = readKept(path);
  if (kept) return kept;
  const golden = await withModel(directory, options, null, (model) => continueGreedily(model));
  const rows = golden.map((tokens) => ({
    prompt: Int32Array.from(tokens.slice(0, promptTokens)),
    reply: Int32Array.from(tokens.slice(promptTokens)),
  }));
  const measure = (accuracyLevel: 0 | 4) =>
    withModel(directory, options, { bits, accuracyLevel }, async (model) => ({
      equal: await shareOfEqual(model, golden),
      logprobs: await model.score(rows, null),
    }));
  const [rounded, exact] = [await measure(4), await measure(0)];
  const isExact = rounded.equal < agreementMin && exact.equal > rounded.equal;
  const check: GoldenCheck = {
    accuracyLevel: isExact ? 0 : 4,
    agreement: { 4: rounded.equal, 0: exact.equal },
    noise: isExact ? 0 : rootMeanSquare(rounded.logprobs, exact.logprobs),
  };
  writeFileSync(path, `${JSON.stringify(check)}\n`);
  return check;
}

function rootMeanSquare(one: readonly Float32Array[], other: readonly Float32Array[]): number {
  let squares = 0;
  let count = 0;
  for (const [row, values] of one.entries()) {
    for (const [t, value] of values.entries()) squares += (value - other[row]![t]!) ** 2;
    count += values.length;
  }
  return Math.sqrt(squares / count);
}

async function withModel<T>(
  directory: string,
  options: ModelOptions,
  quantization: Quantization | null,
  use: (model: Model) => Promise<T>,
): Promise<T> {
  const model = await Model.load(directory, { ...options, quantization });
  try {
    return await use(model);
  } finally {
    await model.dispose();
  }
}

/** Sequences: a seeded prompt and the model's own continuation. */
async function continueGreedily(model: Model): Promise<number[][]> {
  const random = seededRandom("golden tokens");
  const sequences: number[][] = [];
  for (let i = 0; i < promptCount; i++) {
    const tokens = Array.from({ length: promptTokens }, () =>
      randomInt(random, 0, model.shape.vocabSize),
    );
    await walk(model, tokens, (next) => tokens.push(next));
    sequences.push(tokens);
  }
  return sequences;
}

async function shareOfEqual(model: Model, golden: readonly number[][]): Promise<number> {
  let equal = 0;
  for (const tokens of golden) {
    await walk(model, tokens, (next, position) => {
      if (next === tokens[position]) equal++;
    });
  }
  return equal / (golden.length * replyTokens);
}

/** Feeds tokens one by one after the prompt and reports the most likely next token at each position. */
async function walk(
  model: Model,
  tokens: readonly number[],
  visit: (next: number, position: number) => void,
): Promise<void> {
  const cache = model.allocateCache(1, promptTokens + replyTokens);
  const step = { rows: 1, cache, firstSlot: 0, adapters: [null] };
  let ids = Int32Array.from(tokens.slice(0, promptTokens));
  for (let position = promptTokens; position < promptTokens + replyTokens; position++) {
    const past = Int32Array.of(position - ids.length);
    const [next] = await model.step({ ...step, ids, length: ids.length, past }, false);
    visit(next!.best, position);
    ids = Int32Array.of(tokens[position]!);
  }
  cache.dispose();
}

function readKept(path: string): GoldenCheck | null {
  try {
    return keptSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return null;
  }
}
