/**
 * The frozen A of every adapter of a model: orthonormal rows, rebuilt from a seed, so files carry B only.
 *
 * Rows are made one after another: an adapter of rank r uses the first r rows of any larger basis, which is
 * how adapters of different ranks share one batch. With orthonormal rows ‖B·A‖ = ‖B‖ (Frobenius).
 */
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import type { LoraGroup } from "./sites.ts";

/** A [rank, in] by group name. */
export type Basis = Map<string, Float32Array<ArrayBuffer>>;

/** Names the basis in adapter files, so that a file is never read against another one. */
export const basisId = "orthonormal-0";

/** Throws when a group is narrower than the rank. */
export function makeBasis(groups: readonly LoraGroup[], rank: number): Basis {
  return new Map(groups.map(({ name, in: width }) => [name, orthonormalRows(name, rank, width)]));
}

/** Gram–Schmidt, twice for accuracy, on normal rows seeded by the group's name. */
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
