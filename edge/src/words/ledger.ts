/**
 * The ledger of readings: soft weights over the joint readings of a request's open senses.
 *
 * Joint, because a rejected reply is evidence against a combination, and which part of it was wrong shows only over
 * several replies. Between combinations of senses, knowledge travels as marginals. The weights are soft: a reading
 * never reaches zero.
 */
import { logprobOf, replyConfidence } from "@rosa2/shared/objective";
import type { Sense } from "./senses.ts";
import type { Ledger, Score, SenseMemory } from "./types.ts";

/** Joint readings kept for one combination of senses. */
export const readingsMax = 256;
/** Smallest weight relative to the best, so that every reading can come back. */
const weightMin = 1e-6;

const hintFactor = 0.05;
const statedFactor = 0.02;
const successFactor = 0.2;
/** Nats between two wordings of a right reply that count at most, of one token and of all. */
const tokenMax = 3;
const differenceMax = 12;

export const keyOf = (readings: readonly string[]): string => readings.join("|");
/** Keys that were split before; the same few thousand return again and again. */
const splitKeys = new Map<string, readonly string[]>();
function partsOf(key: string): readonly string[] {
  let parts = splitKeys.get(key);
  if (parts === undefined) {
    if (splitKeys.size > 20_000) splitKeys.clear();
    parts = key.split("|");
    splitKeys.set(key, parts);
  }
  return parts;
}

/** Name of the ledger of a combination of senses; the order in the request does not matter. */
export function ledgerName(senses: readonly Sense[]): string {
  return senses.map(({ id }) => id).join("+");
}

/**
 * The ledger for the given senses: the stored one, refitted to what was learnt about each sense since, or the product
 * of the marginals. Beyond `readingsMax` joint readings the least likely are left out.
 */
export function openLedger(
  senses: readonly Sense[],
  stored: Ledger | undefined,
  memory: Readonly<Record<string, SenseMemory>>,
): Ledger {
  const shares = senses.map((sense) => senseShares(sense, memory));
  const ids = senses.map(({ id }) => id);
  if (stored === undefined) return { senses: ids, weights: product(shares) };
  // One sweep of iterative proportional fitting: correlations stay, marginals follow the memory.
  const keys = Object.keys(stored.weights);
  const parts = keys.map(partsOf);
  const weights = Object.values(stored.weights);
  for (const [position, wanted] of shares.entries()) {
    const have: Record<string, number> = {};
    for (const [i, part] of parts.entries()) {
      const reading = part[position] ?? "";
      have[reading] = (have[reading] ?? 0) + (weights[i] ?? 0);
    }
    const factors: Record<string, number> = {};
    for (const [reading, share] of Object.entries(normalise(have)))
      factors[reading] = (wanted[reading] ?? weightMin) / Math.max(share, weightMin);
    for (const [i, part] of parts.entries()) {
      weights[i] = (weights[i] ?? 0) * (factors[part[position] ?? ""] ?? 1);
    }
  }
  return { senses: ids, weights: normaliseOver(keys, weights) };
}

/** Shares of a sense's readings: learnt in the session, otherwise the lexicon's priors. */
function senseShares(
  sense: Sense,
  memory: Readonly<Record<string, SenseMemory>>,
): Record<string, number> {
  const learnt = memory[sense.id]?.readings;
  const shares: Record<string, number> = {};
  for (const { id, prior } of sense.readings) shares[id] = learnt?.[id] ?? prior;
  return normalise(shares);
}

function product(marginals: readonly Record<string, number>[]): Record<string, number> {
  let beam: [key: string[], weight: number][] = [[[], 1]];
  for (const shares of marginals) {
    beam = beam.flatMap(([key, weight]) =>
      Object.entries(shares).map(([id, share]): [string[], number] => [
        [...key, id],
        weight * share,
      ]),
    );
    if (beam.length > readingsMax) {
      beam.sort((a, b) => b[1] - a[1]);
      beam.length = readingsMax;
    }
  }
  return normalise(Object.fromEntries(beam.map(([key, weight]) => [keyOf(key), weight])));
}

/** Shares of the readings of every sense. */
export function marginals({ senses, weights }: Ledger): Record<string, number>[] {
  const shares = senses.map((): Record<string, number> => ({}));
  for (const [key, weight] of Object.entries(weights)) {
    const parts = partsOf(key);
    for (const [position, of] of shares.entries()) {
      const reading = parts[position] ?? "";
      of[reading] = (of[reading] ?? 0) + weight;
    }
  }
  return shares.map(normalise);
}

/** The likeliest joint reading among those that agree with `fixed`; ties go to the lexicon's order. */
export function bestReading(
  ledger: Ledger,
  fixed: readonly (string | null)[] = [],
): { readings: readonly string[]; share: number } {
  let best: readonly string[] = [];
  let weightBest = -1;
  let sum = 0;
  for (const [key, weight] of Object.entries(ledger.weights)) {
    sum += weight;
    if (weight <= weightBest) continue;
    const parts = partsOf(key);
    if (parts.every((id, position) => (fixed[position] ?? id) === id))
      [best, weightBest] = [parts, weight];
  }
  return { readings: best, share: sum > 0 ? Math.max(0, weightBest) / sum : 0 };
}

/**
 * The reading that a reply shows, among those that agree with `fixed`: the largest w_z·p(reply | x_z). Null if none of
 * them was scored.
 */
