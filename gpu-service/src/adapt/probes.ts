/**
 * A model's own samples: prompts in its chat template and what the base model says to them, drawn once and kept
 * on disk under the model's digest. They stand for everything that an update should leave alone.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Random, seededRandom } from "@rosa2/shared/random";
import { z } from "zod";
import { cacheDirectory } from "../disk/cache-directory.ts";
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

const keptSchema = z.array(z.object({ prompt: z.array(z.int()), reply: z.array(z.int()) })).min(1);

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

/** The samples of a model and its openings: from disk, or drawn now and kept. An unwritable disk only costs time. */
export async function* keptSamples(
  {
    digest,
    prompts,
    options,
  }: { digest: string; prompts: readonly Int32Array[]; options: ProbeOptions },
  drawn: () => Slices<ScoreRow[]>,
): Slices<ScoreRow[]> {
  const key = createHash("sha256")
    .update(JSON.stringify([prompts.map((prompt) => [...prompt]), options]))
    .digest("hex")
    .slice(0, 16);
  const path = join(cacheDirectory(), digest, `samples-${key}.json`);
  try {
    return keptSchema.parse(JSON.parse(readFileSync(path, "utf8"))).map(({ prompt, reply }) => ({
      prompt: Int32Array.from(prompt),
      reply: Int32Array.from(reply),
    }));
  } catch {
    const rows = yield* drawn();
    try {
      mkdirSync(dirname(path), { recursive: true });
      const part = `${path}.${process.pid}.part`;
      const plain = rows.map(({ prompt, reply }) => ({ prompt: [...prompt], reply: [...reply] }));
      writeFileSync(part, JSON.stringify(plain));
      renameSync(part, path);
    } catch {}
    return rows;
  }
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
