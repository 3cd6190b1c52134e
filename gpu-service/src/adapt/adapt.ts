/**
 * One update of one session's adapter. Examples go in; the next generation comes out, or the reason why there is none.
 *
 * Read this first. It knows token rows and numbers, not sessions, files or schedules: the caller decides which examples
 * matter. It yields between slices of work, so that the engine can serve tokens in between.
 */
import type { AdaptPlan, AdaptResult } from "@rosa2/shared/protocol";
import type { AdapterWeights, RowLogprobs, Slices, TokenRow } from "../language-model.ts";
import type { Anchors } from "./anchors.ts";
import { Path, type Place } from "./path.ts";
import { describeEnd, reportUpdate, type Stop } from "./report.ts";
import { Jacobian, Targets } from "./targets.ts";
import { type MeasurableModel, nowhere, type Probes, TrustRegion } from "./trust-region.ts";

/** What the update needs of a model. */
export interface AdaptableModel extends MeasurableModel {
  /** Uncertainty of a token's log-prob: root mean square, in nats. Absent where log-probs are exact. */
  noise?: number;
  adapterLength(rank: number): number;
  /** The model's own samples, drawn at first need. */
  probes(): Slices<Probes>;
  /** Directions that base skills depend on, made at first need; null where the model has none. */
  anchors(): Slices<Anchors | null>;
}

export interface AdaptOutcome extends Omit<AdaptResult, "digest" | "ms" | "watched"> {
  /** The next generation's B, as its file will hold it; absent unless updated. */
  B?: Float32Array<ArrayBuffer>;
  /** Each row's token log-probs at the start and under B; absent unless updated. */
  logprobs?: RowLogprobs;
}

/** The newest replies of the session that are held in place and measured. */
const heldMax = 4;

/**
 * Moves B so that right replies become likely token by token and rejected ones less so. Each iteration linearises at
 * the current B, leaves settled tokens out, and solves the least squares of all examples at once. A step is taken if
 * the measured token KL stays within its bounds and the replies moved as predicted; otherwise it is made smaller. The
 * path ends when nothing is owed, at a bound, or without progress. What was reached is kept.
 */
export async function* adapt(
  model: AdaptableModel,
  rows: readonly TokenRow[],
  plan: AdaptPlan,
  parent: AdapterWeights | null,
): Slices<AdaptOutcome> {
  const rank = parent?.rank ?? plan.rank;
  const D = model.adapterLength(rank);
  const start: AdapterWeights = { digest: "", rank, B: parent?.B ?? new Float32Array(D) };
  const probes = yield* model.probes();
  const jacobian = new Jacobian(rows.length, D);
  const targets = new Targets(rows, plan, model.noise);
  const first = yield* model.passRows(rows, start, (row, logprobs) => {
    targets.begin(row, logprobs);
    return targets.owes(row, logprobs) === 0 ? null : targets.gradient(jacobian, row, logprobs);
  });
  const before: Place = {
    B: new Float32Array(start.B),
    logprobs: first,
    distance: nowhere,
  };
  const report = (end: Place, stop: Stop, steps: number, predicted: readonly number[]) =>
    reportUpdate(rows, plan, { start, before, end, targets, predicted, stop, steps });
  const nothing = rows.map(() => 0);
  if (jacobian.rows.length === 0) {
    jacobian.release();
    const reason = "every token of a right reply is likely enough, and no rejected one is";
    return { decision: "skipped", reason, ...report(before, "reached", 0, nothing) };
  }
  const held = rows.filter(({ kind, weight }) => kind === "held" && weight > 0);
  const near = held.slice(-heldMax);
  const region = yield* TrustRegion.around(model, probes, near, parent, plan.kl_base_max);
  try {
    before.distance = yield* region.startFromBase();
    const anchors = plan.anchors ? yield* model.anchors() : null;
    const metric = anchors?.rank === rank ? anchors : null;
    const path = new Path(model, rows, plan, { rank, region, jacobian, targets, metric }, before);
    const { place, stop, steps } = yield* path.follow(before);
    const figures = report(place, stop, steps, path.predicted);
    const reason = describeEnd(rows, plan, { before, end: place, targets, stop });
    if (steps === 0) return { decision: "rejected", reason, ...figures };
    const logprobs = { before: before.logprobs, after: place.logprobs };
    return { decision: "updated", reason, ...figures, B: place.B, logprobs };
  } finally {
    jacobian.release();
    region.release();
  }
}
