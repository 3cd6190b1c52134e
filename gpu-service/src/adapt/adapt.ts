/**
 * One update of one session's adapter: rows in, the next generation or the reason for none out.
 *
 * Read this first. It knows token rows and numbers, not sessions, files or schedules; who asks decides which
 * rows matter. It yields between slices of work, so that the engine can serve tokens in between.
 */
import { impliedReward, outcomeKl, rowObjective, targetShift } from "@rosa2/shared/objective";
import type { AdaptPlan, AdaptResult, RowKind } from "@rosa2/shared/protocol";
import type { AdapterWeights, ScoreRow } from "../engine/model-types.ts";
import { splitRows } from "../engine/rows.ts";
import { adamSteps } from "./adam.ts";
import { roundToFile } from "./adapter-file.ts";
import type { Anchors } from "./anchors.ts";
import { solveStep } from "./solver.ts";

/** One example: prompt and reply as tokens (the reply with its end token), and what is asked of it. */
export interface TokenRow extends ScoreRow {
  kind: RowKind;
  weight: number;
}

/** What the update needs of a model. */
export interface AdaptableModel {
  adapterLength(rank: number): number;
  /** Base skills to protect; null where the checkpoint ships none. */
  anchors?: Anchors | null;
  score(rows: ScoreRow[], adapter: AdapterWeights | null): Promise<Float32Array[]>;
  gradients(
    rows: ScoreRow[],
    adapter: AdapterWeights,
  ): Promise<{ logprobs: Float32Array[]; gradients: Float32Array }>;
}

export interface AdaptOutcome extends Omit<AdaptResult, "digest" | "ms"> {
  /** The next generation's B, as its file will hold it; absent unless updated. */
  B?: Float32Array<ArrayBuffer>;
}

/** Positions of one slice: about what one decode step of a busy batch costs. */
const slicePositions = 512;
/** Realised over predicted shift, both measured along the targets: outside, the linear model was wrong. */
const agreement = { min: 0.25, max: 4 };
const halvingsMax = 2;
/** Later iterations stop when no row owes more than this (nats). */
const owedNatsMin = 0.02;

/**
 * Moves B so that each row's log-prob S shifts by its target δ. Each iteration linearises S at the current B
 * and solves the rows' least squares in one go. A step whose realised shifts are far from the predicted
 * ones is halved, at most twice, then rejected.
 */
export async function* adapt(
  model: AdaptableModel,
  rows: readonly TokenRow[],
  plan: AdaptPlan,
  parent: AdapterWeights | null,
): AsyncGenerator<void, AdaptOutcome> {
  const rank = parent?.rank ?? plan.rank;
  const start = parent?.B ?? new Float32Array(model.adapterLength(rank));
  const before = yield* scoreRows(model, rows, { digest: "", rank, B: start });
  const asked = rows.map(({ kind, weight }, i) => {
    const isGated = kind === "rejected" && Math.exp(before[i]!) < plan.gate;
    return weight === 0 || isGated ? 0 : targetShift(kind, before[i]!, plan);
  });
  const used = rows.map((row, i) => ({ ...row, index: i })).filter((_, i) => asked[i] !== 0);
  const report = (after: number[], predicted: number[], step: Float32Array, B: Float32Array) =>
    reportRows(rows, { before, after, asked, predicted }, plan, {
      rank,
      step_norm: norm(step),
      shift_norm: norm(B),
    });
  if (used.length === 0) {
    const nothing = new Float32Array(start.length);
    const reason = "every row is where it should be, or below the gate";
    const zeros = rows.map(() => 0);
    return { decision: "skipped", reason, ...report(before, zeros, nothing, start) };
  }

  const { step, predicted } = yield* plan.method === "adam"
    ? adamSteps(model, used, plan, { rank, B: start })
    : linearisedSteps(model, used, plan, { rank, B: start });
  const predictedAll = rows.map((_, i) => {
    const at = used.findIndex(({ index }) => index === i);
    return at < 0 ? 0 : predicted[at]!;
  });

  for (let halving = 0, size = 1; ; halving++, size /= 2) {
    const B = roundToFile(start.map((value, i) => value + size * step[i]!));
    const after = yield* scoreRows(model, rows, { digest: "", rank, B });
    const scaled = predictedAll.map((value) => value * size);
    const taken = B.map((value, i) => value - start[i]!);
    const ratio = ratioAlong(
      asked,
      after.map((value, i) => value - before[i]!),
      scaled,
    );
    if (ratio >= agreement.min && ratio <= agreement.max) {
      const reason =
        halving === 0
          ? `realised ${ratio.toFixed(2)} of the predicted shift`
          : `halved ${halving} times, then realised ${ratio.toFixed(2)} of the predicted shift`;
      return { decision: "updated", reason, ...report(after, scaled, taken, B), B };
    }
    if (halving === halvingsMax) {
      const reason = `realised ${ratio.toFixed(2)} of the predicted shift, outside ${agreement.min}–${agreement.max}`;
      return { decision: "rejected", reason, ...report(after, scaled, taken, start) };
    }
  }
}