export function explainReply(
  ledger: Ledger,
  scores: ReadingScores,
  fixed: readonly (string | null)[],
): readonly string[] | null {
  const logprobs = [...scores].map(([key, score]) => [key, logprobOf(score)] as const);
  const most = Math.max(...logprobs.map(([, logprob]) => logprob));
  const shown = logprobs.map(
    ([key, logprob]) => [key, (ledger.weights[key] ?? 0) * Math.exp(logprob - most)] as const,
  );
  const { readings } = bestReading({ ...ledger, weights: Object.fromEntries(shown) }, fixed);
  return readings.length === 0 ? null : readings;
}

/** The likeliest joint readings: at most k, holding at most `mass` of the weight together. */
export function topReadings(ledger: Ledger, k: number, mass: number): string[] {
  const top: string[] = [];
  let held = 0;
  for (const [key, weight] of Object.entries(ledger.weights).sort((a, b) => b[1] - a[1])) {
    if (top.length >= k || held >= mass) break;
    top.push(key);
    held += weight;
  }
  return top;
}

/** Applies a hint that the sense at `position` was misread: every joint reading with its current reading loses. */
export function applyHint(ledger: Ledger, position: number, reading: string): Ledger {
  return rescale(ledger, (parts) => (parts[position] === reading ? hintFactor : 1));
}

/**
 * Keeps what the user stated about the sense at `position`, whatever the scores said later. The stated reading has at
 * least the share that a statement alone would give it. What was learnt about other senses stays.
 */
export function holdStated(ledger: Ledger, position: number, reading: string): Ledger {
  const share = marginals(ledger)[position]?.[reading] ?? 0;
  if (share >= 1 - statedFactor || share === 0) return ledger;
  const up = (1 - statedFactor) / share;
  const down = statedFactor / (1 - share);
  return rescale(ledger, (parts) => (parts[position] === reading ? up : down));
}

/** Applies a plain "wrong" about reading `key`: a confident wrong answer means a wrong reading, w ← w(1 − c). */
export function applyRejection(ledger: Ledger, key: string, confidence: number): Ledger {
  return rescale(ledger, (_, other) => (other === key ? Math.max(1e-3, 1 - confidence) : 1));
}

/** Applies success under reading `key`. */
export function applySuccess(ledger: Ledger, key: string): Ledger {
  return rescale(ledger, (_, other) => (other === key ? 1 : successFactor));
}

/** Log-probs of a reply under each scored reading; readings that were not scored take the mean factor. */
export type ReadingScores = ReadonlyMap<string, Score>;

/**
 * Bayes for a rejected reply y: w ← w·max(10⁻³, 1 − k·p), where p = e^{S/T} is the geometric mean of its T tokens'
 * probabilities under x_z. A long reply counts as much as a short one. `skill` k is the probability that the model's
 * reply to what is meant is right: without the skill it is rejected under the meant reading too.
 */
export function applyRejectedScores(ledger: Ledger, scores: ReadingScores, skill: number): Ledger {
  return rescaleScored(ledger, scores, (score) =>
    Math.max(1e-3, 1 - skill * replyConfidence(score)),
  );
}

/**
 * Bayes, tempered, for a right reply y (accepted, or a correction): w ← w·exp((S_z − max S)/2). Of each token S_z counts
 * what is at most three nats below the reading that makes it likeliest: a token that the model cannot write under any
 * reading says little about the readings. Summed over tokens, because a mean would divide a long reply's evidence by
 * its length; a difference counts 12 nats at most.
 */
export function applyRightScores(ledger: Ledger, scores: ReadingScores): Ledger {
  const likeliest: number[] = [];
  for (const score of scores.values())
    for (const [t, logprob] of score.entries())
      likeliest[t] = Math.max(likeliest[t] ?? Number.NEGATIVE_INFINITY, logprob);
  const held = (score: Score) =>
    score.reduce((sum, logprob, t) => sum + Math.max(logprob, likeliest[t]! - tokenMax), 0);
  const best = Math.max(...[...scores.values()].map(held));
  return rescaleScored(ledger, scores, (score) =>
    Math.exp(Math.max(-differenceMax, held(score) - best) / 2),
  );
}

function rescaleScored(
  ledger: Ledger,
  scores: ReadingScores,
  factor: (score: Score) => number,
): Ledger {
  if (scores.size === 0) return ledger;
  const factors = new Map([...scores].map(([key, score]) => [key, factor(score)]));
  const mean = [...factors.values()].reduce((sum, one) => sum + one, 0) / factors.size;
  return rescale(ledger, (_, key) => factors.get(key) ?? mean);
}

function rescale(
  ledger: Ledger,
  factor: (parts: readonly string[], key: string) => number,
): Ledger {
  const keys = Object.keys(ledger.weights);
  const weights = keys.map((key) => (ledger.weights[key] ?? 0) * factor(partsOf(key), key));
  return { senses: ledger.senses, weights: normaliseOver(keys, weights) };
}

/** Weights that sum to 1, none below `weightMin` of the best. */
function normalise(weights: Readonly<Record<string, number>>): Record<string, number> {
  return normaliseOver(Object.keys(weights), Object.values(weights));
}

function normaliseOver(keys: readonly string[], weights: readonly number[]) {
  const best = weights.reduce((a, b) => Math.max(a, b), -Infinity);
  const isSound = best > 0;
  const floored = weights.map((weight) => (isSound ? Math.max(weight, best * weightMin) : 1));
  const sum = floored.reduce((a, b) => a + b, 0);
  const shares: Record<string, number> = {};
  for (const [i, key] of keys.entries()) shares[key] = (floored[i] ?? 0) / sum;
  return shares;
}
