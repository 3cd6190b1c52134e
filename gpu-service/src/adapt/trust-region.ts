/**
 * The trust region of an update: how far it carries the model, as mean token KL on replies that the model would have given.
 *
 * Two distances are measured, in nats a token. The first is from this update's start, on the model's own samples and on
 * right replies of the session. The second is from the base model, on its own samples. On the way the first few samples
 * say what changed since the start; at the end all of them are measured. Far from the base model, witnesses are measured
 * too: no anchor protects these samples and no path was measured on them, so nothing makes them look nearer than others.
 * It knows no targets.
 */

import { joined } from "../joined.ts";
import type { AdapterWeights, LanguageModel, ScoreRow, Slices } from "../language-model.ts";
import { release } from "../release.ts";

/** Prompts with the base model's own replies, and its hidden states [N, C] at the positions that predict their tokens. */
export interface Samples {
  rows: readonly ScoreRow[];
  /** Weight of each row's tokens; see `chooseProbes`. */
  weights: readonly number[];
  base: Float32Array;
}

/** The samples that every update is measured on. */
export interface Probes extends Samples {
  /** What was measured of adapters at which updates started or ended, by their B. */
  known: WeakMap<Float32Array, Known>;
}

interface Known {
  /** Hidden states of the samples. */
  h?: Float32Array<ArrayBuffer>;
  /** [N] KL from the base model, of the samples' tokens and of the witnesses'. */
  samples?: Float32Array;
  witnesses?: Float32Array;
}

export interface MeasurableModel extends Pick<LanguageModel, "passRows"> {
  /** Hidden states [N, C] after the last block at the N positions that predict the rows' reply tokens. */
  hiddenStates(
    rows: readonly ScoreRow[],
    adapter: AdapterWeights | null,
  ): Slices<Float32Array<ArrayBuffer>>;
  /** [N] KL(new ‖ old) in nats, from the hidden states of two policies. */
  divergence(hNew: Float32Array, hOld: Float32Array): Slices<Float32Array>;
  /** Further replies of the base model that anchors do not protect, drawn at first need. */
  witnesses(): Slices<Samples>;
}

/** Mean KL in nats a token. */
export interface Distance {
  /** KL(tried ‖ this update's start). */
  fromStart: number;
  /** KL(tried ‖ base model). */
  fromBase: number;
  /**
   * `fromBase` with one standard error added, for the samples that were not measured. If witnesses say more, their
   * figure with their errors.
   */
  fromBaseAtMost: number;
}

type FromBase = Omit<Distance, "fromStart">;

/**
 * Hidden states of samples and held replies, and their token KLs: of samples from start and base, of held replies from
 * the start.
 */
interface Measured {
  h: Float32Array<ArrayBuffer>;
  fromStart: Float32Array;
  fromBase: Float32Array;
  held: Float32Array;
}

export const nowhere: Distance = { fromStart: 0, fromBase: 0, fromBaseAtMost: 0 };

/** Samples measured on the way. */
const guidesMax = 12;
/** Witnesses are measured beyond this share of the bound on the KL from the base model. */
const witnessedFrom = 0.3;
/** Standard errors added to the witnesses' figure. */
const witnessErrors = 2;
/** Witnesses measured on the way: so many, or fewer if they hold this share of the start's KL from the base model. */
const scoutsMax = 12;
const scoutsShare = 0.75;

/** Some witnesses, the base model's hidden states of them, and Σ KL of their tokens at the start. */
interface Scouts {
  rows: readonly ScoreRow[];
  base: Float32Array;
  kl: number;
}

export class TrustRegion {
  readonly #model: MeasurableModel;
  readonly #probes: Probes;
  readonly #held: readonly ScoreRow[];
  /** Null is the base model. */
  readonly #start: AdapterWeights | null;
  /** Hidden states at the start, of the guides and of the held replies. */
  readonly #guides: Float32Array<ArrayBuffer>;
  readonly #heldStates: Float32Array<ArrayBuffer>;
  readonly #guideRows: readonly ScoreRow[];
  /** The bound on the KL from the base model. */
  readonly #baseMax: number;
  /** The last measurement on guides and held replies. */
  #last: (Measured & { B: Float32Array }) | null = null;
  #startFromBase: FromBase = nowhere;
  /** The start's distance on samples alone, and its token KLs [tokens] on the guides. */
  #startOnSamples: FromBase = nowhere;
  #guidesFromBase: Float32Array;
  /** Null unless witnesses were measured at the start. */
  #scouts: Scouts | null = null;
  /** The largest distance that this update has found. */
  #farthest = 0;

