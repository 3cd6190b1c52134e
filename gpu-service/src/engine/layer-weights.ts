/**
 * One layer's weights at a time, read from the checkpoint's file into memory that every layer reuses. The file
 * is in the page cache already, because the generation graphs map it; mapping it once more for each graph
 * would count every page again as resident.
 */
import { closeSync, openSync } from "node:fs";
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { type ModelConfig, tensorShapes } from "../compiler/checkpoint.ts";
import { readAt } from "../compiler/read-at.ts";

/** Where a tensor's fp32 bytes lie. */
export type Locate = (name: string) => { path: string; byteOffset: number; byteLength: number };

export class LayerWeights {
  readonly #shapes: Map<string, readonly number[]>;
  readonly #locate: Locate;
  readonly #files = new Map<string, number>();
  /** By the name in the graph: the memory, and which tensor it holds now. */
  readonly #held = new Map<string, { tensor: Tensor; holds: string | null }>();

  constructor(config: ModelConfig, locate: Locate) {
    this.#shapes = tensorShapes(config);
    this.#locate = locate;
  }

  /** The checkpoint's tensor `name` in the memory of the graph's input `slot`, valid until its next read. */
  read(_: InferenceSession, slot: string, name: string): Tensor {
    const shape = this.#shapes.get(name);
    if (!shape) throw new Error(`Cannot read ${name}: the model has no such tensor`);
    let held = this.#held.get(slot);
    if (!held) {
      const length = shape.reduce((product, size) => product * size, 1);
      held = { tensor: new Tensor("float32", new Float32Array(length), shape), holds: null };
      this.#held.set(slot, held);
    }
    if (held.holds !== name) {
      held.holds = null;
      this.#fill(held.tensor.data as Float32Array, name);
      held.holds = name;
    }
    return held.tensor;
  }

  close(): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
    this.#held.clear();
  }

  #fill(data: Float32Array, name: string): void {
    const { path, byteOffset, byteLength } = this.#locate(name);
    const file = this.#files.get(path) ?? openSync(path, "r");
    this.#files.set(path, file);
    if (byteLength !== data.byteLength) {
      throw new Error(`Cannot read ${name}: it has ${byteLength} bytes, not ${data.byteLength}`);
    }
    const bytes = new Uint8Array(data.buffer, data.byteOffset, byteLength);
    if (readAt(file, bytes, byteOffset) < byteLength) {
      throw new Error(`Cannot read ${name}: ${path} ends before it`);
    }
  }
}
