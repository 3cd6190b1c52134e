/** Chooses the next token from one row of logits. It knows no text, no batches and no model. */

import type { Sampling } from "@rosa2/shared/protocol";
import type { SamplingDefaults } from "../../checkpoint/model-config.ts";
import type { NextToken } from "../../language-model.ts";
import type { Draws, Left } from "./draws.ts";

export interface TokenChoice {
  id: number;
  /** Log-prob at temperature 1, before penalties and bans (nats). */
  logprob: number;
  /** The likeliest tokens by the same measure, best first; empty unless `top_logprobs` asks for them. */
  top: { id: number; logprob: number }[];
}

export interface DrawnToken extends TokenChoice {
  left: Left;
}

type DrawRules = Pick<SamplingDefaults, "temperature" | "top_k" | "top_p" | "min_p">;
type SamplingRules = SamplingDefaults &
  Pick<Sampling, "frequency_penalty" | "presence_penalty" | "logit_bias"> & {
    top_logprobs?: number | undefined;
  };

/** The tokens that the reply's shape allows next. */
export interface AllowedTokens {
  allows(id: number): boolean;
  /** Sets all other logits to −∞, in place. */
  forbid(logits_V: Float32Array): void;
}

/** Added to the logits of single tokens; -Infinity forbids a token. */
export type LogitBias = ReadonlyMap<number, number>;

const noBias: LogitBias = new Map();

/**
 * One reply's sampler. It has its own draws and its own token counts, so a reply does not depend on its batch.
 * Frequency and presence penalties count the reply's tokens, not the prompt's; the repetition penalty applies to both.
 */
export class Sampler {
  readonly #rules: SamplingRules;
  readonly #draws: Draws;
  readonly #counts = new Map<number, number>();
  /** Biases on logits from the request and the checkpoint. */
  readonly #bias: LogitBias;
  /** Tokens of prompt and reply. */
  readonly #seen: Set<number>;