  private constructor(
    model: MeasurableModel,
    probes: Probes,
    held: readonly ScoreRow[],
    start: AdapterWeights | null,
    baseMax: number,
    states: { guides: Float32Array<ArrayBuffer>; held: Float32Array<ArrayBuffer> },
  ) {
    this.#model = model;
    this.#probes = probes;
    this.#held = held;
    this.#start = start;
    this.#baseMax = baseMax;
    this.#guides = states.guides;
    this.#heldStates = states.held;
    this.#guideRows = probes.rows.slice(0, guidesMax);
    this.#guidesFromBase = new Float32Array(tokensOf(this.#guideRows));
  }

  /**
   * `held` are replies of the session that should stay as likely as they are. `start` is null for the base model.
   * `baseMax` bounds the KL from the base model, in nats a token.
   */
  static async *around(
    model: MeasurableModel,
    probes: Probes,
    held: readonly ScoreRow[],
    start: AdapterWeights | null,
    baseMax: number,
  ): Slices<TrustRegion> {
    if (start !== null && probes.known.get(start.B)?.h === undefined)
      keep(probes, start.B, { h: yield* model.hiddenStates(probes.rows, start) });
    const own = start === null ? probes.base : probes.known.get(start.B)!.h!;
    const length = stateLength(probes, probes.rows.slice(0, guidesMax));
    const guides = own.slice(0, length) as Float32Array<ArrayBuffer>;
    const states = held.length === 0 ? new Float32Array(0) : yield* model.hiddenStates(held, start);
    return new TrustRegion(model, probes, held, start, baseMax, { guides, held: states });
  }

