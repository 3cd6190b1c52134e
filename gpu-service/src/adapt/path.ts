/**
 * The path of an update: steps from one linearisation to the next, and their sizes. It knows targets and bounds, not
 * what examples mean.
 */
import type { AdaptPlan } from "@rosa2/shared/protocol";
import type { LanguageModel, Slices, TokenRow } from "../language-model.ts";
import { release } from "../release.ts";
import { roundToFile } from "./adapter-file.ts";
import type { Stop } from "./report.ts";
import { type Metric, solveStep } from "./solver.ts";
import { type Jacobian, owedNatsMin, type Targets } from "./targets.ts";
import type { Distance, TrustRegion } from "./trust-region.ts";

/** A point of the path: B, each reply's token log-probs under it, and its distance from the start and the base model. */
export interface Place {
  B: Float32Array<ArrayBuffer>;
  logprobs: Float32Array[];
  distance: Distance;
}

/**
 * Where a step led. `share` is the part of the step that keeps the bounds (1 for the whole), `bound` the one it would
 * cross.
 */
interface Reach extends Pick<Place, "distance"> {
  share: number;
  bound: Stop | null;
  isProjected: boolean;
}

/** A step must realise this share of what the linear model predicted along the targets. */
const agreementMin = 0.2;
/** A step is made smaller this many times before the path ends; at the session's bound fewer, and by more. */
const scalingsMax = { free: 6, atBound: 2 };
const shrinking = { free: 0.5, atBound: 0.25 };
/** √KL grows with the length of a path. One step may use this share of √κ. */
const stepShare = 0.5;
/** Beyond this share of the bound on the KL from the base model, steps are projected onto the bound. */
const nearBound = 0.5;
/** An estimate must stay within half the bounds even if KL grew this many times faster than measured. */
const estimateMargin = 4;
/** The path ends when an iteration brings less than this share of what it asked for. */
const progressMin = { free: 0.02, atBound: 0.1 };
/** B drawn back to the session's bound should land between these shares of it, and is drawn at most so often. */
const landing = { from: 0.7, aim: 0.95 };
const drawsMax = 3;
/** The KL from the base model grows with the length of B to a power between these. */
const steepness = { least: 1.5, most: 16 };
/** The end of a path is drawn back at most this many times, if all samples show it beyond a bound. */
const pullsMax = 3;
/** What a path works with. */
interface Tools {
  rank: number;
  region: TrustRegion;
  jacobian: Jacobian;
  targets: Targets;
  metric: Metric | null;
}

/** The steps of one update, and what they predicted. */
export class Path {
  readonly predicted: number[];
  readonly #model: Pick<LanguageModel, "passRows">;
  readonly #rows: readonly TokenRow[];
  readonly #plan: AdaptPlan;
  readonly #tools: Tools;
  readonly #start: Float32Array;
  #baseAtStart: number;
  /** Largest KL from the start over squared length, of this path's steps. */
  #curvature: number | null = null;
  /** Share of the last step that was taken. Where the model bends, the next step does not begin longer. */
  #size = 1;
  /** Squared length of the farthest step that was measured. */
  #measured = 0;
  /** The power of B's length by which the KL from the base model grows, as last measured. */
  #steepness = 4;

  constructor(
    model: Pick<LanguageModel, "passRows">,
    rows: readonly TokenRow[],
    plan: AdaptPlan,
    tools: Tools,
    before: Place,
  ) {
    this.#start = before.B;
    this.#baseAtStart = before.distance.fromBaseAtMost;
    this.#model = model;
    this.#rows = rows;
    this.#plan = plan;
    this.#tools = tools;
    this.predicted = rows.map(() => 0);
  }

