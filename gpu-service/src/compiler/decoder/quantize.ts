/**
 * Weight-only quantisation. Blocks of a linear layer's input share a scale; weights are unsigned 8- or 4-bit integers
 * around a fixed middle, or around each block's own zero if the checkpoint was saved that way. The layout is that of
 * onnxruntime's MatMulNBits; activations stay fp32.
 */
import { type ModelConfig, tensorShapes } from "../../checkpoint/checkpoint.ts";
import { loraSites } from "../../lora/sites.ts";

export interface Quantization {
  bits: 8 | 4;
  /** Precision of the products: 4 rounds activations to 8 bits, 0 keeps fp32. */
  accuracyLevel: 4 | 0;
}

/** One quantised matrix [out, in], row-major. */
export interface QuantizedMatrix {
  /** Weights as integers, 4-bit ones two a byte, the first in the low half. */
  packed: Uint8Array<ArrayBuffer>;
  /** [out, in / blockSize] fp32. */
  scales: Float32Array<ArrayBuffer>;
}

/** Larger blocks run faster on CPUs. They are tried in this order until one divides the rows. */
const blockSizes = [128, 64, 32] as const;

/** Weights that share a scale in rows of this length; null if no block fits, and the matrix stays fp32. */
function blockSizeOf(rowLength: number): number | null {
  return blockSizes.find((size) => rowLength % size === 0) ?? null;
}

/** The smallest that the kernels take. */
const savedBlockSizes = [...blockSizes, 16] as const;

/**
 * Weights of a matrix that share a scale; null for a matrix in fp32. In a checkpoint saved as integers exactly its
 * integer matrices are quantised: a block lies within a group, and a row's zeros fill whole bytes.
 */
export function matrixBlockSize(
  { integers }: ModelConfig,
  name: string,
  rowLength: number,
): number | null {
  if (integers === null) return blockSizeOf(rowLength);
  if (!integers.matrices.has(name)) return null;
  const { bits, groupSize } = integers;
  const fits = (size: number) =>
    (groupSize ?? rowLength) % size === 0 &&
    rowLength % size === 0 &&
    ((rowLength / size) * bits) % 8 === 0;
  return savedBlockSizes.find(fits) ?? null;
}

/** Block size of several matrices read as one; null if they do not fit together. */
export function jointBlockSize(
  config: ModelConfig,
  names: readonly string[],
  rowLength: number,
): number | null {
  const [first, ...others] = names.map((name) => matrixBlockSize(config, name, rowLength));
  return others.every((size) => size === first) ? (first ?? null) : null;
}

/** Matrices to quantise: every linear of the blocks and the output head, where blocks fit. */
export function quantizedWeights(
  config: ModelConfig,
): Map<string, { out: number; in: number; blockSize: number }> {
  const head = config.tiedEmbeddings ? "model.embed_tokens" : "lm_head";
  const linears = [
    ...loraSites(config),
    { module: head, out: config.vocabSize, in: config.hiddenSize },
  ];
  return new Map(
    linears.flatMap(({ module, out, in: width }) => {
      const blockSize = matrixBlockSize(config, `${module}.weight`, width);
      return blockSize === null ? [] : [[`${module}.weight`, { out, in: width, blockSize }]];
    }),
  );
}

/** Tensors that graphs read in fp32: all except those saved and served as integers. */
export function denseNames(config: ModelConfig): string[] {
  const integers = config.integers === null ? new Map() : quantizedWeights(config);
  return [...tensorShapes(config).keys()].filter((name) => !integers.has(name));
}

/** A quantised matrix as stored: one of the checkpoint, or several that read the same x, one below the other. */
export interface JointMatrix {
  name: string;
  /** The checkpoint's matrices in order. */
  parts: { name: string; out: number }[];
  out: number;
  in: number;
  blockSize: number;
}

/** Every quantised matrix of the checkpoint; matrices that read the same x are joined if all are quantised. */
export function jointMatrices(config: ModelConfig): JointMatrix[] {
  const sites = loraSites(config);
  const groupOf = new Map(
    sites.flatMap(({ module, group, in: width }) => {
      const names = sites
        .filter((site) => site.group === group)
        .map((site) => `${site.module}.weight`);
      return jointBlockSize(config, names, width) === null ? [] : [[`${module}.weight`, group]];
    }),
  );
  const joints = new Map<string, JointMatrix>();
  for (const [name, { out, ...shape }] of quantizedWeights(config)) {
    const key = groupOf.get(name) ?? name;
    const joint = joints.get(key) ?? { name: "", parts: [], out: 0, ...shape };
    joint.parts.push({ name, out });
    joint.name = jointName(joint.parts.map((part) => part.name));
    joint.out += out;
    joints.set(key, joint);
  }
  return [...joints.values()];
}

export function jointName(weights: readonly string[]): string {
  return weights.join("+");
}

/** The integer that stands for zero. */
export function middle(bits: 8 | 4): number {
  return bits === 8 ? 128 : 8;
}

/**
 * Rounds to the nearest integer step. A block's scale lets its largest weight reach the longer side of the range
 * exactly (−128 or −8), whatever its sign.
 */
export function quantizeMatrix(
  weights: Float32Array,
  rowLength: number,
  bits: 8 | 4,
): QuantizedMatrix {
  const blockSize = blockSizeOf(rowLength);
  if (blockSize === null) throw new Error(`Cannot quantise rows of ${rowLength}`);
  const zero = middle(bits);
  const top = 2 * zero - 1;
  const scales = new Float32Array(weights.length / blockSize);
  const packed = new Uint8Array((weights.length * bits) / 8);
  for (let block = 0; block < scales.length; block++) {
    const first = block * blockSize;
    let extreme = 0;
    for (let i = first; i < first + blockSize; i++) {
      if (Math.abs(weights[i]!) > Math.abs(extreme)) extreme = weights[i]!;
    }
    const scale = extreme === 0 ? 0 : Math.fround(extreme / -zero);
    scales[block] = scale;
    for (let i = first; i < first + blockSize; i++) {
      const steps = scale === 0 ? 0 : Math.round(weights[i]! / scale);
      const value = Math.min(top, Math.max(0, steps + zero));
      if (bits === 8) packed[i] = value;
      else packed[i >> 1] = packed[i >> 1]! | (value << (4 * (i & 1)));
    }
  }
  return { packed, scales };
}
