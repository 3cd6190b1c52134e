/**
 * The frozen A of every adapter of a model: orthonormal rows, rebuilt from a seed, so that files carry only B.
 *
 * Rows are made one after another: an adapter of rank r uses the first r rows of any larger basis, so adapters of
 * different ranks can share one batch. With orthonormal rows ‖B·A‖ = ‖B‖ (Frobenius).
 */
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import type { LoraGroup } from "./sites.ts";

/** A [rank, in] by group name. */
export type Basis = Map<string, Float32Array<ArrayBuffer>>;

/** Identifies the basis in adapter files, so that no file is read with another basis. */
export const basisId = "orthonormal-0";

/** Throws if a group is narrower than the rank. */
export function makeBasis(groups: readonly LoraGroup[], rank: number): Basis {
  return new Map(groups.map(({ name, in: width }) => [name, orthonormalRows(name, rank, width)]));
}

/** Gram–Schmidt, applied twice for accuracy, on normal rows seeded by the group's name. */
function orthonormalRows(group: string, rank: number, width: number): Float32Array<ArrayBuffer> {
  if (rank > width) throw new Error(`Cannot make ${rank} orthonormal rows of length ${width}`);
  const random = seededRandom(`${basisId}/${group}`);
  const rows: Float64Array[] = [];
  while (rows.length < rank) {
    const row = Float64Array.from({ length: width }, () => randomNormal(random));
    for (let pass = 0; pass < 2; pass++) {
      for (const earlier of rows) {
        const overlap = dot(row, earlier);
        for (let i = 0; i < width; i++) row[i] = row[i]! - overlap * earlier[i]!;
      }
      const norm = Math.sqrt(dot(row, row));
      for (let i = 0; i < width; i++) row[i] = row[i]! / norm;
    }
    rows.push(row);
  }
  const flat = new Float32Array(rank * width);
  rows.forEach((row, index) => {
    flat.set(row, index * width);
  });
  return flat;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