  constructor(rules: SamplingRules, draws: Draws, prompt: Iterable<number> = []) {
    this.#rules = rules;
    this.#draws = draws;
    this.#seen = new Set(prompt);
    const bias = Object.entries(rules.logit_bias ?? {});
    const suppressed = rules.suppress_tokens ?? [];
    this.#bias = new Map([
      ...bias.map(([id, amount]): [number, number] => [Number(id), amount]),
      ...suppressed.map((id): [number, number] => [id, -Infinity]),
    ]);
  }

  /**
   * Chooses a token without changing the sampler's state. The same random number serves every attempt at one position,
   * so forbidding a token does not shift later draws.
   */
  attempt(
    next: NextToken,
    draw: number,
    bias: LogitBias = noBias,
    allowed: AllowedTokens | null = null,
  ): DrawnToken {
    const { best, peak, logZ, logits_V } = next;
    if (!Number.isFinite(logZ)) {
      throw new Error(`Cannot sample: the model returned a log-normaliser of ${logZ}`);
    }
    const isPlain = !this.needsLogits && bias.size === 0;
    if (isPlain && allowed?.allows(best) !== false)
      return { id: best, logprob: peak - logZ, top: [], left: whole(draw) };
    if (logits_V === null) throw new Error("Cannot sample by these rules without logits");
    const top = topLogprobs(logits_V, logZ, this.#rules.top_logprobs ?? 0);
    const restore = this.#adjust(logits_V, bias);
    const open_V = allowed === null ? logits_V : Float32Array.from(logits_V);
    allowed?.forbid(open_V);
    const { id, ...left } =
      this.#rules.temperature === 0
        ? { id: argmax(open_V), ...whole(draw) }
        : drawToken(open_V, this.#rules, draw);
    restore();
    return { id, logprob: (logits_V[id] as number) - logZ, top, left };
  }

  /** Whether more than the likeliest token is needed. */
  get needsLogits(): boolean {
    const { temperature, top_logprobs, ...penalties } = this.#rules;
    const isPlain =
      penalties.frequency_penalty === 0 &&
      penalties.presence_penalty === 0 &&
      penalties.repetition_penalty === 1;
    return temperature !== 0 || !isPlain || (top_logprobs ?? 0) > 0 || this.#bias.size > 0;
  }

  /** The random number that decides the next position. */
  draw(): number {
    return this.#draws.next();
  }

  /** Counts a token that was added to the reply. */
  accept({ id, left }: DrawnToken): void {
    this.#draws.took(left);
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
    this.#seen.add(id);
  }

  /** Applies penalties and bias in place (few entries) and returns what undoes it. */
  #adjust(logits_V: Float32Array, bias: LogitBias): () => void {
    const { frequency_penalty: frequency, presence_penalty: presence } = this.#rules;
    const repetition = this.#rules.repetition_penalty;
    const saved: [number, number][] = [];
    if (repetition !== 1) {
      for (const id of this.#seen) {
        const logit = logits_V[id] as number;
        saved.push([id, logit]);
        logits_V[id] = logit < 0 ? logit * repetition : logit / repetition;
      }
    }
    if (frequency !== 0 || presence !== 0) {
      for (const [id, count] of this.#counts) {
        saved.push([id, logits_V[id] as number]);
        logits_V[id] = (logits_V[id] as number) - frequency * count - presence;
      }
    }
    for (const [id, amount] of [...this.#bias, ...bias]) {
      saved.push([id, logits_V[id] as number]);
      logits_V[id] = (logits_V[id] as number) + amount;
    }
    return () => {
      // Backwards, because a token can have been changed twice.
      for (const [id, value] of saved.reverse()) logits_V[id] = value;
    };
  }
}

/** Weights below e to minus this of the largest are left out; together they are below 3e-6 even at 200k tokens. */
const negligible = 25;

/** Id of the largest logit; the lowest id wins a tie. */
function argmax(logits_V: Float32Array): number {
  let best = 0;
  for (let i = 1; i < logits_V.length; i++) {
    if ((logits_V[i] as number) > (logits_V[best] as number)) best = i;
  }
  return best;
}

/** What is left of a draw that decided nothing, because the token was certain. */
function whole(draw: number): Left {
  return { rest: draw, share: 1 };
}

type Drawn = Pick<TokenChoice, "id"> & Left;

/** One token from softmax(logits / temperature), truncated to top_k, then top_p, then min_p. */
export function drawToken(logits_V: Float32Array, rules: DrawRules, draw: number): Drawn {
  const best = argmax(logits_V);
  if (rules.top_k === 1) return { id: best, ...whole(draw) };
  const max = logits_V[best] as number;
  if (rules.top_k === 0 && rules.top_p === 1 && rules.min_p === 0) {
    // Rounding may leave a sliver of mass.
    return drawFromAll(logits_V, max, rules.temperature, draw) ?? { id: best, ...whole(draw) };
  }

  const weight = (id: number) => Math.exp(((logits_V[id] as number) - max) / rules.temperature);
  // With top_k, top_p is a share of the top k's mass, and the whole is not needed.
  const total = rules.top_k > 0 ? 0 : sumBlocks(logits_V, max, rules.temperature);
  const kept = truncate(rankedHead(logits_V, max, total, weight, rules), total, weight, rules);
  let mass = 0;
  for (const id of kept) mass += weight(id);
  let over = draw * mass;
  for (const id of kept) {
    const own = weight(id);
    if (over < own) return { id, rest: over / own, share: own / mass };
    over -= own;
  }
  return { id: kept[0] as number, ...whole(draw) };
}

/** Sums of weights up to the end of each block of tokens, reused from draw to draw. */
let blockSums = new Float64Array(0);
const blockLength = 256;

/** exp(−k / 256): a vocabulary's worth of Math.exp would take longer than some models' step. */
const fineness = 256;
const exponentials = Float64Array.from({ length: negligible * fineness + 1 }, (_, k) =>
  Math.exp(-k / fineness),
);

/** exp(−x) for 0 ≤ x ≤ `negligible`, to ten digits. */
function expMinus(x: number): number {
  const k = (x * fineness) | 0;
  const r = x - k / fineness;
  return (exponentials[k] as number) * (1 - r * (1 - r * (0.5 - r / 6)));
}

/** Fills `blockSums` with the sums of weights exp((logit − max) / temperature); returns that of all. */
function sumBlocks(logits_V: Float32Array, max: number, temperature: number): number {
  const perNat = 1 / temperature;
  const blocks = Math.ceil(logits_V.length / blockLength);
  if (blockSums.length < blocks) blockSums = new Float64Array(blocks);
  let total = 0;
  for (let block = 0; block < blocks; block++) {
    const end = Math.min((block + 1) * blockLength, logits_V.length);
    for (let id = block * blockLength; id < end; id++) {
      const below = (max - (logits_V[id] as number)) * perNat;
      if (below < negligible) total += expMinus(below);
    }
    blockSums[block] = total;
  }
  return total;
}

/** The token at which the running sum of weights exp((logit − max) / temperature) passes `draw` times the whole. */
function drawFromAll(
  logits_V: Float32Array,
  max: number,
  temperature: number,
  draw: number,
): Drawn | null {
  const mass = sumBlocks(logits_V, max, temperature);
  const aim = draw * mass;
  const perNat = 1 / temperature;
  const blocks = Math.ceil(logits_V.length / blockLength);
  let block = 0;
  while (block < blocks && (blockSums[block] as number) <= aim) block++;
  let sum = block === 0 ? 0 : (blockSums[block - 1] as number);
  for (let id = block * blockLength; id < logits_V.length; id++) {
    const below = (max - (logits_V[id] as number)) * perNat;
    if (below >= negligible) continue;
    const own = expMinus(below);
    // Blocks were summed apart, so the aim may lie a rounding error below this one's beginning.
    if (sum + own > aim) return { id, rest: Math.max(0, aim - sum) / own, share: own / mass };
    sum += own;
  }
  return null;
}

/**
 * The likeliest tokens, as many as the truncation rules need to apply exactly. Widens a threshold below the best logit
 * instead of sorting the whole vocabulary.
 */
function rankedHead(
  logits_V: Float32Array,
  max: number,
  total: number,
  weight: (id: number) => number,
  rules: DrawRules,
): number[] {
  for (const depth of [2, 5, 10, 20, Infinity]) {
    const floor = max - depth * rules.temperature;
    const ids: number[] = [];
    let mass = 0;
    for (let id = 0; id < logits_V.length; id++) {
      if ((logits_V[id] as number) < floor) continue;
      ids.push(id);
      mass += weight(id);
    }
    const holdsMinP = rules.min_p > 0 && depth >= -Math.log(rules.min_p);
    // With top_k, top_p is a share of the top k's mass, so all k must be there.
    const enough =
      rules.top_k > 0
        ? ids.length >= rules.top_k || (rules.top_p === 1 && holdsMinP)
        : (rules.top_p < 1 && mass >= rules.top_p * total) || holdsMinP;
    if (enough || depth === Infinity) {
      return ids.sort((a, b) => (logits_V[b] as number) - (logits_V[a] as number) || a - b);
    }
  }
  throw new Error("unreachable: the last threshold takes every token");
}

/** top_k, then top_p over the whole distribution's mass, then min_p relative to the best token. */
function truncate(
  ranked: number[],
  total: number,
  weight: (id: number) => number,
  rules: DrawRules,
): number[] {
  let kept = rules.top_k > 0 ? ranked.slice(0, rules.top_k) : ranked;
  if (rules.top_p < 1) {
    let rest = rules.top_p * (rules.top_k > 0 ? sumOf(kept, weight) : total);
    let count = 0;
    while (count < kept.length && rest > 0) rest -= weight(kept[count++] as number);
    kept = kept.slice(0, Math.max(1, count));
  }
  // The best token has weight 1.
  return rules.min_p > 0 ? kept.filter((id) => weight(id) >= rules.min_p) : kept;
}

function sumOf(ids: number[], weight: (id: number) => number): number {
  let sum = 0;
  for (const id of ids) sum += weight(id);
  return sum;
}

/** The `count` likeliest tokens by insertion into a short list. */
function topLogprobs(logits_V: Float32Array, logZ: number, count: number) {
  const top: { id: number; logprob: number }[] = [];
  if (count === 0) return top;
  for (let id = 0; id < logits_V.length; id++) {
    const logprob = (logits_V[id] as number) - logZ;
    if (top.length === count && logprob <= (top[count - 1] as { logprob: number }).logprob)
      continue;
    let place = top.length;
    while (place > 0 && (top[place - 1] as { logprob: number }).logprob < logprob) place--;
    top.splice(place, 0, { id, logprob });
    if (top.length > count) top.pop();
  }
  return top;
}

/** The request's sampling, with the model's own where the request says nothing. */
export function withDefaults(
  asked: Sampling,
  defaults: SamplingDefaults,
): Sampling & SamplingDefaults {
  return {
    ...asked,
    temperature: asked.temperature ?? defaults.temperature,
    top_p: asked.top_p ?? defaults.top_p,
    top_k: asked.top_k ?? defaults.top_k,
    min_p: asked.min_p ?? defaults.min_p,
    repetition_penalty: asked.repetition_penalty ?? defaults.repetition_penalty,
    stop: [...asked.stop, ...(defaults.stop_strings ?? [])],
    ...(defaults.suppress_tokens === undefined
      ? {}
      : { suppress_tokens: defaults.suppress_tokens }),
  };
}
