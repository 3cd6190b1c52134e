/**
 * One update of one session's adapter: rows in, the next generation or the reason for none out.
 *
 * Read this first. It knows token rows and numbers, not sessions, files or schedules; who asks decides which
 * rows matter. It yields between slices of work, so that the engine can serve tokens in between.
 */
import { impliedReward, outcomeKl, rowObjective, targetShift } from "@rosa2/shared/objective";
import type { AdaptPlan, AdaptResult, RowKind } from "@rosa2/shared/protocol";
import { release } from "../disk/release.ts";
import type { AdapterWeights, LanguageModel, ScoreRow, Slices } from "../language-model.ts";
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
export interface AdaptableModel extends Pick<LanguageModel, "passRows"> {
  adapterLength(rank: number): number;
  /** Base skills to protect; null where the checkpoint ships none. */
  anchors?: Anchors | null;
}

export interface AdaptOutcome extends Omit<AdaptResult, "digest" | "ms"> {
  /** The next generation's B, as its file will hold it; absent unless updated. */
  B?: Float32Array<ArrayBuffer>;
}

/** Realised over predicted shift, both measured along the targets: outside, the linear model was wrong. */
const agreement = { min: 0.25, max: 4 };
const halvingsMax = 2;
/** Later iterations leave a row alone that owes less than this (nats), and stop when all do. */
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
): Slices<AdaptOutcome> {
  const rank = parent?.rank ?? plan.rank;
  const D = model.adapterLength(rank);
  const start = parent?.B ?? new Float32Array(D);
  const tried = new Float32Array(D);
  const jacobian = new Jacobian(rows.length, D);
  try {
    return yield* adaptFrom(model, rows, plan, { rank, start, jacobian, tried });
  } finally {
    jacobian.free();
    release(tried.buffer);
  }
}

async function* adaptFrom(
  model: AdaptableModel,
  rows: readonly TokenRow[],
  plan: AdaptPlan,
  { rank, start, jacobian, tried }: Omit<StartPoint, "before">,
): Slices<AdaptOutcome> {
  const owes = (row: number, S: number) => firstTarget(rows[row]!, S, plan);
  const before = (yield* model.passRows(rows, { digest: "", rank, B: start }, (row, S) =>
    owes(row, S) === 0 ? null : jacobian.row(row),
  )).map(sum);
  const asked = before.map((S, row) => owes(row, S));
  /** `stepped` is where the step led, `kept` what the session has from now on. */
  const report = (
    after: number[],
    predicted: number[],
    { stepped, kept }: { stepped: Float32Array; kept: Float32Array },
  ) =>
    reportRows(rows, { before, after, asked, predicted }, plan, {
      rank,
      step_norm: distance(stepped, start),
      shift_norm: norm(kept),
    });
  if (jacobian.rows.length === 0) {
    const reason = "every row is where it should be, or below the gate";
    const zeros = rows.map(() => 0);
    const stay = { stepped: start, kept: start };
    return { decision: "skipped", reason, ...report(before, zeros, stay) };
  }

  const take = plan.method === "adam" ? adamSteps : linearisedSteps;
  const { step, predicted, ...end } = yield* take(model, rows, plan, {
    rank,
    start,
    before,
    jacobian,
    tried,
  });
  for (let halving = 0, size = 1, after = end.after; ; halving++) {
    stepTo(tried, start, step, size);
    after ??= (yield* model.passRows(rows, { digest: "", rank, B: tried })).map(sum);
    const realised = after.map((value, i) => value - before[i]!);
    const scaled = predicted.map((value) => value * size);
    const ratio = ratioAlong(asked, realised, scaled);
    if (ratio >= agreement.min && ratio <= agreement.max) {
      const reason =
        halving === 0
          ? `realised ${ratio.toFixed(2)} of the predicted shift`
          : `halved ${halving} times, then realised ${ratio.toFixed(2)} of the predicted shift`;
      const reported = report(after, scaled, { stepped: tried, kept: tried });
      return { decision: "updated", reason, ...reported, B: tried.slice() };
    }
    if (halving === halvingsMax) {
      const reason = `realised ${ratio.toFixed(2)} of the predicted shift, outside ${agreement.min}–${agreement.max}`;
      const reported = report(after, scaled, { stepped: tried, kept: start });
      return { decision: "rejected", reason, ...reported };
    }
    size /= 2;
    after = null;
  }
}

