import {
  askedShift,
  confidenceOf,
  jointObjective,
  tokenValue,
  unsettledTokens,
} from "@rosa2/shared/objective";
import { adaptPlanDefaults } from "@rosa2/shared/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const plan = {
  ...adaptPlanDefaults,
  token_settled: 0.9,
  token_target: 0.9,
  token_clip: 2,
  clip: 8,
  rejected_clip: 2,
};
const logprob = fc.double({ min: -60, max: -1e-5, noNaN: true });
const logprobs = fc.array(logprob, { minLength: 1, maxLength: 80 });

describe("the value of a right reply", () => {
  it("counts a token that is likely enough as settled", () => {
    expect(tokenValue([Math.log(0.99), -3, Math.log(0.95)], 0.9)).toBeCloseTo(
      2 * Math.log(0.9) - 3,
      12,
    );
    expect([...unsettledTokens([Math.log(0.99), -3, Math.log(0.89)], 0.9)]).toEqual([0, 1, 1]);
  });

  it("asks nothing of a reply whose every token is settled, however long it is", () => {
    const sure = new Array(400).fill(Math.log(0.93));
    expect(askedShift("corrected", sure, plan)).toBe(0);
    expect(askedShift("accepted", sure, plan)).toBe(0);
    expect(askedShift("rejected", sure, plan)).toBe(0);
  });

  it("asks of each token and of the whole reply no more than the bounds", () => {
    expect(askedShift("corrected", [-0.5], plan)).toBeCloseTo(0.5 + Math.log(0.9), 12);
    expect(askedShift("corrected", [-30], plan)).toBe(2);
    expect(askedShift("corrected", new Array(40).fill(-3), plan)).toBe(8);
  });
});

describe("a rejected reply", () => {
  it("asks of a token that was a choice for the closed-form policy: p·e^(−1/β) over its normaliser", () => {
    const p = 0.7;
    const optimum = (p * Math.exp(-2)) / (p * Math.exp(-2) + 1 - p);
    expect(askedShift("rejected", [Math.log(p)], plan)).toBeCloseTo(Math.log(optimum / p), 12);
  });

  it("is pushed down by two nats in all, never as a whole sentence", () => {
    fc.assert(
      fc.property(logprobs, (tokens) => {
        const asked = askedShift("rejected", tokens, plan);
        expect(asked).toBeLessThanOrEqual(0);
        expect(asked).toBeGreaterThanOrEqual(-2);
      }),
    );
  });

  it("leaves a token alone that was no choice", () => {
    const alone = askedShift("rejected", [Math.log(0.5)], plan);
    expect(askedShift("rejected", [Math.log(0.99), Math.log(0.5)], plan)).toBe(alone);
  });
});

describe("a held reply", () => {
  it("asks for nothing of itself", () => {
    fc.assert(fc.property(logprobs, (tokens) => askedShift("held", tokens, plan) === 0));
  });
});

describe("confidence", () => {
  it("is the geometric mean of the tokens' probabilities, the same for short and long replies", () => {
    expect(confidenceOf(Math.log(0.8), 1)).toBeCloseTo(0.8, 12);
    expect(confidenceOf(40 * Math.log(0.8), 40)).toBeCloseTo(0.8, 12);
    expect(confidenceOf(1e-9, 3)).toBe(1);
  });
});

describe("the joint objective", () => {
  it("rises with the confidence in right replies and falls with that in rejected ones", () => {
    const right = (confidence: number) => jointObjective([{ reward: 1, confidence }], 0, 0.5);
    const wrong = (confidence: number) => jointObjective([{ reward: -1, confidence }], 0, 0.5);
    expect(right(0.9)).toBeGreaterThan(right(0.4));
    expect(wrong(0.9)).toBeLessThan(wrong(0.4));
  });

  it("falls where an update costs more KL than it gains", () => {
    const before = jointObjective([{ reward: 1, confidence: 0.5 }], 0, 0.5);
    expect(jointObjective([{ reward: 1, confidence: 0.52 }], 0.2, 0.5)).toBeLessThan(before);
  });
});
