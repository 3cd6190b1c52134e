/**
 * B matrices of the sequences being served, laid out as the serving graphs read them and each at its slot's
 * place, so that a batch's matrices are one view and only a slot whose adapter changes is written.
 */
import { Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../compiler/checkpoint.ts";
import { type LoraGroup, type LoraSite, loraGroups, loraSites } from "../compiler/lora.ts";
import type { AdapterWeights } from "./model-types.ts";

/** Batches whose views are kept. */
const viewsMax = 64;

export class AdapterBank {
  readonly #groups: LoraGroup[];
  readonly #sites: LoraSite[];
  /** What each slot holds: an adapter's digest, or null for zeros. */
  readonly #held: (string | null)[];
  readonly #views = new Map<string, Record<string, Tensor>>();
  /** By group [slots, rank, out]; memory is only touched where a slot had an adapter. */
  #blocks = new Map<string, Float32Array>();
  #rank = 0;

  constructor(config: ModelConfig, slots: number) {
    this.#groups = loraGroups(config);
    this.#sites = loraSites(config);
    this.#held = new Array(slots).fill(null);
  }

  /** Rank of all matrices: that of the largest adapter so far; smaller ones end in zeros. */
  get rank(): number {
    return this.#rank;
  }

  /** `b.{group}` [rows, rank, out] of slots first … first + adapters.length − 1, each with its adapter. */
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
      view[`b.${name}`] = new Tensor("float32", part, [rows, this.#rank, out]);
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
    for (const { name, out } of this.#groups) {
      const length = this.#rank * out;
      this.#blocks.get(name)!.fill(0, slot * length, (slot + 1) * length);
    }
    if (!adapter) return;
    const begun = new Map<string, number>();
    let offset = 0;
    for (const { group, out } of this.#sites) {
      const block = this.#blocks.get(group)!;
      const width = block.length / (this.#held.length * this.#rank);
      const column = begun.get(group) ?? 0;
      begun.set(group, column + out);
      const matrix = adapter.B.subarray(offset, offset + out * adapter.rank);
      offset += out * adapter.rank;
      const at = slot * this.#rank * width + column;
      for (let k = 0; k < adapter.rank; k++) {
        for (let o = 0; o < out; o++) {
          block[at + k * width + o] = matrix[o * adapter.rank + k]!;
        }
      }
    }
  }
}
