/**
 * The update by Adam: four steps on the same examples, the baseline of the evaluation. hook.ts puts it in the place of
 * gpu-service/src/adapt/adapt.ts, in a deployment that is started only for it.
 *
 * The loss is mean cross-entropy on right replies and unlikelihood −log(1 − p) on rejected ones. The step is scaled to
 * ‖step‖ ≤ ρ.
 */
import type { AdaptPlan } from "@rosa2/shared/protocol";
import type { AdaptableModel, AdaptOutcome } from "../../../gpu-service/src/adapt/adapt.ts";
import { roundToFile } from "../../../gpu-service/src/adapt/adapter-file.ts";
import { reportUpdate } from "../../../gpu-service/src/adapt/report.ts";
import { Jacobian, Targets } from "../../../gpu-service/src/adapt/targets.ts";
import { nowhere, TrustRegion } from "../../../gpu-service/src/adapt/trust-region.ts";
import type { AdapterWeights, Slices, TokenRow } from "../../../gpu-service/src/language-model.ts";

const steps = 4;
const rate = 5e-3;
const beta1 = 0.9;
const beta2 = 0.95;
const epsilon = 1e-6;
/** Keeps unlikelihood's 1/(1 − p) finite. */
const certain = 1 - 1e-4;

export async function* adapt(
  model: AdaptableModel,
  rows: readonly TokenRow[],
  plan: AdaptPlan,
  parent: AdapterWeights | null,
): Slices<AdaptOutcome> {
  const rank = parent?.rank ?? plan.rank;
  const D = model.adapterLength(rank);
  const start: AdapterWeights = { digest: "", rank, B: parent?.B ?? new Float32Array(D) };
  const targets = new Targets(rows, plan);
  const jacobian = new Jacobian(rows.length, D);
  const first = yield* model.passRows(rows, start, (row, logprobs) => {
    targets.begin(row, logprobs);
    return targets.owes(row, logprobs) === 0 ? null : { into: jacobian.row(row) };
  });
  const region = yield* TrustRegion.around(
    model,
    yield* model.probes(),
    [],
    start,
    plan.kl_base_max,
  );
  const before = { B: start.B, logprobs: first, distance: nowhere };
  const used = [...jacobian.rows];
  const step = new Float32Array(D);
  const [mean, square] = [new Float32Array(D), new Float32Array(D)];
  let logprobs = first;
  for (let t = 1; t <= (used.length === 0 ? 0 : steps); t++) {
    if (t > 1) {
      const B = start.B.map((value, i) => value + step[i]!);
      logprobs = yield* model.passRows(rows, { digest: "", rank, B }, (row) =>
        used.includes(row) ? { into: jacobian.row(row) } : null,
      );
    }
    // d loss / d S of each row.
    const slopes = used.map((row) => {
      const { kind, weight } = rows[row]!;
      const S = logprobs[row]!.reduce((sum, value) => sum + value, 0);
      const p = Math.min(Math.exp(S), certain);
      return ((kind === "rejected" ? p / (1 - p) : -1) * weight) / used.length;
    });
    for (let i = 0; i < D; i++) {
      const g = slopes.reduce((sum, slope, row) => sum + slope * jacobian.J[row * D + i]!, 0);
      mean[i] = beta1 * mean[i]! + (1 - beta1) * g;
      square[i] = beta2 * square[i]! + (1 - beta2) * g * g;
      const scale = Math.sqrt(square[i]! / (1 - beta2 ** t)) + epsilon;
      step[i] = step[i]! - (rate * (mean[i]! / (1 - beta1 ** t))) / scale;
    }
  }
  const length = Math.sqrt(step.reduce((sum, value) => sum + value * value, 0));
  const shrink = Math.min(1, plan.rho / Math.max(length, 1e-12));
  const B = new Float32Array(D);
  for (let i = 0; i < D; i++) B[i] = start.B[i]! + shrink * step[i]!;
  roundToFile(B);
  const tried = { digest: "", rank, B };
  const end = {
    B,
    logprobs: yield* model.passRows(rows, tried),
    distance: yield* region.measureWhole(tried),
  };
  const course = { start, before, end, targets, predicted: rows.map(() => 0) };
  const figures = reportUpdate(rows, plan, { ...course, stop: "iterations", steps });
  jacobian.release();
  region.release();
  if (used.length === 0) return { decision: "skipped", reason: "nothing is owed", ...figures };
  return { decision: "updated", reason: "by Adam", ...figures, B };
}
