/**
 * Weights made from a checkpoint and kept on disk: fp32 copies of other types, and quantised matrices. They are made a
 * few megabytes at a time, so memory does not grow with the model. It knows files, not graphs.
 *
 * A file appears under its name only when it is complete and on the disk. A crash leaves a part, which the next start
 * removes and makes again.
 */
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { type Checkpoint, type TensorLocation, tensorShapes } from "../../checkpoint/checkpoint.ts";
import { openSafetensors, type TensorFile } from "../../checkpoint/safetensors.ts";
import type { IntegerMatrix } from "../../checkpoint/saved-integers.ts";
import { planSafetensors, type TensorSpec } from "../../checkpoint/write-safetensors.ts";
import {
  denseNames,
  type JointMatrix,
  jointMatrices,
  middle,
  type QuantizedMatrix,
  quantizeMatrix,
} from "../../compiler/decoder/quantize.ts";
import { quantizedParts } from "../../compiler/decoder/weights.ts";
import { cacheDirectory } from "../../disk/cache-directory.ts";
import { onDisk } from "../../disk/disk-errors.ts";
import { isLeft, owner } from "../../disk/parts.ts";
import { release } from "../../release.ts";

/** Elements converted at once: 4 MiB of fp32. */
const chunkElements = 1_048_576;

/** The content of a kept file, and how it is made. */
interface Conversion {
  tensors: TensorSpec[];
  /** Writes every tensor, in pieces of any order. */
  make(write: WritePiece): void;
}

/** Writes values at a byte offset inside a tensor and frees their memory: they must not be used afterwards. */
type WritePiece = (name: string, byteOffset: number, values: Piece) => void;

/** All of a buffer's numbers. */
type Piece = Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** fp32 copies of all weights that graphs read in fp32. */
export function convertedFloat32(checkpoint: Checkpoint): (name: string) => TensorLocation {
  const all = tensorShapes(checkpoint.config);
  const shapes = new Map(denseNames(checkpoint.config).map((name) => [name, all.get(name)!]));
  return keptFile(checkpoint, "float32-1", {
    tensors: [...shapes].map(([name, shape]) => ({ name, dtype: "F32", shape })),
    make(write) {
      for (const [name, shape] of shapes) {
        const length = shape.reduce((product, size) => product * size, 1);
        for (let start = 0; start < length; start += chunkElements) {
          const count = Math.min(chunkElements, length - start);
          write(name, 4 * start, checkpoint.tensor(name, { start, count }));
        }
      }
    },
  });
}

/** Quantised copies of the matrices that can be quantised. Weights saved as integers keep those. */
export function convertedIntegers(
  checkpoint: Checkpoint,
  bits: 8 | 4,
): (name: string) => TensorLocation {
  const matrices = jointMatrices(checkpoint.config);
  const { packed, scales, zeros } = quantizedParts;
  return keptFile(checkpoint, `int${bits}-2`, {
    tensors: matrices.flatMap(({ name, out, in: width, blockSize }): TensorSpec[] => {
      const blocks = width / blockSize;
      const blockBytes = (blockSize * bits) / 8;
      const zeroBytes = Math.ceil((out * blocks * bits) / 8);
      return [
        { name: name + packed, dtype: "U8", shape: [out, blocks, blockBytes] },
        { name: name + scales, dtype: "F32", shape: [out, blocks] },
        { name: name + zeros, dtype: "U8", shape: [zeroBytes] },
      ];
    }),
    make(write) {
      if (checkpoint.config.integers !== null) return writeSaved(checkpoint, matrices, write);
      const zero = middle(bits);
      const zeroByte = bits === 8 ? zero : zero | (zero << 4);
      for (const { name, parts, out, in: width, blockSize } of matrices) {
        const blocks = width / blockSize;
        const rowsAtOnce = Math.max(1, Math.floor(chunkElements / width));
        let above = 0;
        for (const part of parts) {
          for (let row = 0; row < part.out; row += rowsAtOnce) {
            const rows = Math.min(rowsAtOnce, part.out - row);
            const span = { start: row * width, count: rows * width };
            const weights = checkpoint.tensor(part.name, span);
            const made = quantizeMatrix(weights, width, bits);
            release(weights);
            write(name + packed, ((above + row) * width * bits) / 8, made.packed);
            write(name + scales, 4 * (above + row) * blocks, made.scales);
          }
          above += part.out;
        }
        const zeroBytes = Math.ceil((out * blocks * bits) / 8);
        write(name + zeros, 0, new Uint8Array(zeroBytes).fill(zeroByte));
      }
    },
  });
}

