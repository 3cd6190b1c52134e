/** Adam replay: the weights baseline of the evaluation, several small steps on the same rows. */
import type { AdaptPlan } from "@rosa2/shared/protocol";
import type { Slices } from "../language-model.ts";
import type { AdaptableModel, MethodResult, StartPoint, TokenRow } from "./adapt.ts";

const steps = 4;
const rate = 5e-3;
const beta1 = 0.9;
const beta2 = 0.95;
const epsilon = 1e-6;
/** Keeps unlikelihood's 1/(1 − p) finite. */
const certain = 1 - 1e-4;

/**
 * Mean cross-entropy on accepted and corrected replies, unlikelihood −log(1 − p) on rejected ones. The step
 * is scaled to ‖step‖ ≤ ρ. Predictions are first-order, gradient times step, at each step's own point.
 */
export async function* adamSteps(
  model: AdaptableModel,
  rows: readonly TokenRow[],
  { rho }: AdaptPlan,
  { rank, start, before, jacobian, tried }: StartPoint,
): Slices<MethodResult> {
  const D = start.length;
  const used = [...jacobian.rows];
  const { J } = jacobian;
  const step = new Float32Array(D);
  const mean = new Float32Array(D);
  const square = new Float32Array(D);
  const predicted = rows.map(() => 0);
  let logprobs = before;
  for (let t = 1; t <= steps; t++) {
    if (t > 1) {
      for (let i = 0; i < D; i++) tried[i] = start[i]! + step[i]!;
      const pass = model.passRows(rows, { digest: "", rank, B: tried }, (row) =>
        used.includes(row) ? jacobian.row(row) : null,
      );
      logprobs = (yield* pass).map((values) => values.reduce((sum, value) => sum + value, 0));
    }
    // d loss / d S of each row.
    const slopes = used.map((row) => {
      const { kind, weight } = rows[row]!;
      const p = Math.min(Math.exp(logprobs[row]!), certain);
      return ((kind === "rejected" ? p / (1 - p) : -1) * weight) / used.length;
    });
    const taken = new Float32Array(D);
    for (let i = 0; i < D; i++) {
      const g = slopes.reduce((total, slope, row) => total + slope * J[row * D + i]!, 0);
      mean[i] = beta1 * mean[i]! + (1 - beta1) * g;
      square[i] = beta2 * square[i]! + (1 - beta2) * g * g;
      const scale = Math.sqrt(square[i]! / (1 - beta2 ** t)) + epsilon;
      taken[i] = (-rate * (mean[i]! / (1 - beta1 ** t))) / scale;
      step[i] = step[i]! + taken[i]!;
    }
    used.forEach((row, at) => {
      for (let i = 0; i < D; i++) predicted[row]! += J[at * D + i]! * taken[i]!;
    });
  }
  const length = Math.sqrt(step.reduce((total, value) => total + value * value, 0));
  const shrink = Math.min(1, rho / Math.max(length, 1e-12));
  return {
    step: step.map((value) => value * shrink),
    predicted: predicted.map((value) => value * shrink),
    after: null,
  };
}