/** Total step over the iterations, and the sum of what each predicted for each row. */
async function* linearisedSteps(
  model: AdaptableModel,
  rows: readonly TokenRow[],
  plan: AdaptPlan,
  { rank, B: start }: { rank: number; B: Float32Array },
) {
  const step = new Float32Array(start.length);
  const predicted = rows.map(() => 0);
  const goals: (number | undefined)[] = rows.map(() => undefined);
  for (let iteration = 0; iteration < plan.iterations; iteration++) {
    const B = start.map((value, i) => value + step[i]!);
    const { logprobs, J } = yield* differentiateRows(model, rows, { digest: "", rank, B });
    const targets = rows.map(({ kind }, i) => {
      if (kind !== "rejected") return targetShift(kind, logprobs[i]!, plan);
      // π* is relative to the policy the update started from, so a rejected reply owes its shift once.
      goals[i] ??= logprobs[i]! + targetShift(kind, logprobs[i]!, plan);
      return Math.min(0, goals[i]! - logprobs[i]!);
    });
    if (iteration > 0 && targets.every((target) => Math.abs(target) < owedNatsMin)) break;
    const { anchors } = model;
    const isProtected = plan.anchors && anchors?.rank === rank;
    const JP = isProtected ? await anchors.project(J, rows.length) : J;
    const solved = solveStep(
      { J, JP, M: rows.length, D: start.length },
      targets,
      rows.map(({ weight }) => weight),
      plan,
    );
    solved.step.forEach((value, i) => {
      step[i] = step[i]! + value;
    });
    solved.predicted.forEach((value, i) => {
      predicted[i] = predicted[i]! + value;
    });
  }
  return { step, predicted };
}

/** S of each row and the rows ∂S/∂B, slice by slice. */
export async function* differentiateRows(
  model: AdaptableModel,
  rows: readonly TokenRow[],
  adapter: AdapterWeights,
) {
  const D = adapter.B.length;
  const J = new Float32Array(rows.length * D);
  const logprobs: number[] = [];
  for (const slice of splitRows(rows, slicePositions)) {
    yield;
    const result = await model.gradients(slice, adapter);
    J.set(result.gradients, logprobs.length * D);
    logprobs.push(...result.logprobs.map(sum));
  }
  return { logprobs, J };
}

async function* scoreRows(
  model: AdaptableModel,
  rows: readonly TokenRow[],
  adapter: AdapterWeights,
) {
  const logprobs: number[] = [];
  for (const slice of splitRows(rows, slicePositions)) {
    yield;
    logprobs.push(...(await model.score(slice, adapter)).map(sum));
  }
  return logprobs;
}

function reportRows(
  rows: readonly TokenRow[],
  shifts: { before: number[]; after: number[]; asked: number[]; predicted: number[] },
  plan: AdaptPlan,
  norms: { rank: number; step_norm: number; shift_norm: number },
) {
  const { before, after, asked, predicted } = shifts;
  const mean = (value: (row: TokenRow, i: number) => number) =>
    rows.reduce((total, row, i) => total + value(row, i), 0) / rows.length;
  const rewardOf = ({ kind }: TokenRow, i: number) =>
    asked[i] === 0
      ? 0
      : impliedReward(kind, before[i]!, totalShift(asked[i]!, before[i]!, plan), plan.beta);
  return {
    ...norms,
    kl: mean((_, i) => outcomeKl(after[i]!, before[i]!)),
    objective: {
      before: mean((row, i) => rowObjective(before[i]!, before[i]!, rewardOf(row, i), plan.beta)),
      after: mean((row, i) => rowObjective(before[i]!, after[i]!, rewardOf(row, i), plan.beta)),
    },
    rows: rows.map(({ kind, reply }, i) => ({
      kind,
      logprob_before: before[i]!,
      target_shift: asked[i]!,
      predicted_shift: predicted[i]!,
      realised_shift: after[i]! - before[i]!,
      reply_tokens: reply.length,
    })),
  };
}

/** What all iterations together may ask of a row: the clip binds each of them. */
function totalShift(
  first: number,
  logprob: number,
  { iterations, clip, target }: AdaptPlan,
): number {
  if (first < 0) return first;
  return Math.min(Math.log(target) - logprob, clip * iterations);
}

/** Σ δ·realised / Σ δ·predicted. */
function ratioAlong(targets: number[], realised: number[], predicted: number[]): number {
  let up = 0;
  let down = 0;
  targets.forEach((target, i) => {
    up += target * realised[i]!;
    down += target * predicted[i]!;
  });
  return up / down;
}

function norm(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value * value;
  return Math.sqrt(total);
}

function sum(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