  /** Distance of the start from the base model, on all samples and, if it is far or `isDoubted`, on the witnesses. */
  async *startFromBase(isDoubted = false): Slices<Distance> {
    if (this.#start === null) return nowhere;
    const { rows, base } = this.#probes;
    const { h, samples } = this.#probes.known.get(this.#start.B)!;
    const kls = samples ?? (yield* this.#model.divergence(h!, base));
    keep(this.#probes, this.#start.B, { samples: kls });
    this.#guidesFromBase = kls.slice(0, this.#guidesFromBase.length);
    this.#startOnSamples = meanOf(this.#probes, rows, kls);
    this.#startFromBase = yield* this.#witnessed(this.#start, this.#startOnSamples, isDoubted);
    this.#scouts = yield* this.#chooseScouts();
    return { ...this.#startFromBase, fromStart: 0 };
  }

  /** Measures on the guides and, if witnesses were measured at the start, on those that it had moved most. */
  async *measure(tried: AdapterWeights): Slices<Distance> {
    const scouts = this.#scouts;
    const rows = [...this.#guideRows, ...this.#held, ...(scouts?.rows ?? [])];
    const h = yield* this.#model.hiddenStates(rows, tried);
    this.#forget();
    const own = this.#guides.length + this.#heldStates.length;
    const found = yield* this.#compare(h.subarray(0, own), this.#guides);
    this.#last = { B: tried.B, ...found };
    const distance = {
      fromStart: this.#fromStart(this.#guideRows, found),
      ...this.#fromBaseByGuides(found.fromBase),
    };
    if (scouts === null) return distance;
    const kl = sum(yield* this.#model.divergence(h.subarray(own), scouts.base));
    const { fromBase, fromBaseAtMost } = this.#startFromBase;
    const grown = kl / scouts.kl;
    return {
      fromStart: distance.fromStart,
      fromBase: Math.max(distance.fromBase, grown * fromBase),
      fromBaseAtMost: Math.max(distance.fromBaseAtMost, grown * fromBaseAtMost),
    };
  }

  /**
   * Measures on all samples and, far from the base model, on the witnesses. Keeps what it finds for the next update,
   * which starts from `tried`.
   */
  async *measureWhole(tried: AdapterWeights): Slices<Distance> {
    const { rows, known, base } = this.#probes;
    const start = this.#start === null ? base : known.get(this.#start.B)!.h!;
    const found = yield* this.#measureAll(tried, start);
    try {
      keep(this.#probes, tried.B, { h: found.h.slice(0, base.length), samples: found.fromBase });
      const fromBase = yield* this.#witnessed(tried, meanOf(this.#probes, rows, found.fromBase));
      return { fromStart: this.#fromStart(rows, found), ...fromBase };
    } finally {
      release(found.h);
    }
  }

  release(): void {
    release(this.#guides);
    release(this.#heldStates);
    this.#forget();
  }

  #forget(): void {
    if (this.#last !== null) release(this.#last.h);
    this.#last = null;
  }

  /** Measures all samples and the held replies; those that the last measurement covered are not run again. */
  async *#measureAll(tried: AdapterWeights, start: Float32Array): Slices<Measured> {
    const { rows } = this.#probes;
    const last = this.#last;
    if (last?.B !== tried.B) {
      const h = yield* this.#model.hiddenStates([...rows, ...this.#held], tried);
      return yield* this.#compare(h, start);
    }
    const guides = this.#guides.length;
    const others = rows.slice(guidesMax);
    if (others.length === 0) return { ...last, h: last.h.slice() };
    const h = yield* this.#model.hiddenStates(others, tried);
    const rest = yield* this.#divergences(h, start.subarray(guides), guides);
    const found = {
      h: joined([last.h.subarray(0, guides), h, last.h.subarray(guides)]),
      fromStart: joined([last.fromStart, rest.fromStart]),
      fromBase: joined([last.fromBase, rest.fromBase]),
      held: last.held,
    };
    release(h);
    return found;
  }

  /** Compares hidden states of the first samples and the held replies with those at the start. */
  async *#compare(h: Float32Array<ArrayBuffer>, start: Float32Array): Slices<Measured> {
    const own = yield* this.#divergences(h.subarray(0, start.length), start, 0);
    const held =
      this.#held.length === 0
        ? new Float32Array(0)
        : yield* this.#model.divergence(h.subarray(start.length), this.#heldStates);
    return { h, held, ...own };
  }

  /** Token KLs of samples whose states begin at `offset` of the base model's. */
  async *#divergences(
    h: Float32Array,
    start: Float32Array,
    offset: number,
  ): Slices<Pick<Measured, "fromStart" | "fromBase">> {
    const fromStart = yield* this.#model.divergence(h, start);
    if (this.#start === null) return { fromStart, fromBase: fromStart };
    const base = this.#probes.base.subarray(offset, offset + h.length);
    return { fromStart, fromBase: yield* this.#model.divergence(h, base) };
  }

  #fromStart(rows: readonly ScoreRow[], { fromStart, held }: Measured): number {
    const sums = byRow(this.#probes, rows, fromStart);
    const total = sums.reduce((sum, { kl }) => sum + kl, 0);
    const tokens = sums.reduce((sum, { weight }) => sum + weight, 0);
    return (total + sum(held)) / (tokens + held.length);
  }

  /**
   * All samples say how far the start is; the guides say only what changed since. By themselves a few of them may show a
   * session beyond its bound that is well within it. A rise of theirs is added. A fall counts as a share of what they
   * had, so that the distance stays above 0.
   */
  #fromBaseByGuides(kls: Float32Array): FromBase {
    const start = this.#startOnSamples;
    const change = kls.map((kl, token) => kl - this.#guidesFromBase[token]!);
    const moved = meanOf(this.#probes, this.#guideRows, change);
    if (moved.fromBase < 0) {
      const now = meanOf(this.#probes, this.#guideRows, kls);
      const share = now.fromBase / (now.fromBase - moved.fromBase);
      return {
        fromBase: share * start.fromBase,
        fromBaseAtMost: share * start.fromBaseAtMost,
      };
    }
    return {
      fromBase: start.fromBase + moved.fromBase,
      fromBaseAtMost: start.fromBaseAtMost + moved.fromBaseAtMost,
    };
  }

  /** The distance found, or the witnesses' where theirs is larger. They are measured if the distance may be large. */
  async *#witnessed(tried: AdapterWeights, found: FromBase, isDoubted = false): Slices<FromBase> {
    const { known } = this.#probes;
    this.#farthest = Math.max(this.#farthest, found.fromBaseAtMost);
    const isFar = isDoubted || this.#farthest > witnessedFrom * this.#baseMax;
    if (!isFar && known.get(tried.B)?.witnesses === undefined) return found;
    const witnesses = yield* this.#model.witnesses();
    let kls = known.get(tried.B)?.witnesses;
    if (kls === undefined) {
      const h = yield* this.#model.hiddenStates(witnesses.rows, tried);
      kls = yield* this.#model.divergence(h, witnesses.base);
      release(h);
      keep(this.#probes, tried.B, { witnesses: kls });
    }
    const said = meanOf(witnesses, witnesses.rows, kls, witnessErrors);
    this.#farthest = Math.max(this.#farthest, said.fromBaseAtMost);
    return {
      fromBase: Math.max(found.fromBase, said.fromBase),
      fromBaseAtMost: Math.max(found.fromBaseAtMost, said.fromBaseAtMost),
    };
  }

  /**
   * A few witnesses tell on the way how the distance from the base model grows or shrinks. They are those that hold most
   * of it at the start, because a narrow habit shows in few replies.
   */
  async *#chooseScouts(): Slices<Scouts | null> {
    const kls = this.#start && this.#probes.known.get(this.#start.B)?.witnesses;
    if (!kls) return null;
    const witnesses = yield* this.#model.witnesses();
    const C = witnesses.base.length / kls.length;
    let end = 0;
    const moved = witnesses.rows.map((row) => {
      const first = end;
      end += row.reply.length;
      const base = witnesses.base.subarray(first * C, end * C);
      return { row, base, kl: sum(kls.subarray(first, end)) };
    });
    moved.sort((a, b) => b.kl - a.kl);
    const most = sum(kls);
    const chosen: typeof moved = [];
    let kl = 0;
    while (chosen.length < Math.min(scoutsMax, moved.length) && kl < scoutsShare * most) {
      chosen.push(moved[chosen.length]!);
      kl += chosen.at(-1)!.kl;
    }
    if (kl === 0) return null;
    return {
      rows: chosen.map(({ row }) => row),
      base: joined(chosen.map(({ base }) => base)),
      kl,
    };
  }
}

/** Adds to what is known of an adapter. */
function keep({ known }: Probes, B: Float32Array, more: Known): void {
  known.set(B, { ...known.get(B), ...more });
}

/** The rows' mean KL a token, and the same with so many standard errors added. */
function meanOf(
  samples: Samples,
  rows: readonly ScoreRow[],
  kls: Float32Array,
  errors = 1,
): FromBase {
  const sums = byRow(samples, rows, kls);
  const tokens = sums.reduce((sum, { weight }) => sum + weight, 0);
  const fromBase = sums.reduce((sum, { kl }) => sum + kl, 0) / tokens;
  // Of a ratio of sums, by the spread about it; replies to one prompt move together and count as one.
  const groups = Map.groupBy(sums.keys(), (row) => rows[row]!.prompt).values();
  const spreads = Array.from(groups, (group) =>
    group.reduce((sum, row) => sum + sums[row]!.kl - fromBase * sums[row]!.weight, 0),
  );
  const spread = spreads.reduce((sum, one) => sum + one ** 2, 0);
  const error = Math.sqrt((spread * spreads.length) / Math.max(1, spreads.length - 1)) / tokens;
  return { fromBase, fromBaseAtMost: fromBase + errors * error };
}

function sum(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

interface RowSum {
  kl: number;
  weight: number;
}

/** Each row's Σ weight·KL and Σ weight, over its tokens. */
function byRow({ weights }: Samples, rows: readonly ScoreRow[], values: Float32Array): RowSum[] {
  let from = 0;
  return rows.map(({ reply }, row) => {
    const weight = weights[row]!;
    let kl = 0;
    for (const value of values.subarray(from, from + reply.length)) kl += weight * value;
    from += reply.length;
    return { kl, weight: weight * reply.length };
  });
}

/** Length of the first rows' hidden states. */
function stateLength({ rows, base }: Samples, first: readonly ScoreRow[]): number {
  return (base.length / tokensOf(rows)) * tokensOf(first);
}

function tokensOf(rows: readonly ScoreRow[]): number {
  return rows.reduce((sum, { reply }) => sum + reply.length, 0);
}
