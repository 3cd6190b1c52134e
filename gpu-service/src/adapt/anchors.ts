/**
 * Protects a model's base skills in every update, at no cost per session: a metric made once.
 *
 * Rows Jₐ are gradients ∂S/∂B at B = 0 of replies that the model gives a little unsurely. The checkpoint ships such
 * replies, or the model's own samples serve. The update measures its step by dᵀ(I + Jₐᵀ Jₐ / c)d instead of ‖d‖², so
 * steps along these rows are expensive. The inverse metric is P = I − Jₐᵀ(cI + JₐJₐᵀ)⁻¹Jₐ = I − UᵀU, and U keeps only
 * the strongest directions.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { RosaError } from "@rosa2/shared/errors";
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { openSafetensors } from "../checkpoint/safetensors.ts";
import { toFloat16 } from "../checkpoint/tensor-types.ts";
import { encodeSafetensors } from "../checkpoint/write-safetensors.ts";
import { input, matmul } from "../compiler/ir/functions.ts";
import { encodeOnnx } from "../compiler/onnx.ts";
import type { LanguageModel, Slices } from "../language-model.ts";
import { basisId } from "../lora/basis.ts";
import { release } from "../release.ts";
import type { Sample } from "./probes.ts";
import { gramMatrix, type Metric } from "./solver.ts";

export interface Anchors extends Metric {
  /** Adapters of another rank are not protected. */
  rank: number;
}

export const anchorsFile = "anchors.safetensors";
const format = "rosa2-anchors-1";

/**
 * U [directions, D] from rows Jₐ [count, D]: with JₐJₐᵀ = VΛVᵀ, row i is (c + λᵢ)^(−½)·vᵢᵀJₐ. Its squared length λ/(c +
 * λ) is the share of a step along it that is removed.
 */
export function strongestDirections(
  Ja: Float32Array,
  count: number,
  { directions, c }: { directions: number; c: number },
): Float32Array<ArrayBuffer> {
  const D = Ja.length / count;
  const gram = Matrix.from1DArray(count, count, gramMatrix(Ja, count, D));
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(gram, {
    assumeSymmetric: true,
  });
  const strongest = realEigenvalues
    .map((value, index) => ({ value, index }))
    .sort((a, b) => b.value - a.value)
    .slice(0, directions);
  const U = new Float32Array(directions * D);
  strongest.forEach(({ value, index }, direction) => {
    const scale = 1 / Math.sqrt(c + value);
    const row = U.subarray(direction * D, (direction + 1) * D);
    for (let i = 0; i < count; i++) {
      const factor = scale * eigenvectorMatrix.get(i, index);
      for (let k = 0; k < D; k++) row[k] = row[k]! + factor * Ja[i * D + k]!;
    }
  });
  return U;
}

/** The anchors' file beside the checkpoint's weights; fp16. */
export function encodeAnchors(
  U: Float32Array,
  { directions, rank, model }: { directions: number; rank: number; model: string },
): Uint8Array {
  const half = toFloat16(U);
  return encodeSafetensors(
    [
      {
        name: "U",
        dtype: "F16",
        shape: [directions, U.length / directions],
        data: new Uint8Array(half.buffer, half.byteOffset, half.byteLength),
      },
    ],
    { format, model, basis: basisId, rank: String(rank) },
  );
}

/**
 * The anchors of a checkpoint directory, or null where it ships none. Throws `checkpoint_invalid` when they
 * were made for other weights or another basis.
 */
export async function loadAnchors(
  directory: string,
  model: { digest: string; adapterLength(rank: number): number },
  threads?: number,
): Promise<Anchors | null> {
  const path = join(directory, anchorsFile);
  if (!existsSync(path)) return null;
  const file = openSafetensors(path);
  const rank = Number(file.metadata.rank);
  const expected = { format, model: model.digest, basis: basisId };
  for (const [key, value] of Object.entries(expected)) {
    if (file.metadata[key] !== value) {
      throw invalid(`its ${key} is ${file.metadata[key]}, expected ${value}`);
    }
  }
  const [directions, D] = file.info("U").shape as [number, number];
  if (D !== model.adapterLength(rank)) throw invalid(`its rows have ${D} numbers`);
  return { rank, ...(await anchorMetric(file.readFloat32("U"), directions, D, threads)) };
}

/** P = I − UᵀU. J·Uᵀ is a graph: too much arithmetic for plain loops. */
export async function anchorMetric(
  U: Float32Array,
  directions: number,
  D: number,
  threads?: number,
): Promise<Metric> {
  const rows = input("J", { dtype: "f32", shape: ["M", D] });
  const strongest = input("U", { dtype: "f32", shape: [directions, D] });
  const K = matmul(rows, strongest, { transposeB: true });
  const session = await InferenceSession.create(encodeOnnx({ K }), {
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    logSeverityLevel: 3,
  });
  const fixed = new Tensor("float32", U, [directions, D]);
  return {
    async along(J, M) {
      const result = await session.run({ J: new Tensor("float32", J, [M, D]), U: fixed });
      return result.K!.data as Float32Array;
    },
    subtract(step, weights) {
      weights.forEach((weight, direction) => {
        const row = U.subarray(direction * D, (direction + 1) * D);
        for (let i = 0; i < D; i++) step[i]! -= weight * row[i]!;
      });
    },
  };
}

export interface OwnAnchorsOptions {
  rank: number;
  /** Samples whose gradients are taken: those with the most doubt. `directions` of them are kept. */
  countMax: number;
  directionsMax: number;
  /** Bytes for the gradients. If fewer than `countMin` fit, there are no anchors. */
  bytesMax: number;
  countMin: number;
  /** Gradients are taken for this long (ms). */
  msMax: number;
}

/** c for the model's own samples, the same as for the bundled model's anchors. */
const ownPrice = 1;
/** Samples of one pass. */
const passRows = 4;

/** U of the model's own samples, in slices; null where they are too few or their gradients too large. */
export async function* ownDirections(
  model: Pick<LanguageModel, "passRows"> & { adapterLength(rank: number): number },
  samples: readonly Sample[],
  { rank, countMax, directionsMax, bytesMax, countMin, msMax }: OwnAnchorsOptions,
  progress: (done: number, of: number) => void = () => {},
): Slices<{ U: Float32Array; directions: number } | null> {
  const D = model.adapterLength(rank);
  const room = Math.floor(bytesMax / (D * Float32Array.BYTES_PER_ELEMENT));
  const rows = [...samples].sort((a, b) => b.doubt - a.doubt).slice(0, Math.min(countMax, room));
  if (rows.length < countMin) return null;
  const endsAt = performance.now() + msMax;
  const base = { digest: "", rank, B: new Float32Array(D) };
  const Ja = new Float32Array(rows.length * D);
  let done = 0;
  while (done < rows.length && (done < countMin || performance.now() < endsAt)) {
    const some = rows.slice(done, done + passRows);
    const from = done;
    yield* model.passRows(some, base, (row) => ({
      into: Ja.subarray((from + row) * D, (from + row + 1) * D),
    }));
    done += some.length;
    if (done < rows.length) progress(done, rows.length);
  }
  progress(done, done);
  const directions = Math.min(directionsMax, done);
  const U = strongestDirections(Ja.subarray(0, done * D), done, { directions, c: ownPrice });
  release(Ja);
  return { U, directions };
}

function invalid(reason: string): RosaError {
  return new RosaError("checkpoint_invalid", `Cannot use ${anchorsFile}: ${reason}`);
}
