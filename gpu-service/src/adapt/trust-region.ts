/**
 * How far an update may carry the model, measured: mean token KL on replies that the model would have given.
 *
 * Two distances are taken, both in nats a token: from this update's start, on the model's own samples and on the
 * session's replies that are right already; and from the base model, on its own samples. It knows no targets.
 */
import type { AdapterWeights, LanguageModel, ScoreRow, Slices } from "../language-model.ts";
import { release } from "../release.ts";

/** Prompts with the base model's own replies, and its hidden states where it predicts their tokens [N, C]. */
export interface Probes {
  rows: readonly ScoreRow[];
  base: Float32Array;
}

export interface MeasurableModel extends Pick<LanguageModel, "passRows"> {
  /** Hidden states [N, C] after the last block at the N positions that predict the rows' reply tokens. */
  hiddenStates(
    rows: readonly ScoreRow[],
    adapter: AdapterWeights | null,
  ): Slices<Float32Array<ArrayBuffer>>;
  /** [N] KL(new ‖ old) in nats, from the hidden states of two policies. */
  divergence(hNew: Float32Array, hOld: Float32Array): Slices<Float32Array>;
}

/** Mean KL in nats a token. */
export interface Distance {
  /** KL(tried ‖ this update's start). */
  fromStart: number;
  /** KL(tried ‖ base model). */
  fromBase: number;
}

export class TrustRegion {
  readonly #model: MeasurableModel;
  readonly #probes: Probes;
  readonly #rows: readonly ScoreRow[];
  /** Hidden states of all rows at the update's start. */
  readonly #start: Float32Array<ArrayBuffer>;

  private constructor(
    model: MeasurableModel,
    probes: Probes,
    rows: readonly ScoreRow[],
    start: Float32Array<ArrayBuffer>,
  ) {
    this.#model = model;
    this.#probes = probes;
    this.#rows = rows;
    this.#start = start;
  }

  /** `held` are replies of the session that should stay as likely as they are. */
  static async *around(
    model: MeasurableModel,
    probes: Probes,
    held: readonly ScoreRow[],
    start: AdapterWeights,
  ): Slices<TrustRegion> {
    const rows = [...probes.rows, ...held];
    return new TrustRegion(model, probes, rows, yield* model.hiddenStates(rows, start));
  }

  /** How far the start is from the base model. */
  async *startFromBase(): Slices<number> {
    const own = this.#start.subarray(0, this.#probes.base.length);
    return mean(yield* this.#model.divergence(own, this.#probes.base));
  }

  async *measure(tried: AdapterWeights): Slices<Distance> {
    const h = yield* this.#model.hiddenStates(this.#rows, tried);
    try {
      const fromStart = mean(yield* this.#model.divergence(h, this.#start));
      const own = h.subarray(0, this.#probes.base.length);
      const fromBase = mean(yield* this.#model.divergence(own, this.#probes.base));
      return { fromStart, fromBase };
    } finally {
      release(h);
    }
  }

  release(): void {
    release(this.#start);
  }
}

function mean(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / Math.max(1, values.length);
}
