/**
 * Keys and values on the GPU. Slots lie in blocks. Slots that decode together are the rows of one block, because a
 * graph reads a buffer from its beginning; every other slot is a block of its own. It knows slots and positions, not
 * tokens.
 *
 * Blocks are split and joined on the device when a sequence joins or leaves, not between two steps.
 */
import { Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../../../checkpoint/checkpoint.ts";
import type { KvCache } from "../../../language-model.ts";
import type { Device } from "./device.ts";

/** Positions of a new block; blocks grow by doubling. */
const positionsAtStart = 64;

export interface Block {
  /** The slot of each row; null where a slot has left. */
  slots: (number | null)[];
  positions: number;
  /** Per layer keys then values, each [rows, kvHeads, positions, headSize]. */
  tensors: Tensor[];
}

export class DeviceCache implements KvCache {
  readonly slots: number;
  readonly tokensMax: number;
  readonly #device: Device;
  readonly #config: ModelConfig;
  readonly #blocks = new Set<Block>();
  /** The latest change of blocks; each change waits for the one before. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(device: Device, config: ModelConfig, slots: number, tokensMax: number) {
    this.#device = device;
    this.#config = config;
    this.slots = slots;
    this.tokensMax = tokensMax;
  }

  /**
   * The block whose rows are exactly these slots, in any order, with room for this many positions. The contents of
   * `fresh` slots are no longer needed. Valid until the next call.
   */
  arrange(slots: readonly number[], fresh: readonly number[], positions: number): Promise<Block> {
    if (positions > this.tokensMax) {
      throw new Error(`Cannot cache ${positions} tokens: there is room for ${this.tokensMax}`);
    }
    return this.#afterOthers(async () => {
      for (const slot of fresh) {
        this.#drop(slot);
        await this.#make(slot);
      }
      const block = await this.#together(slots);
      await this.#widen(block, positions);
      return block;
    });
  }

  copySlot(from: number, to: number): void {
    void this.#afterOthers(async () => {
      this.#drop(to);
      const block = this.#blockOf(from);
      if (!block) return;
      const tensors = await this.#device.takeRows(block.tensors, [block.slots.indexOf(from)]);
      this.#blocks.add({ ...block, slots: [to], tensors });
    }).catch(() => {}); // the slot then has no block, and the next step on it throws
  }

  dispose(): void {
    void this.#afterOthers(async () => {
      for (const block of this.#blocks) this.#dispose(block);
    });
  }

  /** Runs after earlier work, whether that succeeded or failed. */
  #afterOthers<T>(use: () => Promise<T>): Promise<T> {
    const result = this.#last.then(use);
    this.#last = result.catch(() => {});
    return result;
  }

  async #together(slots: readonly number[]): Promise<Block> {
    const first = this.#blockOf(slots[0]!);
    if (first && sameMembers(first.slots, slots)) return first;
    let whole: Block | null = null;
    for (const slot of slots) {
      // The next slots that share a block move together.
      if (whole?.slots.includes(slot)) continue;
      const part = await this.#takeOut(slots, slot);
      whole = whole === null ? part : await this.#join(whole, part);
    }
    return whole!;
  }

  /** Splits off a block with those of `slots` that lie together with `slot`; the block's other slots stay together. */
  async #takeOut(slots: readonly number[], slot: number): Promise<Block> {
    const block = this.#blockOf(slot);
    if (!block) throw new Error(`Cannot read slot ${slot}: it holds nothing`);
    const wanted = block.slots.filter((other) => other !== null && slots.includes(other));
    if (wanted.length === block.slots.length) return block;
    const others = block.slots.filter((other) => other !== null && !slots.includes(other));
    const [taken, left] = [await this.#part(block, wanted), await this.#part(block, others)];
    this.#dispose(block);
    for (const made of [taken, left]) if (made.slots.length > 0) this.#blocks.add(made);
    return taken;
  }

  async #part(block: Block, slots: readonly (number | null)[]): Promise<Block> {
    const rows = slots.map((slot) => block.slots.indexOf(slot));
    const tensors = rows.length === 0 ? [] : await this.#device.takeRows(block.tensors, rows);
    return { slots: [...slots], positions: block.positions, tensors };
  }

  async #join(a: Block, b: Block): Promise<Block> {
    await this.#widen(a, b.positions);
    await this.#widen(b, a.positions);
    const joined = {
      slots: [...a.slots, ...b.slots],
      positions: a.positions,
      tensors: await this.#device.joinRows(a.tensors, b.tensors),
    };
    this.#dispose(a);
    this.#dispose(b);
    this.#blocks.add(joined);
    return joined;
  }

  async #make(slot: number): Promise<void> {
    const { layerCount, kvHeadCount, headSize } = this.#config;
    const dims = [1, kvHeadCount, positionsAtStart, headSize];
    const zeros = new Tensor(
      "float32",
      new Float32Array(kvHeadCount * positionsAtStart * headSize),
      dims,
    );
    const tensors = await this.#device.takeRows(new Array(2 * layerCount).fill(zeros), [0]);
    this.#blocks.add({ slots: [slot], positions: positionsAtStart, tensors });
  }

  async #widen(block: Block, positions: number): Promise<void> {
    while (block.positions < positions) {
      const before = block.tensors;
      block.tensors = await this.#device.doublePositions(before);
      block.positions *= 2;
      for (const tensor of before) tensor.dispose();
    }
  }

  #blockOf(slot: number): Block | undefined {
    return [...this.#blocks].find(({ slots }) => slots.includes(slot));
  }

  #drop(slot: number): void {
    const block = this.#blockOf(slot);
    if (!block) return;
    block.slots[block.slots.indexOf(slot)] = null;
    if (block.slots.every((other) => other === null)) this.#dispose(block);
  }

  #dispose(block: Block): void {
    this.#blocks.delete(block);
    for (const tensor of block.tensors) tensor.dispose();
  }
}

function sameMembers(a: readonly (number | null)[], b: readonly number[]): boolean {
  return a.length === b.length && b.every((slot) => a.includes(slot));
}
