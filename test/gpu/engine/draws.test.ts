/** Arithmetic sampling against what it promises: each reply a sample, together as even as can be. */
import { describe, expect, it } from "vitest";
import { evenDraws } from "../../../gpu-service/src/engine/batch/draws.ts";
import { Sampler } from "../../../gpu-service/src/engine/batch/sampling.ts";
import { samplingRules } from "../support/greedy.ts";
import { nextToken } from "../support/next-token.ts";

/** Probabilities of the next token after the last one, from the start first. */
const chain = [
  [0.4, 0.35, 0.25],
  [0.5, 0.3, 0.2],
  [0.1, 0.6, 0.3],
  [0.25, 0.25, 0.5],
];
const length = 3;

/** The replies to one prompt, as texts of `length` tokens. */
function replies(seed: number, count: number, rules: object = {}): string[] {
  return Array.from({ length: count }, (_, i) => {
    const sampler = new Sampler(
      samplingRules({ temperature: 1, ...rules }),
      evenDraws(seed, i, count),
    );
    let text = "";
    let state = 0;
    for (let at = 0; at < length; at++) {
      const next = nextToken(Float32Array.from(chain[state]!, Math.log));
      const token = sampler.attempt(next, sampler.draw());
      sampler.accept(token);
      text += token.id;
      state = token.id + 1;
    }
    return text;
  });
}

function probability(text: string): number {
  let state = 0;
  let p = 1;
  for (const id of text) {
    p *= chain[state]![Number(id)]!;
    state = Number(id) + 1;
  }
  return p;
}

const texts = ["0", "1", "2"].flatMap((a) =>
  ["0", "1", "2"].flatMap((b) => ["0", "1", "2"].map((c) => a + b + c)),
);

describe("evenDraws", () => {
  it.each([0, 3, 7])("makes reply %i of eight a sample of the model", (i) => {
    const seeds = 4_000;
    const counts = new Map<string, number>();
    for (let seed = 0; seed < seeds; seed++) {
      const text = replies(seed, 8)[i]!;
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
    for (const text of texts) {
      const p = probability(text);
      // Five standard errors of 27 shares.
      const reach = 5 * Math.sqrt((p * (1 - p)) / seeds);
      expect(Math.abs((counts.get(text) ?? 0) / seeds - p)).toBeLessThan(reach);
    }
  });

  it.each([
    ["all tokens", {}],
    ["truncated ones", { top_k: 3, top_p: 0.999 }],
  ])(
    "gives each text as often as its probability says, at most one more or less: %s",
    (_, rules) => {
      for (const count of [1, 4, 8, 16]) {
        for (let seed = 0; seed < 200; seed++) {
          const drawn = replies(seed, count, rules);
          for (const text of texts) {
            const times = drawn.filter((one) => one === text).length;
            expect(Math.abs(times - count * probability(text))).toBeLessThan(1);
          }
        }
      }
    },
  );

  it("goes on past the digits of one number, each reply by numbers of its own", () => {
    const tokens = 200;
    const draw = (i: number) => {
      const draws = evenDraws(5, i, 2);
      const rules = samplingRules({ temperature: 1 });
      const sampler = new Sampler(rules, draws);
      return Array.from({ length: tokens }, () => {
        const token = sampler.attempt(nextToken(Float32Array.of(0, 0)), sampler.draw());
        sampler.accept(token);
        return token.id;
      });
    };
    const [one, other] = [draw(0), draw(1)];
    for (const ids of [one, other]) {
      const ones = ids.filter((id) => id === 1).length;
      expect(Math.abs(ones - tokens / 2)).toBeLessThan(5 * Math.sqrt(tokens / 4));
    }
    const same = one.filter((id, at) => id === other[at]).slice(24).length;
    expect(Math.abs(same - (tokens - 24) / 2)).toBeLessThan(5 * Math.sqrt(tokens / 4));
  });

  it("spends nothing on a token that is certain", () => {
    const draws = evenDraws(1, 2, 4);
    const before = draws.next();
    for (let at = 0; at < 100; at++) draws.took({ rest: draws.next(), share: 1 });
    expect(draws.next()).toBe(before);
  });
});
