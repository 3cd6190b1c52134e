import type { Sampling } from "@rosa2/shared/protocol";
import { seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { independentDraws } from "../../../gpu-service/src/engine/batch/draws.ts";
import { Sampler } from "../../../gpu-service/src/engine/batch/sampling.ts";
import { samplingRules } from "../support/greedy.ts";
import { nextToken } from "../support/next-token.ts";

/** Logits whose softmax is [0.5, 0.25, 0.125, 0.0625, 0.0625]. */
const halves = () => Float32Array.from([0.5, 0.25, 0.125, 0.0625, 0.0625], Math.log);

function rules(given: Partial<Sampling>) {
  return samplingRules(given);
}

function samplerOf(given: Partial<Sampling>): Sampler {
  return new Sampler(rules(given), independentDraws(1));
}

/** How often each id is drawn over `count` equally spaced draws. */
function shares(given: Partial<Sampling>, logits: Float32Array, count = 1000): number[] {
  const sampler = samplerOf(given);
  const drawn = new Array(logits.length).fill(0);
  for (let i = 0; i < count; i++) drawn[sampler.attempt(nextToken(logits), (i + 0.5) / count).id]++;
  return drawn.map((n) => n / count);
}

describe("Sampler", () => {
  it("takes the likeliest token at temperature 0, the lowest id of equals", () => {
    const sampler = samplerOf({ temperature: 0 });
    expect(sampler.attempt(nextToken(Float32Array.of(1, 3, 3, 2)), 0.99).id).toBe(1);
  });

  it("draws each token as often as softmax gives", () => {
    expect(shares({ temperature: 1 }, halves(), 1600)).toEqual([0.5, 0.25, 0.125, 0.0625, 0.0625]);
  });

  it("sharpens with a temperature below 1", () => {
    // p² normalised: 1/4, 1/16, 1/64, 1/256, 1/256 over their sum 86/256.
    const [first, second] = shares({ temperature: 0.5 }, halves(), 10_000);
    expect(first).toBeCloseTo(64 / 86, 3);
    expect(second).toBeCloseTo(16 / 86, 3);
  });

  it("adds the request's bias to single tokens, drawn or greedy, and reports the model's own log-prob", () => {
    const logit_bias = { "0": -100, "2": 2 };
    // e² of an eighth against a quarter and the rest; token 0 is gone.
    const [none, second, third] = shares({ temperature: 1, logit_bias }, halves(), 10_000);
    const whole = 0.25 + 0.125 * Math.E ** 2 + 0.125;
    expect(none).toBe(0);
    expect(second).toBeCloseTo(0.25 / whole, 3);
    expect(third).toBeCloseTo((0.125 * Math.E ** 2) / whole, 3);
    const sampler = samplerOf({ temperature: 0, logit_bias });
    expect(sampler.needsLogits).toBe(true);
    const { id, logprob } = sampler.attempt(nextToken(halves()), 0.5);
    expect([id, logprob]).toEqual([2, expect.closeTo(Math.log(0.125), 5)]);
  });

  it("draws the likeliest token alone with top_p 0", () => {
    expect(shares({ temperature: 2, top_p: 0 }, halves())).toEqual([1, 0, 0, 0, 0]);
  });

  it("keeps the top k tokens only", () => {
    const drawn = shares({ temperature: 1, top_k: 2 }, halves(), 3000);
    expect(drawn[0]).toBeCloseTo(2 / 3, 3);
    expect(drawn.slice(2)).toEqual([0, 0, 0]);
  });

  it("keeps the fewest tokens that reach top_p, never none", () => {
    expect(shares({ temperature: 1, top_p: 0.7 }, halves(), 3000).slice(2)).toEqual([0, 0, 0]);
    expect(shares({ temperature: 1, top_p: 0.01 }, halves())[0]).toBe(1);
  });

  it("takes top_p as a share of what top_k left", () => {
    // Of {0.5, 0.25, 0.125} the first two hold 0.857, so 0.8 needs two and 0.9 all three.
    expect(shares({ temperature: 1, top_k: 3, top_p: 0.8 }, halves(), 900)[2]).toBe(0);
    expect(shares({ temperature: 1, top_k: 3, top_p: 0.9 }, halves(), 900)[2]).toBeGreaterThan(0);
  });

  it("drops tokens below min_p of the likeliest one", () => {
    expect(shares({ temperature: 1, min_p: 0.2 }, halves()).slice(3)).toEqual([0, 0]);
    expect(shares({ temperature: 1, min_p: 0.2 }, halves())[2]).toBeGreaterThan(0);
  });

  it("truncates a large vocabulary exactly as sorting all of it would", () => {
    const random = seededRandom("large vocabulary");
    const logits = Float32Array.from({ length: 5000 }, () => 12 * random());
    for (const given of [
      { temperature: 0.7, top_p: 0.9 },
      { temperature: 1.5, top_k: 40, top_p: 0.95 },
      { temperature: 2, top_p: 0.999 },
      { temperature: 1, min_p: 0.001 },
      { temperature: 1, top_k: 4000, top_p: 0.5, min_p: 0.01 },
    ]) {
      const kept = keptBySorting(logits, rules(given));
      const sampler = samplerOf(given);
      for (let i = 0; i < 300; i++) {
        expect(kept).toContain(sampler.attempt(nextToken(logits), random()).id);
      }
      // The last kept token is reached by the largest draw.
      expect(sampler.attempt(nextToken(logits), 1 - 1e-12).id).toBe(kept.at(-1));
    }
  });

  it("lowers tokens by how often they came (frequency) and whether they came (presence)", () => {
    const sampler = samplerOf({ frequency_penalty: 1, presence_penalty: 0.5 });
    const logits = Float32Array.of(3, 1, 0);
    const first = sampler.attempt(nextToken(logits), 0);
    sampler.accept(first);
    expect(sampler.attempt(nextToken(logits), 0).id).toBe(0); // 3 − 1.5 > 1
    sampler.accept(first);
    expect(sampler.attempt(nextToken(logits), 0).id).toBe(1); // 3 − 2.5 < 1
    expect([...logits]).toEqual([3, 1, 0]);
  });

  it("never takes a forbidden token, and reports log-probs of the unchanged distribution", () => {
    const sampler = samplerOf({ temperature: 1, top_logprobs: 2 });
    const choice = sampler.attempt(nextToken(halves()), 0, new Map([[0, -Infinity]]));
    expect(choice.id).toBe(1);
    expect(choice.logprob).toBeCloseTo(Math.log(0.25), 6);
    expect(choice.top.map(({ id }) => id)).toEqual([0, 1]);
    expect(choice.top[0]?.logprob).toBeCloseTo(Math.log(0.5), 6);
  });

  it("gives the same draws for the same seed and other draws for another", () => {
    const draws = (seed: number) => {
      const sampler = new Sampler(rules({ temperature: 1 }), independentDraws(seed));
      return Array.from({ length: 8 }, () => sampler.draw());
    };
    expect(draws(7)).toEqual(draws(7));
    expect(draws(7)).not.toEqual(draws(8));
  });

  it("refuses logits that are not numbers", () => {
    const sampler = samplerOf({});
    expect(() => sampler.attempt(nextToken(Float32Array.of(1, Number.NaN, 0)), 0)).toThrow(
      "log-normaliser",
    );
  });
});

/** The reference: sort everything, then cut. Likeliest first. */
function keptBySorting(logits: Float32Array, sampling: ReturnType<typeof rules>): number[] {
  const max = Math.max(...logits);
  const weights = Array.from(logits, (logit) => Math.exp((logit - max) / sampling.temperature));
  let kept = weights.map((_, id) => id).sort((a, b) => weights[b]! - weights[a]! || a - b);
  if (sampling.top_k > 0) kept = kept.slice(0, sampling.top_k);
  const total = kept.reduce((sum, id) => sum + weights[id]!, 0);
  let mass = 0;
  kept = kept.filter((id) => {
    const isNeeded = mass < sampling.top_p * total;
    mass += weights[id]!;
    return isNeeded;
  });
  return kept.filter((id) => weights[id]! >= sampling.min_p);
}
