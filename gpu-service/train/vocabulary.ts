/**
 * The vocabulary: the pinned one of the first rosa2-mini, followed by the words that the training language has gained
 * since.
 */
import { readFileSync } from "node:fs";
import { seededRandom } from "@rosa2/shared/random";
import { drawSample } from "../language/samples.ts";

/** Stands for a space, as in Llama's tokenizers. */
export const space = "\u2581";
/** Word joiner: cancels the space that every word and digit carries. */
export const joiner = "\u2060";

export const specialTokens = {
  pad: "<|pad|>",
  system: "<|system|>",
  user: "<|user|>",
  assistant: "<|assistant|>",
  end: "<|end|>",
} as const;

/** Training continues from the first model's weights, so the ids of its tokens never change. */
const pinned = new URL("../models/rosa2-mini-2/", import.meta.url);
/**
 * How many samples the words are collected from, and how often a word must occur. Made-up words and words spelled
 * backwards occur seldom.
 */
const sampleCount = 120_000;
const occurrencesMin = 20;

/**
 * Tokens in the order of their ids. A word, a digit or a two-digit number is always one token with its space, wherever
 * it stands. Other text is spelled in characters, then in bytes.
 */
export function buildVocabulary(): string[] {
  const twoDigits = Array.from({ length: 90 }, (_, i) => space + (i + 10));
  const words = collectWords().map((word) => space + word);
  return [...new Set([...readVocabulary(pinned), ...twoDigits, ...words])];
}

/** The tokens of the tokenizer in a checkpoint directory, in the order of their ids. */
export function readVocabulary(directory: URL): string[] {
  const { model } = JSON.parse(readFileSync(new URL("tokenizer.json", directory), "utf8")) as {
    model: { vocab: Record<string, number> };
  };
  return Object.entries(model.vocab)
    .sort(([, a], [, b]) => a - b)
    .map(([token]) => token);
}

/** Words of the training language in alphabetical order. */
function collectWords(): string[] {
  const random = seededRandom("rosa2-mini vocabulary");
  const counts = new Map<string, number>();
  for (let i = 0; i < sampleCount; i++) {
    for (const { content } of drawSample(random)) {
      for (const word of content.match(/[A-Za-z]{2,}/g) ?? []) {
        counts.set(word, (counts.get(word) ?? 0) + 1);
      }
    }
  }
  return [...counts.keys()].filter((word) => counts.get(word)! >= occurrencesMin).sort();
}