/** Where a method starts: B, each row's S there, and the gradients of the rows that owe something. */
export interface StartPoint {
  rank: number;
  start: Float32Array;
  before: number[];
  jacobian: Jacobian;
  /** Memory for the B that a pass tries, overwritten by the next one: copies would wait for the garbage collector. */
  tried: Float32Array<ArrayBuffer>;
}

/** A method's whole step, what it predicted for each row, and each row's S at its end where that is known. */
export interface MethodResult {
  step: Float32Array;
  predicted: number[];
  after: number[] | null;
}

/** Gradients of the rows that have one, side by side. Memory is touched as rows come. */
export class Jacobian {
  readonly D: number;
  /** Row numbers in the order of J. */
  readonly rows: number[] = [];
  readonly #all: Float32Array<ArrayBuffer>;

  constructor(rowsMax: number, D: number) {
    this.D = D;
    this.#all = new Float32Array(rowsMax * D);
  }

  /** [rows.length, D]. */
  get J(): Float32Array {
    return this.#all.subarray(0, this.rows.length * this.D);
  }

  /** Gives the memory back now rather than at some garbage collection. */
  free(): void {
    release(this.#all.buffer);
  }

  /** Place of a row's gradient, made at its first use. */
  row(row: number): Float32Array {
    let at = this.rows.indexOf(row);
    if (at < 0) at = this.rows.push(row) - 1;
    return this.#all.subarray(at * this.D, (at + 1) * this.D);
  }
}

/** Writes B after a share of the step, in the numbers that the adapter's file will hold. */
function stepTo(B: Float32Array, start: Float32Array, step: Float32Array, size = 1): void {
  for (let i = 0; i < B.length; i++) B[i] = start[i]! + size * step[i]!;
  roundToFile(B);
}

/** What a row asks for before the first step; 0 leaves it out. */
function firstTarget({ kind, weight }: TokenRow, S: number, plan: AdaptPlan): number {
  const isGated = kind === "rejected" && Math.exp(S) < plan.gate;
  return weight === 0 || isGated ? 0 : targetShift(kind, S, plan);
}

/**
 * Total step over the iterations, and the sum of what each predicted for each row. Each pass measures where
 * the last step led and linearises there; a row that owes nothing more keeps its earlier gradient, which
 * still holds it in place.
 */
async function* linearisedSteps(
  model: AdaptableModel,
  rows: readonly TokenRow[],
  plan: AdaptPlan,
  { rank, start, before, jacobian, tried }: StartPoint,
): Slices<MethodResult> {
  const step = new Float32Array(start.length);
  const predicted = rows.map(() => 0);
  const owes = (row: number, S: number) => {
    const { kind } = rows[row]!;
    if (kind !== "rejected") return targetShift(kind, S, plan);
    // π* is relative to the policy the update started from, so a rejected reply owes its shift once.
    const goal = before[row]! + targetShift(kind, before[row]!, plan);
    return Math.min(0, goal - S);
  };
  const isSettled = (row: number, S: number) => Math.abs(owes(row, S)) < owedNatsMin;
  let after = before;
  for (let iteration = 0; iteration < plan.iterations; iteration++) {
    const targets = jacobian.rows.map((row) => owes(row, after[row]!));
    if (iteration > 0 && jacobian.rows.every((row) => isSettled(row, after[row]!))) break;
    const { anchors } = model;
    const protection = plan.anchors && anchors?.rank === rank ? anchors : null;
    const solved = await solveStep(
      jacobian,
      targets,
      jacobian.rows.map((row) => rows[row]!.weight),
      plan,
      protection,
    );
    solved.predicted.forEach((value, i) => {
      predicted[jacobian.rows[i]!]! += value;
    });
    for (let i = 0; i < step.length; i++) step[i]! += solved.step[i]!;
    release(solved.step.buffer);
    const isLast = iteration + 1 === plan.iterations;
    stepTo(tried, start, step);
    const known = new Set(jacobian.rows);
    const pass = model.passRows(
      rows,
      { digest: "", rank, B: tried },
      isLast
        ? undefined
        : (row, S) => (known.has(row) && !isSettled(row, S) ? jacobian.row(row) : null),
    );
    after = (yield* pass).map(sum);
  }
  return { step, predicted, after };
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

function distance(a: Float32Array, b: Float32Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(total);
}

function sum(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
