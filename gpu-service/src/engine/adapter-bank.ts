/**
 * B matrices of the sequences being served, each at its slot's place as the serving graphs read them, so that a
 * batch's matrices are one view and only a slot whose adapter changes is written.
 */
import { Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../compiler/checkpoint.ts";
import { type LoraGroup, loraGroups } from "../compiler/lora.ts";
import type { AdapterWeights } from "./model-types.ts";

/** Batches whose views are kept. */
const viewsMax = 64;

export class AdapterBank {
  readonly #groups: LoraGroup[];
  /** What each slot holds: an adapter's digest, or null for zeros. */
  readonly #held: (string | null)[];
  readonly #views = new Map<string, Record<string, Tensor>>();
  /** By group [slots, out, rank]; memory is only touched where a slot had an adapter. */
  #blocks = new Map<string, Float32Array>();
  #rank = 0;

  constructor(config: ModelConfig, slots: number) {
    this.#groups = loraGroups(config);
    this.#held = new Array(slots).fill(null);
  }

  /** Rank of all matrices: that of the largest adapter so far; smaller ones end in zeros. */
  get rank(): number {
    return this.#rank;
  }

  /** `b.{group}` [rows, out, rank] of slots first … first + adapters.length − 1, each with its adapter. */
  feeds(first: number, adapters: readonly (AdapterWeights | null)[]): Record<string, Tensor> {
    this.#reserve(Math.max(...adapters.map((adapter) => adapter?.rank ?? 0)));
    for (const [row, adapter] of adapters.entries()) this.#put(first + row, adapter);
    const rows = adapters.length;
    const key = `${first}+${rows}`;
    const known = this.#views.get(key);
    if (known) return known;
    const view: Record<string, Tensor> = {};
    for (const { name, out } of this.#groups) {
      const length = this.#rank * out;
      const part = this.#blocks.get(name)!.subarray(first * length, (first + rows) * length);
      view[`b.${name}`] = new Tensor("float32", part, [rows, out, this.#rank]);
    }
    if (this.#views.size === viewsMax) this.#views.clear();
    this.#views.set(key, view);
    return view;
  }

  #reserve(rank: number): void {
    if (rank <= this.#rank) return;
    this.#rank = rank;
    this.#held.fill(null);
    this.#views.clear();
    this.#blocks = new Map(
      this.#groups.map(({ name, out }) => [name, new Float32Array(this.#held.length * rank * out)]),
    );
  }

  #put(slot: number, adapter: AdapterWeights | null): void {
    const digest = adapter?.digest ?? null;
    if (this.#held[slot] === digest) return;
    this.#held[slot] = digest;
    let above = 0;
    for (const { name, out } of this.#groups) {
      const length = out * this.#rank;
      const own = this.#blocks.get(name)!.subarray(slot * length, (slot + 1) * length);
      if (adapter) writeRows(own, this.#rank, adapter, above, out);
      else own.fill(0);
      above += out;
    }
  }
}

/** Rows above … above + out − 1 of an adapter's B, each filled up with zeros to `rank`. */
function writeRows(
  into: Float32Array,
  rank: number,
  adapter: AdapterWeights,
  above: number,
  out: number,
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
