/** Hidden states of rows: where they stay between forward and backward, and how rows are packed and unpacked. */
import { Tensor } from "onnxruntime-node";
import { release } from "../../../release.ts";

/** One row's hidden states: the inputs of all blocks and the last output, or only the newest of them. */
export class States {
  readonly #all: Float32Array<ArrayBuffer>;
  readonly #size: number;

  constructor(length: number, width: number, count: number) {
    this.#size = length * width;
    this.#all = new Float32Array(count * this.#size);
  }

  /** [length, C]. If only one state is kept, every index means that one. */
  at(index: number): Float32Array {
    const from = Math.min(index * this.#size, this.#all.length - this.#size);
    return this.#all.subarray(from, from + this.#size);
  }

  get last(): Float32Array {
    return this.at(Number.MAX_SAFE_INTEGER);
  }

  release(): void {
    release(this.#all);
  }
}

/** Packs rows [length, C] as one [R, T, C], zero beyond each row's end. */
export function pack(rows: readonly Float32Array[], T: number, C: number): Tensor {
  const packed = new Float32Array(rows.length * T * C);
  rows.forEach((row, index) => {
    packed.set(row, index * T * C);
  });
  return new Tensor("float32", packed, [rows.length, T, C]);
}

/** Copies each row of a result [R, T, C] to its place and frees the result. */
export function unpack(result: Tensor, places: readonly Float32Array[]): void {
  const data = result.data as Float32Array;
  const length = data.length / places.length;
  places.forEach((place, index) => {
    place.set(data.subarray(index * length, index * length + place.length));
  });
  release(result);
}
