/** Hidden states of rows: where they stay between forward and backward, and how rows are packed and unpacked. */
import { Tensor } from "onnxruntime-node";
import { joined } from "../../../joined.ts";
import { release } from "../../../release.ts";

/** Hidden states of some rows, one behind the other: the inputs of all blocks and the last output, or only the newest. */
export class States {
  readonly #all: Float32Array<ArrayBuffer>;
  readonly #width: number;
  /** The position at which each row begins, and the end of the last. */
  readonly #starts: number[] = [0];

  constructor(lengths: readonly number[], width: number, count: number) {
    for (const length of lengths) this.#starts.push(this.positions + length);
    this.#width = width;
    this.#all = new Float32Array(count * this.positions * width);
  }

  /** Positions of all rows together. */
  get positions(): number {
    return this.#starts.at(-1)!;
  }

  /** [length, C] of one row. If only one state is kept, every index means that one. */
  at(index: number, row: number): Float32Array {
    return this.between(index, this.#starts[row]!, this.#starts[row + 1]!);
  }

  /** [to − from, C] at the positions from `from` up to `to`. */
  between(index: number, from: number, to: number): Float32Array {
    const size = this.positions * this.#width;
    const first = Math.min(index * size, this.#all.length - size);
    return this.#all.subarray(first + from * this.#width, first + to * this.#width);
  }

  /** [length, C] of one row after the last block. */
  last(row: number): Float32Array {
    return this.at(Number.MAX_SAFE_INTEGER, row);
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

/** Parts [n, C] of rows one behind the other as [1, N, C], without padding. A single part is not copied. */
export function join(parts: readonly Float32Array[], C: number): Tensor {
  const all = parts.length === 1 ? parts[0]! : joined(parts);
  return new Tensor("float32", all, [1, all.length / C, C]);
}

/** Copies a result [1, N, C] to the parts that it was joined from, and frees it. */
export function split(result: Tensor, parts: readonly Float32Array[]): void {
  const data = result.data as Float32Array;
  let from = 0;
  for (const place of parts) {
    place.set(data.subarray(from, from + place.length));
    from += place.length;
  }
  release(result);
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

/** Weighs each token's pull on a state [T, C], in place: the head's cotangents are independent of each other. */
export function weighTokens(cotangent_TC: Float32Array, weights_T: Float32Array): void {
  const C = cotangent_TC.length / weights_T.length;
  for (let i = 0; i < cotangent_TC.length; i++) {
    cotangent_TC[i] = cotangent_TC[i]! * weights_T[Math.floor(i / C)]!;
  }
}
