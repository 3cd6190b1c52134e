/** Matrix products, sums and maxima. */
import { expandTo, matmul, reshape, unbroadcast } from "../ir/functions.ts";
import { apply } from "../ir/graph.ts";
import { type Dim, formatType, type Node, type Shape, type Value } from "../ir/types.ts";
import type { EmissionOf, Emitter, ProductsOf } from "./rules.ts";

type Linear = "matmul" | "quantizedMatmul" | "dequantize" | "reduceSum" | "reduceMax";

export const linearEmission: EmissionOf<Linear> = {
  matmul: (node, inputs, outputs, emitter) => {
    if (emitter.target === "webgpu") {
      emitUnfused(node, inputs, outputs, emitter);
      return;
    }
    const { transposeA, transposeB, alpha } = node.attributes;
    if (!transposeA && !transposeB && alpha === 1) {
      emitter.node("MatMul", inputs, {}, { outputs });
      return;
    }
    emitter.node(
      "FusedMatMul",
      inputs,
      { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: alpha } },
      { outputs, domain: "com.microsoft" },
    );
  },
  quantizedMatmul: ({ attributes }, [x, packed, scales, , , ...rest], outputs, emitter) => {
    const zeros = attributes.ownZeros ? rest.shift()! : "";
    const [bias] = rest;
    // Between zeros and bias: the order of activations.
    const optional = bias ? [zeros, "", bias] : zeros ? [zeros] : [];
    emitter.node(
      "MatMulNBits",
      [x!, packed!, scales!, ...optional],
      {
        K: attributes.in,
        N: attributes.out,
        bits: attributes.bits,
        block_size: attributes.blockSize,
        accuracy_level: attributes.accuracyLevel,
      },
      { outputs, domain: "com.microsoft" },
    );
  },
  dequantize: ({ attributes: { blockSize } }, inputs, outputs, emitter) => {
    emitter.node("DequantizeLinear", inputs, { axis: 1, block_size: blockSize }, { outputs });
  },

  reduceSum: ({ attributes: { axes, keepDims } }, [x], outputs, emitter) => {
    emitter.node(
      "ReduceSum",
      [x!, emitter.ints(axes)],
      { keepdims: Number(keepDims) },
      { outputs },
    );
  },

  reduceMax: (_, [x], outputs, emitter) => {
    emitter.node("ReduceMax", [x!, emitter.ints([-1])], { keepdims: 1 }, { outputs });
  },
};

export const linearProducts: ProductsOf<Linear> = {
  matmul: (node, [g], wanted) => {
    const [a, b] = node.inputs as [Value, Value];
    const { transposeA: ta, transposeB: tb, alpha } = node.attributes;
    const da = () =>
      ta
        ? matmul(b, g!, { transposeA: tb, transposeB: true, alpha })
        : matmul(g!, b, { transposeB: !tb, alpha });
    const db = () => {
      // A shared matrix: one product over all rows, instead of one per batch element and a sum.
      if (b.shape.length === 2 && a.shape.length > 2 && !ta) {
        const a2 = flattenRows(a);
        const g2 = flattenRows(g!);
        return tb
          ? matmul(g2, a2, { transposeA: true, alpha })
          : matmul(a2, g2, { transposeA: true, alpha });
      }
      return tb
        ? matmul(g!, a, { transposeA: true, transposeB: ta, alpha })
        : matmul(a, g!, { transposeA: !ta, alpha });
    };
    return [
      wanted[0] ? unbroadcast(da(), a.shape) : null,
      wanted[1] ? unbroadcast(db(), b.shape) : null,
    ];
  },

  // W is frozen: x alone has a cotangent, g·W with W as fp32 for the time of the product.
  quantizedMatmul: ({ inputs, attributes }, [g]) => {
    const [, , scales, integers, zeros, ...others] = inputs;
    const { bits, blockSize } = attributes;
    const dense = apply("dequantize", [integers!, scales!, zeros!], { bits, blockSize });
    return [matmul(g!, dense), null, null, null, null, ...others.map(() => null)];
  },

  dequantize: { none: "quantised weights are frozen" },

  reduceSum: ({ inputs: [x], attributes: { axes } }, [g]) => {
    const kept = x!.shape.map((dim, axis): Dim => (axes.includes(axis) ? 1 : dim));
    return [expandTo(reshape(g!, kept), x!)];
  },

  reduceMax: { none: "sums are taken relative to a maximum, and do not depend on it" },
};

/**
 * A product without FusedMatMul: Gemm if B is one matrix, which reads it transposed as it lies; otherwise MatMul of
 * transposed copies. At most one of the rows' axes may be open, because they are joined and split again.
 */
function emitUnfused(
  { inputs, outputs: [out], attributes }: Node<"matmul">,
  [x, y]: readonly string[],
  outputs: readonly string[],
  emitter: Emitter,
): void {
  const [a, b] = inputs as [Value, Value];
  const { transposeA, transposeB, alpha } = attributes;
  const isFlat = a.shape.length === 2;
  if (b.shape.length === 2 && (isFlat || !transposeA)) {
    const rows = isFlat ? x! : emitter.node("Reshape", [x!, shape([-1, a.shape.at(-1)!])]);
    const gemm = {
      transA: Number(transposeA),
      transB: Number(transposeB),
      alpha: { float: alpha },
    };
    if (isFlat) emitter.node("Gemm", [rows, y!], gemm, { outputs });
    else {
      const product = emitter.node("Gemm", [rows, y!], gemm);
      emitter.node("Reshape", [product, shape(out!.shape)], {}, { outputs });
    }
    return;
  }
  const factors = [turned(x!, a, transposeA), turned(y!, b, transposeB)];
  if (alpha === 1) emitter.node("MatMul", factors, {}, { outputs });
  else {
    const scale = emitter.tensor("f32", [], Float32Array.of(alpha));
    emitter.node("Mul", [emitter.node("MatMul", factors), scale], {}, { outputs });
  }

  function shape(dims: Shape): string {
    const lengths = dims.map((dim) => (typeof dim === "number" ? dim : -1));
    if (lengths.filter((length) => length === -1).length > 1)
      throw new Error(`Cannot emit the product ${formatType(a)} · ${formatType(b)} for webgpu`);
    return emitter.ints(lengths);
  }

  function turned(name: string, value: Value, transposed: boolean): string {
    if (!transposed) return name;
    const perm = value.shape.map((_, axis) => axis);
    perm.push(...perm.splice(-2).reverse());
    return emitter.node("Transpose", [name], { perm });
  }
}

/** [.., C] as [rows, C]. */
function flattenRows(value: Value): Value {
  const dims = value.shape.slice(0, -1);
  const open = dims.filter((dim) => typeof dim === "string");
  const known = dims.reduce<number>(
    (product, dim) => (typeof dim === "number" ? product * dim : product),
    1,
  );
  const rows = open.length === 0 ? known : [...open, ...(known === 1 ? [] : [known])].join("*");
  return reshape(value, [rows, value.shape.at(-1)!]);
}