  /** Follows the path to its end. The end is measured on all samples and drawn back if they show it beyond a bound. */
  async *follow(before: Place): Slices<{ place: Place; stop: Stop; steps: number }> {
    const { rank, region, targets } = this.#tools;
    const { kl_max, kl_base_max } = this.#plan;
    const { steps, ...end } = yield* this.#walk(before);
    let { place, stop } = end;
    for (let pull = 0; steps > 0; pull++) {
      const distance = yield* region.measureWhole({ digest: "", rank, B: place.B });
      const toStart = Math.sqrt(kl_max / distance.fromStart);
      const isWithin = distance.fromBaseAtMost <= kl_base_max;
      if (toStart >= 1 && isWithin) return { place: { ...place, distance }, stop, steps };
      if (pull === pullsMax) break;
      // What was far at the end may have been so at the start, unseen.
      if (pull === 0 && !isWithin)
        this.#baseAtStart = (yield* region.startFromBase(true)).fromBaseAtMost;
      // A session near its bound moves back towards the base model. Elsewhere the update was only too long.
      const isProjected = !isWithin && this.#baseAtStart > nearBound * kl_base_max;
      const centre = isProjected ? null : this.#start;
      const kept = isProjected
        ? this.#scaleTo(kl_base_max, distance.fromBaseAtMost)
        : this.#shareWithin(distance.fromBaseAtMost);
      const share = 0.97 * Math.min(toStart, kept);
      const B = drawnBack(place.B, centre, share);
      this.predicted.forEach((nats, row) => {
        this.predicted[row] = nats * share;
      });
      release(place.B);
      const logprobs = yield* this.#model.passRows(this.#rows, { digest: "", rank, B });
      stop = isProjected || kept < toStart ? "kl_base" : "kl";
      place = { B, logprobs, distance };
      if (targets.lowered(logprobs, isProjected)) break;
    }
    return { place: before, stop, steps: 0 };
  }

  /** What of the way from the start keeps the bound on the KL from the base model: its root is about linear on the way. */
  #shareWithin(fromBase: number): number {
    const [near, far, most] = [this.#baseAtStart, fromBase, this.#plan.kl_base_max].map(Math.sqrt);
    return far! > most! && most! > near! ? (most! - near!) / (far! - near!) : 1;
  }

  /** The share of B that has this KL from the base model, where all of it has `measured`. */
  #scaleTo(wanted: number, measured: number): number {
    return (wanted / measured) ** (1 / this.#steepness);
  }