/** One matrix at a time, in the engine's blocks. */
function writeSaved(
  checkpoint: Checkpoint,
  matrices: readonly JointMatrix[],
  write: WritePiece,
): void {
  const { packed, scales, zeros } = quantizedParts;
  for (const { name, parts, in: width, blockSize } of matrices) {
    let above = 0;
    for (const part of parts) {
      const matrix = checkpoint.integers(part.name);
      const made = rowsInBlocks(matrix, blockSize);
      const blocks = above * (width / blockSize);
      write(name + packed, (above * width * matrix.bits) / 8, made.packed);
      write(name + scales, 4 * blocks, made.scales);
      write(name + zeros, (blocks * matrix.bits) / 8, made.zeros);
      above += part.out;
    }
  }
}

/** Locations in a kept file, which is made unless a complete one exists. */
function keptFile(
  checkpoint: Checkpoint,
  kind: string,
  conversion: Conversion,
): (name: string) => TensorLocation {
  const folder = join(cacheDirectory(), checkpoint.digest);
  const path = join(folder, `${kind}.safetensors`);
  const file = openKept(path) ?? make(folder, path, conversion);
  return (name) => ({ path, ...file.info(name) });
}

function openKept(path: string): TensorFile | null {
  try {
    return openSafetensors(path);
  } catch {
    return null;
  }
}

function make(folder: string, path: string, conversion: Conversion): TensorFile {
  return onDisk(`keep converted weights in "${folder}"`, () => {
    mkdirSync(folder, { recursive: true });
    removeLeftParts(folder);
    const part = `${path}.${owner}.part`;
    try {
      writeFile(part, conversion);
      renameSync(part, path);
    } catch (error) {
      rmSync(part, { force: true });
      throw error;
    }
    return openSafetensors(path);
  });
}

function removeLeftParts(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name.endsWith(".part") && isLeft(path)) rmSync(path, { force: true });
  }
}

function writeFile(path: string, { tensors, make }: Conversion): void {
  const { header, size, offsetOf } = planSafetensors(tensors);
  const descriptor = openSync(path, "w");
  const writeAt = (bytes: Uint8Array, at: number) => {
    for (let done = 0; done < bytes.length; )
      done += writeSync(descriptor, bytes, done, bytes.length - done, at + done);
  };
  try {
    ftruncateSync(descriptor, size);
    writeAt(header, 0);
    make((name, byteOffset, { buffer }) => {
      writeAt(new Uint8Array(buffer), offsetOf(name) + byteOffset);
      release(buffer);
    });
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * A checkpoint's own integers in the kernels' blocks: a group's scale and zero, repeated for each block. Zeros are
 * packed as weights are: 4-bit ones two a byte.
 */
function rowsInBlocks(
  { out, in: width, bits, groupSize, ...matrix }: IntegerMatrix,
  blockSize: number,
): QuantizedMatrix & { zeros: Uint8Array<ArrayBuffer> } {
  const blocks = width / blockSize;
  const groups = Math.ceil(width / groupSize);
  const scales = new Float32Array(out * blocks);
  const zeros = new Uint8Array((out * blocks * bits) / 8);
  for (let at = 0; at < scales.length; at++) {
    const row = Math.floor(at / blocks);
    const group = row * groups + Math.floor(((at - row * blocks) * blockSize) / groupSize);
    scales[at] = matrix.scales[group]!;
    if (bits === 8) zeros[at] = matrix.zeros[group]!;
    else zeros[at >> 1]! |= matrix.zeros[group]! << (4 * (at & 1));
  }
  return { packed: matrix.packed, scales, zeros };
}
