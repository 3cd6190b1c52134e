/** Checkpoint weights as graph values, each made once; linears in fp32 or quantised. */

import type { ModelConfig } from "../../checkpoint/checkpoint.ts";
import { concat, input, matmul, reshape, transpose, weight } from "../ir/functions.ts";
import { apply } from "../ir/graph.ts";
import type { DType, Value } from "../ir/types.ts";
import type { DecoderParts, Linear } from "./decoder.ts";
import { jointBlockSize, jointName, matrixBlockSize, type Quantization } from "./quantize.ts";

/**
 * Suffixes of a quantised matrix's tensors. Integers and packed weights are the same bytes; so are zeros and packed
 * zeros.
 */
export const quantizedParts = {
  packed: "#packed",
  integers: "#integers",
  scales: "#scales",
  zeros: "#zeros",
  packedZeros: "#packedZeros",
};

/**
 * The parts of a decoder that read weights. With `manyRows` an fp32 product is W·xᵀ, transposed back: for one token of
 * many rows the runtime then reads W as it lies, where x·Wᵀ packs it anew at every step.
 */
export function weightReader(
  config: ModelConfig,
  quantization: Quantization | null,
  { manyRows = false } = {},
) {
  const made = new Map<string, Value>();
  const once = (name: string, shape: number[], dtype: DType = "f32") => {
    const value = made.get(name) ?? weight(name, { dtype, shape });
    made.set(name, value);
    return value;
  };
  const multiplied = (
    x: Value,
    name: string,
    [out, width]: readonly [number, number],
    blockSize: number | null,
    bias: Value | null,
  ): Value | null => {
    if (!quantization || !blockSize) return null;
    const { bits, accuracyLevel } = quantization;
    const blocks = width / blockSize;
    const integers: DType = bits === 4 ? "u4" : "u8";
    const ownZeros = config.integers !== null;
    return apply(
      "quantizedMatmul",
      [
        x,
        once(name + quantizedParts.packed, [out, blocks, (blockSize * bits) / 8], "u8"),
        once(name + quantizedParts.scales, [out, blocks]),
        once(name + quantizedParts.integers, [out, width], integers),
        once(name + quantizedParts.zeros, [out, blocks], integers),
        ...(ownZeros
          ? [once(name + quantizedParts.packedZeros, [out, (blocks * bits) / 8], "u8")]
          : []),
        ...(bias ? [bias] : []),
      ],
      { bits, blockSize, in: width, out, accuracyLevel, ownZeros },
    );
  };
  const product = (x: Value, matrix: Value): Value => {
    // Beside integers the runtime packs the right-hand matrix, one copy for each graph: a large cost for a head of
    // floats.
    const isOneToken = x.shape.length === 3 && x.shape[1] === 1;
    const turns = manyRows || (config.integers !== null && isOneToken);
    if (!turns) return matmul(x, matrix, { transposeB: true });
    const [out, width] = matrix.shape as [number, number];
    const rows = reshape(x, [x.shape[0]!, width]);
    const turned = transpose(matmul(matrix, rows, { transposeB: true }), [1, 0]);
    return reshape(turned, [x.shape[0]!, 1, out]);
  };
  return {
    weight: (name: string, shape: number[]) => once(name, shape),
    linear(x: Value, name: string, shape: [number, number]): Value {
      const blockSize = matrixBlockSize(config, name, shape[1]);
      return multiplied(x, name, shape, blockSize, null) ?? product(x, once(name, shape));
    },
    joined(x: Value, linears: readonly Linear[]): Value | null {
      const width = linears[0]!.in;
      const names = linears.map(({ module }) => `${module}.weight`);
      const blockSize = jointBlockSize(config, names, width);
      if (!quantization || !blockSize) return null;
      const out = linears.reduce((sum, linear) => sum + linear.out, 0);
      const bias = linears[0]!.bias
        ? concat(
            linears.map((linear) => once(`${linear.module}.bias`, [linear.out])),
            0,
          )
        : null;
      return multiplied(x, jointName(names), [out, width], blockSize, bias);
    },
  };
}

/** Weights as inputs under their checkpoint names: one graph serves every layer of the same shapes. */
export function fedWeights(): Pick<DecoderParts, "weight" | "linear"> {
  const made = new Map<string, Value>();
  const weight = (name: string, shape: number[]) => {
    const value = made.get(name) ?? input(name, { dtype: "f32", shape });
    made.set(name, value);
    return value;
  };
  return {
    weight,
    linear: (x, name, shape) => matmul(x, weight(name, shape), { transposeB: true }),
  };
}
