import { impliedReward, outcomeKl, rowObjective, targetShift } from "@rosa2/shared/objective";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const plan = { beta: 0.5, target: 0.95, clip: 2 };
const logprob = fc.double({ min: -60, max: -1e-5, noNaN: true });

describe("target shifts", () => {
  it("move a corrected reply to the target probability, at most by the clip", () => {
    expect(targetShift("corrected", Math.log(0.5), plan)).toBeCloseTo(Math.log(0.95 / 0.5), 12);
    expect(targetShift("corrected", -40, plan)).toBe(2);
    expect(targetShift("accepted", Math.log(0.99), plan)).toBe(0);
  });

  it("move a rejected reply to the closed-form policy: p·e^(−1/β) over its normaliser", () => {
    const p = 0.7;
    const optimum = (p * Math.exp(-2)) / (p * Math.exp(-2) + 1 - p);
    expect(targetShift("rejected", Math.log(p), plan)).toBeCloseTo(Math.log(optimum / p), 12);
  });

  it("raise accepted replies, lower rejected ones, and never beyond 1/β below", () => {
    fc.assert(
      fc.property(logprob, (S) => {
        expect(targetShift("accepted", S, plan)).toBeGreaterThanOrEqual(0);
        const down = targetShift("rejected", S, plan);
        expect(down).toBeLessThanOrEqual(0);
        expect(down).toBeGreaterThanOrEqual(-1 / plan.beta);
      }),
    );
  });
});

describe("the joint objective", () => {
  it("is largest at the policy that the target shift leads to", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -12, max: -0.06, noNaN: true }),
        fc.constantFrom("corrected" as const, "rejected" as const),
        fc.double({ min: -1, max: 1, noNaN: true }),
        (S, kind, offset) => {
          const shift = targetShift(kind, S, plan);
          const reward = impliedReward(kind, S, shift, plan.beta);
          const best = rowObjective(S, S + shift, reward, plan.beta);
          const other = Math.min(S + shift + offset, -1e-6);
          expect(best).toBeGreaterThanOrEqual(rowObjective(S, other, reward, plan.beta) - 1e-9);
        },
      ),
    );
  });

  it("pays no KL where nothing moved, and a positive one elsewhere", () => {
    expect(outcomeKl(-1.5, -1.5)).toBe(0);
    expect(outcomeKl(Math.log(0.8), Math.log(0.2))).toBeCloseTo(
      0.8 * Math.log(4) + 0.2 * Math.log(0.25),
      12,
    );
    fc.assert(
      fc.property(logprob, logprob, (a, b) => {
        const kl = outcomeKl(a, b);
        expect(kl).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(kl)).toBe(true);
      }),
    );
  });
});
