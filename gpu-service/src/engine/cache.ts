/** Keys and values of the sequences being served, in memory that the step graph updates in place. */
import { Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../compiler/checkpoint.ts";
import type { KvCache } from "./model-types.ts";

export class Cache implements KvCache {
  readonly slots: number;
  readonly tokensMax: number;
  readonly #config: ModelConfig;
  /** Per layer keys then values, each [slots, kvHeads, tokensMax, headSize]. */
  #blocks: Float32Array[];
  readonly #views = new Map<
    string,
    { feeds: Record<string, Tensor>; fetches: Record<string, Tensor> }
  >();

  constructor(config: ModelConfig, slots: number, tokensMax: number) {
    this.slots = slots;
    this.tokensMax = tokensMax;
    this.#config = config;
    this.#blocks = Array.from(
      { length: 2 * config.layerCount },
      () => new Float32Array(slots * this.#slotLength),
    );
  }

  get #slotLength(): number {
    return this.#config.kvHeadCount * this.tokensMax * this.#config.headSize;
  }

  /** Past and present tensors of slots first … first + rows − 1; both are views of the same memory. */
  tensors(first: number, rows: number) {
    const key = `${first}+${rows}`;
    const known = this.#views.get(key);
    if (known) return known;
    if (first + rows > this.slots) throw new Error(`Cannot use slots ${key} of ${this.slots}`);
    const { kvHeadCount, headSize } = this.#config;
    const feeds: Record<string, Tensor> = {};
    const fetches: Record<string, Tensor> = {};
    this.#blocks.forEach((block, index) => {
      const name = `${index >> 1}.${index % 2 === 0 ? "key" : "value"}`;
      const part = block.subarray(first * this.#slotLength, (first + rows) * this.#slotLength);
      const dims = [rows, kvHeadCount, this.tokensMax, headSize];
      feeds[`past.${name}`] = new Tensor("float32", part, dims);
      fetches[`present.${name}`] = new Tensor("float32", part, dims);
    });
    const view = { feeds, fetches };
    this.#views.set(key, view);
    return view;
  }

  copySlot(from: number, to: number, tokens = this.tokensMax): void {
    const { kvHeadCount, headSize } = this.#config;
    const headLength = this.tokensMax * headSize;
    for (const block of this.#blocks) {
      for (let head = 0; head < kvHeadCount; head++) {
        const source = from * this.#slotLength + head * headLength;
        block.copyWithin(
          to * this.#slotLength + head * headLength,
          source,
          source + tokens * headSize,
        );
      }
    }
  }

  dispose(): void {
    this.#blocks = [];
    this.#views.clear();
  }
}