  async *#walk(before: Place): Slices<{ place: Place; stop: Stop; steps: number }> {
    const { jacobian, targets } = this.#tools;
    let place = before;
    let steps = 0;
    for (; steps < this.#plan.iterations; steps++) {
      const asked = jacobian.rows.map((row) => targets.owes(row, place.logprobs[row]!));
      if (asked.every((nats) => Math.abs(nats) < owedNatsMin)) break;
      const taken = yield* this.#step(place, asked, steps + 1 === this.#plan.iterations);
      if (taken.place === null) return { place, stop: taken.stop, steps };
      if (place !== before) release(place.B);
      place = taken.place;
      if (taken.stop !== null) return { place, stop: taken.stop, steps: steps + 1 };
    }
    const stop = steps < this.#plan.iterations ? "reached" : "iterations";
    return { place, stop, steps };
  }

  /** One step from a place: the next place, and why the path ends there. Leaves the next gradients behind. */
  async *#step(
    from: Place,
    asked: readonly number[],
    isLast: boolean,
  ): Slices<{ place: Place; stop: Stop | null } | { place: null; stop: Stop }> {
    const { rank, jacobian, targets, metric } = this.#tools;
    const plan = this.#plan;
    const used = [...jacobian.rows];
    const { step, predicted } = await solveStep(
      jacobian,
      asked,
      used.map((row) => this.#rows[row]!.weight),
      plan,
      metric,
    );
    let size = Math.min(1, 2 * this.#size);
    let bound: Stop | null = null;
    const mode = this.#isNearBound(from.distance) ? "atBound" : "free";
    for (let scaling = 0; scaling <= scalingsMax[mode]; scaling++) {
      const B = stepTo(from.B, step, size);
      const reach = this.#estimate(B) ?? (yield* this.#within(B, from.distance));
      if (reach.share < 1) {
        release(B);
        bound = reach.bound;
        size *= reach.share;
        if (size < 0.02) break;
        continue;
      }
      const logprobs = yield* this.#model.passRows(
        this.#rows,
        { digest: "", rank, B },
        isLast
          ? undefined
          : (row, found) =>
              // A row that owes nothing more keeps its earlier gradient, which still holds it in place.
              Math.abs(targets.owes(row, found)) >= owedNatsMin
                ? targets.gradient(jacobian, row, found)
                : null,
      );
      const gain = used.map((row) => targets.gained(row, from.logprobs[row]!, logprobs[row]!));
      const ratio = ratioAlong(asked, gain, predicted, targets.uncertainty(used)) / size;
      // At the session's bound older examples lose to the newest, so that one alone says whether the step is worth it.
      const newest = used.indexOf(Math.max(...used));
      const newestGain = Math.sign(asked[newest]!) * gain[newest]!;
      const newestMin = owedNatsMin + targets.uncertainty([used[newest]!])[0]!;
      const isWorth = reach.isProjected ? newestGain > newestMin : ratio > agreementMin;
      if (isWorth && !targets.lowered(logprobs, reach.isProjected)) {
        used.forEach((row, at) => {
          this.predicted[row]! += predicted[at]! * size;
        });
        release(step);
        this.#size = size;
        const done = reach.isProjected
          ? newestGain / Math.max(Math.abs(asked[newest]!), owedNatsMin)
          : shareOf(asked, gain);
        const stop = done < progressMin[mode] ? (reach.bound ?? bound ?? "no_progress") : null;
        return { place: { B, logprobs, distance: reach.distance }, stop };
      }
      release(B);
      size *= shrinking[mode];
    }
    release(step);
    return { place: null, stop: bound ?? "no_progress" };
  }

  /** Estimated distance of a step, where earlier steps show that it is far within the bounds; else null. */
  #estimate(B: Float32Array): Reach | null {
    if (this.#curvature === null) return null;
    const squares = squaredDistance(B, this.#start);
    const fromStart = this.#curvature * squares;
    // KL may grow faster than the square farther out, so an estimate beyond what was measured is worth less.
    const farStart = estimateMargin * Math.max(1, squares / this.#measured) * fromStart;
    const fromBase = (Math.sqrt(this.#baseAtStart) + Math.sqrt(farStart)) ** 2;
    const { kl_max, kl_base_max } = this.#plan;
    if (farStart > kl_max / 2 || fromBase > nearBound * kl_base_max) return null;
    const distance = { fromStart, fromBase, fromBaseAtMost: fromBase };
    return { share: 1, bound: null, distance, isProjected: false };
  }

  /**
   * Measures B. `share` is what of the step keeps the bounds, 1 where it does. At the session's bound B itself is
   * drawn back towards the base model instead: what is new displaces what is old, and is not refused.
   */
  async *#within(B: Float32Array<ArrayBuffer>, from: Distance): Slices<Reach> {
    const { kl_max, kl_base_max } = this.#plan;
    const { rank, region } = this.#tools;
    const farthest = Math.min(
      Math.sqrt(kl_max),
      Math.sqrt(from.fromStart) + stepShare * Math.sqrt(kl_max),
    );
    let distance = yield* region.measure({ digest: "", rank, B });
    const squares = Math.max(squaredDistance(B, this.#start), 1e-12);
    this.#curvature = Math.max(this.#curvature ?? 0, distance.fromStart / squares);
    this.#measured = Math.max(this.#measured, squares);
    // Far from the bound a step that crosses it is only too long.
    const isProjected = this.#isNearBound(from) && distance.fromBaseAtMost > kl_base_max;
    if (isProjected) distance = yield* this.#drawOntoBound(B, distance);
    const bound = isProjected ? ("kl_base" as const) : null;
    const share = shrinking[isProjected ? "atBound" : "free"];
    if (distance.fromBaseAtMost > kl_base_max) return { share, bound, distance, isProjected };
    const reach = Math.sqrt(distance.fromStart);
    if (reach <= 1.05 * farthest) return { share: 1, bound, distance, isProjected };
    if (isProjected) return { share, bound, distance, isProjected };
    const near = Math.sqrt(from.fromStart);
    const part = Math.max(0.02, Math.min(0.7, (farthest - near) / Math.max(1e-9, reach - near)));
    const isSpent = farthest >= Math.sqrt(kl_max) * 0.999;
    return { share: part, bound: isSpent ? "kl" : null, distance, isProjected };
  }

  #isNearBound({ fromBaseAtMost }: Distance): boolean {
    return fromBaseAtMost > nearBound * this.#plan.kl_base_max;
  }

  /** Scales B in place towards the base model, until its KL from there is a little below the bound. */
  async *#drawOntoBound(B: Float32Array, beyond: Distance): Slices<Distance> {
    const { rank, region } = this.#tools;
    const { kl_base_max } = this.#plan;
    const whole = B.slice();
    let distance = beyond;
    let scale = 1;
    for (let draw = 0; draw < drawsMax; draw++) {
      const change = this.#scaleTo(landing.aim * kl_base_max, distance.fromBaseAtMost);
      scale *= change;
      for (let i = 0; i < B.length; i++) B[i] = scale * whole[i]!;
      roundToFile(B);
      const next = yield* region.measure({ digest: "", rank, B });
      const grown = Math.log(next.fromBaseAtMost / distance.fromBaseAtMost) / Math.log(change);
      this.#steepness = Math.max(steepness.least, Math.min(grown, steepness.most));
      distance = next;
      const landed = distance.fromBaseAtMost / kl_base_max;
      if (landed >= landing.from && landed <= 1) break;
    }
    release(whole);
    return distance;
  }
}

/** B after a share of the step, in the numbers that the adapter's file will hold. */
function stepTo(from: Float32Array, step: Float32Array, size: number): Float32Array<ArrayBuffer> {
  const B = new Float32Array(from.length);
  for (let i = 0; i < B.length; i++) B[i] = from[i]! + size * step[i]!;
  roundToFile(B);
  return B;
}

/** B at a share of its way from a centre, the base model where it is null. */
function drawnBack(
  B: Float32Array,
  centre: Float32Array | null,
  share: number,
): Float32Array<ArrayBuffer> {
  const back = Float32Array.from(B, (value, i) => {
    const from = centre?.[i] ?? 0;
    return from + share * (value - from);
  });
  roundToFile(back);
  return back;
}

function squaredDistance(a: Float32Array, b: Float32Array): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i]! - b[i]!) ** 2;
  return total;
}

/** Σ δ·realised / Σ δ·predicted, with what may be rounding taken off the realised. */
function ratioAlong(
  targets: readonly number[],
  realised: readonly number[],
  predicted: readonly number[],
  uncertainty: readonly number[],
): number {
  let up = 0;
  let down = 0;
  let variance = 0;
  targets.forEach((target, i) => {
    up += target * realised[i]!;
    down += target * predicted[i]!;
    variance += (target * uncertainty[i]!) ** 2;
  });
  return (up - Math.sqrt(variance)) / Math.max(down, 1e-12);
}

/** Share of what was asked for that came, over all rows. */
function shareOf(asked: readonly number[], gained: readonly number[]): number {
  const total = asked.reduce((sum, nats) => sum + Math.abs(nats), 0);
  const came = asked.reduce((sum, nats, at) => sum + Math.sign(nats) * gained[at]!, 0);
  return came / Math.max(total, 1e-12);
}
