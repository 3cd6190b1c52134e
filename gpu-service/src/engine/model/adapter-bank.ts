/**
 * Adapter matrices as the serving graphs read them: `a.{group}` [r, in] and `b.{group}` [R, Σ out, r]. A single row
 * reads its adapter's own memory. Rows of a batch lie side by side in a window over the slots: the batch is one view,
 * and only rows whose adapter is missing there are written.
 */
import { Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../../checkpoint/checkpoint.ts";
import type { AdapterWeights } from "../../language-model.ts";
import type { Basis } from "../../lora/basis.ts";
import { type LoraGroup, loraGroups } from "../../lora/sites.ts";

type Feeds = Record<string, Tensor>;

/** Batches whose views are kept. */
const viewsMax = 64;

/** A group, and where its matrix begins in B: `above` rows stand before it. */
type Group = LoraGroup & { above: number };

export class AdapterBank {
  readonly #groups: Group[];
  readonly #basis: (rank: number) => Basis;
  /** A by rank. */
  readonly #bases = new Map<number, Feeds>();
  /** Feeds of a single row, kept as long as its adapter lives. */
  readonly #alone = new WeakMap<AdapterWeights, Feeds>();
  /** The slot at the window's first place. */
  #start = 0;
  /** What each place holds: an adapter's digest, or null for zeros. */
  #held: (string | null)[] = [];
  /** By group [places, out, rank]. The rank is that of the largest adapter so far; smaller ones are padded with zeros. */
  #blocks = new Map<string, Float32Array>();
  #rank = 0;
  readonly #views = new Map<string, Feeds>();

  constructor(config: ModelConfig, basis: (rank: number) => Basis) {
    let above = 0;
    this.#groups = loraGroups(config).map((group) => {
      above += group.out;
      return { ...group, above: above - group.out };
    });
    this.#basis = basis;
  }

  /** Places of the window. */
  get places(): number {
    return this.#held.length;
  }

  /**
   * A and B of slots first … first + adapters.length − 1, each with its adapter. Without any adapter, zeros of rank 1:
   * a product over 0 numbers leaves all rows but the first unwritten in onnxruntime 1.30.
   */
  feeds(first: number, adapters: readonly (AdapterWeights | null)[]): Feeds {
    const rows = adapters.length;
    const rank = Math.max(...adapters.map((adapter) => adapter?.rank ?? 0));
    const [only] = adapters;
    if (rows === 1 && only) return { ...this.#a(rank), ...this.#ownB(only) };
    if (rank === 0) {
      const zeros = ({ out }: Group) => new Float32Array(rows * out);
      return { ...this.#a(1), ...this.#view(`none ${rows}`, rows, 1, zeros) };
    }
    this.#reserve(rows, rank);
    this.#reach(first, rows);
    const from = first - this.#start;
    for (const [row, adapter] of adapters.entries()) this.#put(from + row, adapter);
    const b = this.#view(`${from} ${rows}`, rows, this.#rank, ({ name, out }) => {
      const length = out * this.#rank;
      return this.#blocks.get(name)!.subarray(from * length, (from + rows) * length);
    });
    return { ...this.#a(this.#rank), ...b };
  }

  #a(rank: number): Feeds {
    const known = this.#bases.get(rank);
    if (known) return known;
    const basis = this.#basis(rank);
    const feeds = Object.fromEntries(
      this.#groups.map(({ name, in: width }) => [
        `a.${name}`,
        new Tensor("float32", basis.get(name)!, [rank, width]),
      ]),
    );
    this.#bases.set(rank, feeds);
    return feeds;
  }

  #ownB(adapter: AdapterWeights): Feeds {
    const known = this.#alone.get(adapter);
    if (known) return known;
    const { rank, B } = adapter;
    const feeds = this.#tensors(1, rank, ({ above, out }) =>
      B.subarray(above * rank, (above + out) * rank),
    );
    this.#alone.set(adapter, feeds);
    return feeds;
  }

  #view(key: string, rows: number, rank: number, data: (group: Group) => Float32Array): Feeds {
    const known = this.#views.get(key);
    if (known) return known;
    const view = this.#tensors(rows, rank, data);
    if (this.#views.size === viewsMax) this.#views.clear();
    this.#views.set(key, view);
    return view;
  }

  #tensors(rows: number, rank: number, data: (group: Group) => Float32Array): Feeds {
    return Object.fromEntries(
      this.#groups.map((group) => [
        `b.${group.name}`,
        new Tensor("float32", data(group), [rows, group.out, rank]),
      ]),
    );
  }

  /** Makes room for batches of `rows` at `rank`: twice as many places, so that a batch can move for a while. */
  #reserve(rows: number, rank: number): void {
    if (2 * rows <= this.places && rank <= this.#rank) return;
    const places = Math.max(this.places, 2 ** Math.ceil(Math.log2(2 * rows)));
    this.#rank = Math.max(rank, this.#rank);
    this.#held = new Array(places).fill(null);
    this.#views.clear();
    this.#blocks = new Map(
      this.#groups.map(({ name, out }) => [name, new Float32Array(places * out * this.#rank)]),
    );
  }

  /** Moves the window if it does not hold these slots, with room on both sides. */
  #reach(first: number, rows: number): void {
    if (first >= this.#start && first + rows <= this.#start + this.places) return;
    this.#start = Math.max(0, first - Math.floor((this.places - rows) / 2));
  }

  #put(place: number, adapter: AdapterWeights | null): void {
    const digest = adapter?.digest ?? null;
    if (this.#held[place] === digest) return;
    this.#held[place] = digest;
    for (const group of this.#groups) {
      const length = group.out * this.#rank;
      const own = this.#blocks.get(group.name)!.subarray(place * length, (place + 1) * length);
      if (adapter) writeRows(own, this.#rank, adapter, group);
      else own.fill(0);
    }
  }
}

/** A group's rows of an adapter's B, each padded with zeros to `rank`. */
function writeRows(
  into: Float32Array,
  rank: number,
  adapter: AdapterWeights,
  { above, out }: Group,
): void {
  const own = adapter.rank;
  const rows = adapter.B.subarray(above * own, (above + out) * own);
  if (own === rank) {
    into.set(rows);
    return;
  }
  into.fill(0);
  for (let row = 0; row < out; row++) {
    into.set(rows.subarray(row * own, (row + 1) * own), row * rank);
  }
}
