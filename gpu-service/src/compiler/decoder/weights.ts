/** Checkpoint weights as graph values, each made once; linears in fp32 or quantised. */

import { concat, input, matmul, reshape, transpose, weight } from "../ir/functions.ts";
import { apply } from "../ir/graph.ts";
import type { DType, Value } from "../ir/types.ts";
import type { DecoderParts, Linear } from "./decoder.ts";
import { blockSizeOf, jointName, type Quantization } from "./quantize.ts";

/** Suffixes of a quantised matrix's tensors. Integers and packed weights are the same bytes. */
export const quantizedParts = {
  packed: "#packed",
  integers: "#integers",
  scales: "#scales",
  zeros: "#zeros",
};

/**
 * The parts of a decoder that read weights. With `manyRows` a product of fp32 is W·xᵀ, turned back: for one token of
 * many rows the runtime then reads W as it lies, where x·Wᵀ packs it anew with every step.
 */
export function weightReader(quantization: Quantization | null, { manyRows = false } = {}) {
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
    bias: Value | null,
  ): Value | null => {
    const blockSize = quantization && blockSizeOf(width);
    if (!quantization || !blockSize) return null;
    const { bits, accuracyLevel } = quantization;
    const blocks = width / blockSize;
    const integers: DType = bits === 4 ? "u4" : "u8";
    return apply(
      "quantizedMatmul",
      [
        x,
        once(name + quantizedParts.packed, [out, blocks, (blockSize * bits) / 8], "u8"),
        once(name + quantizedParts.scales, [out, blocks]),
        once(name + quantizedParts.integers, [out, width], integers),
        once(name + quantizedParts.zeros, [out, blocks], integers),
        ...(bias ? [bias] : []),
      ],
      { bits, blockSize, in: width, out, accuracyLevel },
    );
  };
  const product = (x: Value, matrix: Value): Value => {
    if (!manyRows) return matmul(x, matrix, { transposeB: true });
    const [out, width] = matrix.shape as [number, number];
    const rows = reshape(x, [x.shape[0]!, width]);
    const turned = transpose(matmul(matrix, rows, { transposeB: true }), [1, 0]);
    return reshape(turned, [x.shape[0]!, 1, out]);
  };
  return {
    weight: (name: string, shape: number[]) => once(name, shape),
    linear(x: Value, name: string, shape: [number, number]): Value {
      return multiplied(x, name, shape, null) ?? product(x, once(name, shape));
    },
    joined(x: Value, linears: readonly Linear[]): Value | null {
      if (!quantization) return null;
      const name = jointName(linears.map(({ module }) => `${module}.weight`));
      const out = linears.reduce((sum, linear) => sum + linear.out, 0);
      const bias = linears[0]!.bias
        ? concat(
            linears.map((linear) => once(`${linear.module}.bias`, [linear.out])),
            0,
          )
        : null;
      return multiplied(x, name, [out, linears[0]!.in], bias);
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
