import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { solveCholesky, solveStep } from "../../../gpu-service/src/adapt/solver.ts";

const M = 4;
const D = 9;
const random = seededRandom("solver");
const J = Float32Array.from({ length: M * D }, () => randomNormal(random));
const targets = [1, -0.5, 2, 0.25];
const equal = [1, 1, 1, 1];
const free = { lambda: 0.1, rho: 100 };

/** (JᵀWJ + λI)·d − JᵀWδ; it is zero at the minimum of the weighted ridge problem. */
function primalResidual(step: Float32Array, weights: number[], lambda: number): number[] {
  const errors = targets.map((target, row) => {
    let image = 0;
    for (let i = 0; i < D; i++) image += J[row * D + i]! * step[i]!;
    return weights[row]! * (image - target);
  });
  return Array.from({ length: D }, (_, i) =>
    errors.reduce((sum, error, row) => sum + J[row * D + i]! * error, lambda * step[i]!),
  );
}

describe("the dual solve", () => {
  it("solves the primal normal equations", async () => {
    const { step } = await solveStep({ J, D }, targets, equal, free);
    for (const value of primalResidual(step, equal, 0.1)) expect(value).toBeCloseTo(0, 5);
  });

  it("weights rows in the least squares, and drops a row of weight 0", async () => {
    const weights = [1, 0.25, 0, 0.5];
    const { step } = await solveStep({ J, D }, targets, weights, free);
    for (const value of primalResidual(step, weights, 0.1)) expect(value).toBeCloseTo(0, 5);
  });

  it("predicts J·d and reports ‖d‖", async () => {
    const { step, norm, predicted } = await solveStep({ J, D }, targets, equal, free);
    expect(norm).toBeCloseTo(Math.hypot(...step), 5);
    predicted.forEach((value, row) => {
      const image = step.reduce((sum, d, i) => sum + J[row * D + i]! * d, 0);
      expect(value).toBeCloseTo(image, 5);
    });
  });

  it("stops at the trust region without turning", async () => {
    const whole = await solveStep({ J, D }, targets, equal, free);
    const { step, norm, predicted } = await solveStep({ J, D }, targets, equal, {
      lambda: 0.1,
      rho: 0.5,
    });
    expect(norm).toBeCloseTo(0.5, 6);
    expect(Math.hypot(...step)).toBeCloseTo(0.5, 5);
    const shrink = 0.5 / whole.norm;
    predicted.forEach((value, row) => {
      expect(value).toBeCloseTo(whole.predicted[row]! * shrink, 6);
    });
  });

  it("survives two equal rows", async () => {
    const twice = new Float32Array([...J.subarray(0, D), ...J.subarray(0, D)]);
    const { predicted } = await solveStep({ J: twice, D }, [1, 1], [1, 1], {
      lambda: 1e-3,
      rho: 10,
    });
    expect(predicted[0]).toBeCloseTo(1, 2);
    expect(predicted[1]).toBeCloseTo(1, 2);
  });
});

it("refuses to factor a matrix that is not positive definite", () => {
  expect(() => solveCholesky(Float64Array.of(1, 2, 2, 1), [1, 1], 2)).toThrow("Cannot factor");
});
