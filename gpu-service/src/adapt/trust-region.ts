/**
 * The trust region of an update: how far it carries the model, as mean token KL on replies that the model would have given.
 *
 * Two distances are measured, in nats a token. The first is from this update's start, on the model's own samples and on
 * right replies of the session. The second is from the base model, on its own samples. On the way the first few samples
 * serve; at the end all of them do. Far from the base model, witnesses are measured too: no anchor protects these
 * samples and no path was measured on them, so nothing makes them look nearer than others. It knows no targets.
 */
import type { AdapterWeights, LanguageModel, ScoreRow, Slices } from "../language-model.ts";
import { release } from "../release.ts";

/** Prompts with the base model's own replies, and its hidden states [N, C] at the positions that predict their tokens. */
export interface Probes {
  rows: readonly ScoreRow[];
  /** Weight of each row's tokens; see `chooseProbes`. */
  weights: readonly number[];
  base: Float32Array;
  /** Hidden states of adapters at which updates started or ended, by their B. */
  known: WeakMap<Float32Array, Float32Array<ArrayBuffer>>;
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
  witnesses(): Slices<Probes>;
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
  /** By what factor witnesses were farther than samples, at the start or at the last measured end. */
  #excess = 1;

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
    const guideRows = probes.rows.slice(0, guidesMax);
    const length = stateLength(probes, guideRows);
    const known = start === null ? probes.base : probes.known.get(start.B);
    if (known !== undefined) {
      const states =
        held.length === 0 ? new Float32Array(0) : yield* model.hiddenStates(held, start);
      const guides = known.slice(0, length) as Float32Array<ArrayBuffer>;
      return new TrustRegion(model, probes, held, start, baseMax, { guides, held: states });
    }
    const all = yield* model.hiddenStates([...guideRows, ...held], start);
    const states = { guides: all.slice(0, length), held: all.slice(length) };
    release(all);
    return new TrustRegion(model, probes, held, start, baseMax, states);
  }

  /** Distance of the start from the base model, on the guides and, if it is far, on the witnesses. */
  async *startFromBase(): Slices<Distance> {
    if (this.#start === null) return nowhere;
    const found = yield* this.#fromBase(this.#probes, this.#guideRows, this.#guides);
    return { ...(yield* this.#witnessed(this.#start, found)), fromStart: 0 };
  }

  /** Measures on the guides. */
  async *measure(tried: AdapterWeights): Slices<Distance> {
    const h = yield* this.#model.hiddenStates([...this.#guideRows, ...this.#held], tried);
    this.#forget();
    const found = yield* this.#compare(h, this.#guides);
    this.#last = { B: tried.B, ...found };
    const { fromBaseAtMost, ...distance } = this.#distance(this.#guideRows, found);
    return { ...distance, fromBaseAtMost: this.#excess * fromBaseAtMost };
  }

  /**
   * Measures on all samples and, far from the base model, on the witnesses. Keeps the hidden states for the next
   * update, which starts from `tried`.
   */
  async *measureWhole(tried: AdapterWeights): Slices<Distance> {
    const { rows, known, base } = this.#probes;
    const start =
      this.#start === null
        ? base
        : (known.get(this.#start.B) ?? (yield* this.#model.hiddenStates(rows, this.#start)));
    if (this.#start !== null) known.set(this.#start.B, start as Float32Array<ArrayBuffer>);
    const found = yield* this.#measureAll(tried, start);
    try {
      known.set(tried.B, found.h.slice(0, base.length));
      const { fromStart, ...distance } = this.#distance(rows, found);
      return { fromStart, ...(yield* this.#witnessed(tried, distance)) };
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
      h: joined(last.h.subarray(0, guides), h, last.h.subarray(guides)),
      fromStart: joined(last.fromStart, rest.fromStart),
      fromBase: joined(last.fromBase, rest.fromBase),
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

  #distance(rows: readonly ScoreRow[], { fromStart, fromBase, held }: Measured): Distance {
    const sums = byRow(this.#probes, rows, fromStart);
    const total = sums.reduce((sum, { kl }) => sum + kl, 0);
    const tokens = sums.reduce((sum, { weight }) => sum + weight, 0);
    const heldTotal = held.reduce((sum, kl) => sum + kl, 0);
    return {
      ...meanOf(rows, byRow(this.#probes, rows, fromBase)),
      fromStart: (total + heldTotal) / (tokens + held.length),
    };
  }

  /** The distance found, or the witnesses' where theirs is larger. They are measured unless the distance is small. */
  async *#witnessed(tried: AdapterWeights, found: FromBase): Slices<FromBase> {
    if (found.fromBaseAtMost <= witnessedFrom * this.#baseMax) return found;
    const witnesses = yield* this.#model.witnesses();
    const { rows, known } = witnesses;
    const h = known.get(tried.B) ?? (yield* this.#model.hiddenStates(rows, tried));
    known.set(tried.B, h as Float32Array<ArrayBuffer>);
    const said = yield* this.#fromBase(witnesses, rows, h, witnessErrors);
    this.#excess = Math.max(1, said.fromBaseAtMost / found.fromBaseAtMost);
    return {
      fromBase: Math.max(found.fromBase, said.fromBase),
      fromBaseAtMost: Math.max(found.fromBaseAtMost, said.fromBaseAtMost),
    };
  }

  async *#fromBase(
    probes: Probes,
    rows: readonly ScoreRow[],
    h: Float32Array,
    errors = 1,
  ): Slices<FromBase> {
    const base = probes.base.subarray(0, h.length);
    return meanOf(rows, byRow(probes, rows, yield* this.#model.divergence(h, base)), errors);
  }
}

/** The mean KL, and the same with so many standard errors added. */
function meanOf(rows: readonly ScoreRow[], sums: readonly RowSum[], errors = 1): FromBase {
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

function joined(...parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let to = 0;
  for (const part of parts) {
    all.set(part, to);
    to += part.length;
  }
  return all;
}

interface RowSum {
  kl: number;
  weight: number;
}

/** Each row's Σ weight·KL and Σ weight, over its tokens. */
function byRow({ weights }: Probes, rows: readonly ScoreRow[], values: Float32Array): RowSum[] {
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
function stateLength({ rows, base }: Probes, first: readonly ScoreRow[]): number {
  const tokensOf = (some: readonly ScoreRow[]) =>
    some.reduce((sum, { reply }) => sum + reply.length, 0);
  return (base.length / tokensOf(rows)) * tokensOf(first);
}
