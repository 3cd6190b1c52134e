/**
 * Keys and values of the sequences being served. It holds about as many positions as the longest sequence needs, because
 * the graphs read all of them. It knows slots and positions, not tokens.
 */
import { Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../../checkpoint/checkpoint.ts";
import type { KvCache } from "../../language-model.ts";

const capacityAtStart = 64;
/** Room is given back where sequences need at most this share of it: it comes and goes with long ones. */
const usedShareMin = 0.25;

export class Cache implements KvCache {
  readonly slots: number;
  readonly tokensMax: number;
  readonly #config: ModelConfig;
  /** Positions that fit now, at most `tokensMax`. */
  capacity: number;
  /** Per layer keys then values, each [slots, kvHeads, capacity, headSize]. */
  #blocks: Float32Array[];
  /** Written positions of each slot. Only these are copied, so untouched memory stays untouched. */
  readonly #held: Int32Array;
  readonly #views = new Map<
    string,
    { feeds: Record<string, Tensor>; fetches: Record<string, Tensor> }
  >();

  constructor(config: ModelConfig, slots: number, tokensMax: number) {
    this.slots = slots;
    this.tokensMax = tokensMax;
    this.#config = config;
    this.#held = new Int32Array(slots);
    this.capacity = this.#capacityFor(0);
    this.#blocks = this.#allocate();
  }

  /** Makes room for sequences of `tokens` and keeps the contents. Throws above `tokensMax`. */
  reserve(tokens: number): void {
    if (tokens > this.tokensMax) {
      throw new Error(`Cannot cache ${tokens} tokens: there is room for ${this.tokensMax}`);
    }
    if (tokens > this.capacity) this.#resize(this.#capacityFor(tokens));
  }

  /** Gives back the room that sequences of at most `tokens` do not need. Longer contents are cut off. */
  trim(tokens: number): void {
    const capacity = this.#capacityFor(tokens);
    if (capacity <= usedShareMin * this.capacity) this.#resize(capacity);
  }

  #capacityFor(tokens: number): number {
    let capacity = capacityAtStart;
    while (capacity < tokens) capacity = nextCapacity(capacity);
    return Math.min(capacity, this.tokensMax);
  }

  #resize(capacity: number): void {
    const { kvHeadCount, headSize } = this.#config;
    const [from, to] = [this.capacity * headSize, capacity * headSize];
    const old = this.#blocks;
    this.capacity = capacity;
    this.#blocks = this.#allocate();
    this.#views.clear();
    for (let slot = 0; slot < this.slots; slot++)
      this.#held[slot] = Math.min(this.#held[slot]!, capacity);
    for (const [index, block] of this.#blocks.entries()) {
      for (let head = 0; head < this.slots * kvHeadCount; head++) {
        const length = this.#held[Math.floor(head / kvHeadCount)]! * headSize;
        block.set(old[index]!.subarray(head * from, head * from + length), head * to);
      }
    }
  }

  /** Notes that a slot now holds this many positions: the graphs write without notice. */
  hold(slot: number, tokens: number): void {
    this.#held[slot] = Math.max(this.#held[slot]!, tokens);
  }

  /** Writes `length` new positions a row: `fresh` [rows, length, layers · (key, value) · kvHeads · headSize]. */
  write(fresh: Float32Array, firstSlot: number, past: Int32Array, length = 1): void {
    const { kvHeadCount, headSize } = this.#config;
    const headLength = this.capacity * headSize;
    let from = 0;
    for (const [row, cached] of past.entries()) {
      const slot = firstSlot + row;
      this.hold(slot, cached + length);
      for (let position = cached; position < cached + length; position++) {
        for (const block of this.#blocks) {
          for (let head = 0; head < kvHeadCount; head++, from += headSize) {
            const to = slot * this.#slotLength + head * headLength + position * headSize;
            block.set(fresh.subarray(from, from + headSize), to);
          }
        }
      }
    }
  }

  #allocate(): Float32Array[] {
    const length = this.slots * this.#slotLength;
    return Array.from({ length: 2 * this.#config.layerCount }, () => new Float32Array(length));
  }

  get #slotLength(): number {
    return this.#config.kvHeadCount * this.capacity * this.#config.headSize;
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
      const dims = [rows, kvHeadCount, this.capacity, headSize];
      feeds[`past.${name}`] = new Tensor("float32", part, dims);
      fetches[`present.${name}`] = new Tensor("float32", part, dims);
    });
    const view = { feeds, fetches };
    this.#views.set(key, view);
    return view;
  }

  copySlot(from: number, to: number, tokens = this.capacity): void {
    const { kvHeadCount, headSize } = this.#config;
    const copied = Math.min(tokens, this.#held[from]!);
    this.#held[to] = copied;
    const headLength = this.capacity * headSize;
    for (const block of this.#blocks) {
      for (let head = 0; head < kvHeadCount; head++) {
        const source = from * this.#slotLength + head * headLength;
        block.copyWithin(
          to * this.#slotLength + head * headLength,
          source,
          source + copied * headSize,
        );
      }
    }
  }

  dispose(): void {
    this.#blocks = [];
    this.#views.clear();
  }
}

/**
 * 64, 96, 128, 192, 256, 384, …: twice the steps of doubling, because attention reads all positions of a step, empty
 * ones too.
 */
function nextCapacity(capacity: number): number {
  const isPowerOfTwo = Number.isInteger(Math.log2(capacity));
  return isPowerOfTwo ? (capacity * 3) / 2 : (capacity * 4) / 3;
}
