/**
 * Reads one layer's weights at a time, or some rows of a matrix, from the checkpoint's file into memory that the next
 * read reuses. The file is in the page cache already, because the serving graphs map it; another mapping for each graph
 * would count every page again as resident.
 */
import { closeSync, openSync } from "node:fs";
import { type InferenceSession, Tensor } from "onnxruntime-node";
import { type ModelConfig, tensorShapes } from "../../checkpoint/checkpoint.ts";
import { readAt } from "../../disk/read-at.ts";

/** Where a tensor's fp32 bytes lie. */
export type Locate = (name: string) => { path: string; byteOffset: number; byteLength: number };

/** Weights that graphs take as inputs, so that one graph serves every layer. */
export interface FedWeights {
  /** The checkpoint's tensor `name` for the graph's input `slot`, valid until that input's next read. */
  read(session: InferenceSession, slot: string, name: string): Tensor | Promise<Tensor>;
  close(): void;
}

/** Feeds with the weights that the graph takes as inputs; `weights` may be null where it takes none. */
export async function withWeights(
  session: InferenceSession,
  feeds: Readonly<Record<string, Tensor>>,
  weights: FedWeights | null,
): Promise<Record<string, Tensor>> {
  const all = { ...feeds };
  for (const name of session.inputNames) {
    if (!(name in feeds)) all[name] = await weights!.read(session, name, name);
  }
  return all;
}

export class LayerWeights implements FedWeights {
  readonly #shapes: Map<string, readonly number[]>;
  readonly #locate: Locate;
  readonly #files = new Map<string, number>();
  /** By the name in the graph: the memory, and the tensor that it holds now. */
  readonly #held = new Map<string, { tensor: Tensor; holds: string | null }>();
  /** Memory of `readRows`. */
  #rows = new Float32Array(0);

  constructor(config: ModelConfig, locate: Locate) {
    this.#shapes = tensorShapes(config);
    this.#locate = locate;
  }

  read(_: InferenceSession, slot: string, name: string): Tensor {
    const shape = this.#shapeOf(name);
    let held = this.#held.get(slot);
    if (!held) {
      const length = shape.reduce((product, size) => product * size, 1);
      held = { tensor: new Tensor("float32", new Float32Array(length), shape), holds: null };
      this.#held.set(slot, held);
    }
    if (held.holds !== name) {
      const { byteLength } = this.#locate(name);
      const data = held.tensor.data as Float32Array;
      if (byteLength !== data.byteLength) {
        throw new Error(`Cannot read ${name}: it has ${byteLength} bytes, not ${data.byteLength}`);
      }
      held.holds = null;
      this.#fill(data, name, 0);
      held.holds = name;
    }
    return held.tensor;
  }

  /** Rows start … start + count − 1 of the matrix `name`, valid until the next call. */
  readRows(name: string, start: number, count: number): Tensor {
    const [, width] = this.#shapeOf(name) as [number, number];
    const length = count * width;
    if (this.#rows.length < length) this.#rows = new Float32Array(length);
    const data = this.#rows.subarray(0, length);
    this.#fill(data, name, start * width);
    return new Tensor("float32", data, [count, width]);
  }

  /** The rows `ids` of the matrix `name`, in memory of their own. */
  gatherRows(name: string, ids: Int32Array): Tensor {
    const [, width] = this.#shapeOf(name) as [number, number];
    const data = new Float32Array(ids.length * width);
    ids.forEach((id, n) => {
      this.#fill(data.subarray(n * width, (n + 1) * width), name, id * width);
    });
    return new Tensor("float32", data, [ids.length, width]);
  }

  close(): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
    this.#held.clear();
    this.#rows = new Float32Array(0);
  }

  #shapeOf(name: string): readonly number[] {
    const shape = this.#shapes.get(name);
    if (!shape) throw new Error(`Cannot read ${name}: the model has no such tensor`);
    return shape;
  }

  /** Fills `data` with the tensor's elements from `start` on. */
  #fill(data: Float32Array, name: string, start: number): void {
    const { path, byteOffset } = this.#locate(name);
    const file = this.#files.get(path) ?? openSync(path, "r");
    this.#files.set(path, file);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const position = byteOffset + start * Float32Array.BYTES_PER_ELEMENT;
    if (readAt(file, bytes, position) < bytes.length) {
      throw new Error(`Cannot read ${name}: ${path} ends before it`);
    }
  }
}
