/** What each example of an update asks for, and its gradient. It knows no steps and no bounds on KL. */
import { askedShift, unsettledTokens } from "@rosa2/shared/objective";
import type { AdaptPlan } from "@rosa2/shared/protocol";
import type { RowGradient, TokenRow } from "../language-model.ts";
import { release } from "../release.ts";

/** Nats. An example that owes less is left alone, and the path ends when all owe less. */
export const owedNatsMin = 0.02;

/** Nats. An older right reply may lose this much to a newer one before a step counts as too long. It asks for it back. */
const lostNatsMax = 1;

/** What each example asks for, given its log-probs at the start. */
export class Targets {
  readonly #rows: readonly TokenRow[];
  readonly #plan: AdaptPlan;
  readonly #noise: number;
  /** [tokens] of each row: which were unsettled at the start. */
  readonly masks: Float32Array[] = [];
  readonly #start: Float32Array[] = [];

  /** `noise`: nats by which a token's log-prob is uncertain. */
  constructor(rows: readonly TokenRow[], plan: AdaptPlan, noise = 0) {
    this.#rows = rows;
    this.#plan = plan;
    this.#noise = noise;
  }

  begin(row: number, logprobs: Float32Array): void {
    this.#start[row] = logprobs;
    this.masks[row] = unsettledTokens(logprobs, this.#plan.token_settled);
  }

  /** Nats that the row's unsettled tokens still ask for in one iteration; 0 leaves the row out. */
  owes(row: number, logprobs: Float32Array): number {
    const { kind, weight } = this.#rows[row]!;
    if (weight === 0) return 0;
    if (kind === "held") {
      const lost = -this.gained(row, this.#start[row]!, logprobs);
      return Math.max(0, Math.min(lost, this.#plan.clip));
    }
    if (kind !== "rejected") {
      const left = this.#plan.clip_total - this.gained(row, this.#start[row]!, logprobs);
      return Math.max(0, Math.min(left, askedShift(kind, logprobs, this.#plan)));
    }
    const start = this.#start[row]!;
    if (Math.exp(sum(start) / start.length) < this.#plan.gate) return 0;
    // π* is relative to the policy the update started from, so a rejected reply owes its shift once.
    const goal = askedShift(kind, start, this.#plan);
    return Math.min(0, goal - this.gained(row, start, logprobs));
  }

  /** Shift of what counts: of a right reply Σ min(log p, log τ), of a rejected one its choices' log-probs. */
  gained(row: number, from: Float32Array, to: Float32Array): number {
    const { kind } = this.#rows[row]!;
    const settled = kind === "rejected" ? 0 : Math.log(this.#plan.token_target);
    const mask = this.masks[row]!;
    let shift = 0;
    for (let t = 0; t < to.length; t++) {
      if (kind === "rejected" && mask[t] === 0) continue;
      shift += Math.min(to[t]!, settled) - Math.min(from[t]!, settled);
    }
    return shift;
  }

  /**
   * By how much each row's shift between two places is uncertain, one standard deviation in nats: at both places
   * each token that counts has a rounding of its own.
   */
  uncertainty(rows: readonly number[]): number[] {
    return rows.map((row) => this.#noise * Math.sqrt(2 * sum(this.masks[row]!)));
  }

  /** Where the gradient of the row's unsettled tokens goes. */
  gradient(jacobian: Jacobian, row: number, logprobs: Float32Array): RowGradient {
    const { kind } = this.#rows[row]!;
    const weights =
      kind === "rejected" ? this.masks[row]! : unsettledTokens(logprobs, this.#plan.token_settled);
    return { into: jacobian.row(row), weights };
  }

  /**
   * Whether a right reply that asked for something has lost: the newest one anything that is not rounding, an older
   * one too much. At the session's bound what is new `displaces` what is older.
   */
  lowered(logprobs: readonly Float32Array[], displaces: boolean): boolean {
    const asking = this.#rows.flatMap(({ kind }, row) =>
      kind !== "rejected" && kind !== "held" && this.owes(row, this.#start[row]!) > 0 ? [row] : [],
    );
    return asking.some((row) => {
      const lost = -this.gained(row, this.#start[row]!, logprobs[row]!);
      const [rounding = 0] = this.uncertainty([row]);
      if (row === asking.at(-1)) return lost > rounding;
      return !displaces && lost > lostNatsMax + rounding;
    });
  }
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
  release(): void {
    release(this.#all);
  }

  /** Place of a row's gradient, made at its first use. */
  row(row: number): Float32Array {
    let at = this.rows.indexOf(row);
    if (at < 0) at = this.rows.push(row) - 1;
    return this.#all.subarray(at * this.D, (at + 1) * this.D);
  }
}

function sum(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
