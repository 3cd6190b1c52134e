/** The primitives as functions over values, and a few common combinations. */

import type { Attributes } from "../ir/types.ts";
import { apply, applyAll } from "./graph.ts";
import { type Dim, formatType, type Shape, sameShape, type Type, type Value } from "./types.ts";

export function input(name: string, type: Type): Value {
  return apply("input", [], { name, type });
}

export function weight(name: string, type: Type): Value {
  return apply("weight", [], { name, type });
}

export function constant(shape: number[], data: Float32Array): Value {
  return apply("constant", [], { type: { dtype: "f32", shape }, data });
}

export function scalar(value: number): Value {
  return constant([], new Float32Array([value]));
}

export const add = (a: Value, b: Value) => apply("add", [a, b], {});
export const subtract = (a: Value, b: Value) => apply("subtract", [a, b], {});
export const multiply = (a: Value, b: Value) => apply("multiply", [a, b], {});
export const divide = (a: Value, b: Value) => apply("divide", [a, b], {});
export const negate = (x: Value) => apply("negate", [x], {});
export const exp = (x: Value) => apply("exp", [x], {});
export const sqrt = (x: Value) => apply("sqrt", [x], {});
export const sigmoid = (x: Value) => apply("sigmoid", [x], {});
export const tanh = (x: Value) => apply("tanh", [x], {});
export const silu = (x: Value) => apply("silu", [x], {});
export const gelu = (x: Value) => apply("gelu", [x], {});

/** cap·tanh(x/cap): close to x near 0, never beyond ±cap; x itself without a cap. */
export function softcap(x: Value, cap: number | null): Value {
  return cap === null ? x : multiply(tanh(multiply(x, scalar(1 / cap))), scalar(cap));
}

export function matmul(a: Value, b: Value, options: Partial<Attributes["matmul"]> = {}): Value {
  const { transposeA = false, transposeB = false, alpha = 1 } = options;
  return apply("matmul", [a, b], { transposeA, transposeB, alpha });
}

/** Sum over axes; negative axes count from the end. */
export function reduceSum(x: Value, axes: readonly number[], keepDims: boolean): Value {
  const absolute = axes.map((axis) => (axis < 0 ? axis + x.shape.length : axis));
  return apply("reduceSum", [x], { axes: absolute, keepDims });
}

/** The maximum along the last axis, which stays with length 1. */
export function reduceMax(x: Value): Value {
  return apply("reduceMax", [x], {});
}

export function reshape(x: Value, shape: Shape): Value {
  return sameShape(x.shape, shape) ? x : apply("reshape", [x], { shape: [...shape] });
}

export function transpose(x: Value, permutation: number[]): Value {
  return apply("transpose", [x], { permutation });
}

/** x stretched to the shape of `like`. */
export function expandTo(x: Value, like: Value): Value {
  return sameShape(x.shape, like.shape) ? x : apply("expandLike", [x, like], {});
}

export function concat(parts: Value[], axis: number): Value {
  return apply("concat", parts, { axis });
}

export function slice(x: Value, axis: number, start: number, end: number): Value {
  return apply("slice", [x], { axis, start, end });
}

/** Pieces of these lengths along the last axis. */
export function split(x: Value, lengths: readonly number[]): Value[] {
  return lengths.length === 1 ? [x] : [...applyAll("split", [x], { lengths: [...lengths] })];
}

export function pad(x: Value, axis: number, before: number, after: number): Value {
  return apply("pad", [x], { axis, before, after });
}

export function gatherRows(table: Value, ids: Value): Value {
  return apply("gatherRows", [table, ids], {});
}

export function scatterRows(rows: Value, ids: Value, like: Value): Value {
  return apply("scatterRows", [rows, ids, like], { rowCount: like.shape[0] as Dim });
}

export function oneHot(ids: Value, depth: number): Value {
  return apply("oneHot", [ids], { depth });
}

export const softmax = (x: Value) => apply("softmax", [x], {});

export function rmsNorm(x: Value, scale: Value, epsilon: number): Value {
  return applyAll("rmsNorm", [x, scale], { epsilon })[0]!;
}

export function rotate(
  x: Value,
  positions: Value,
  cos: Value,
  sin: Value,
  headSize: number,
): Value {
  return apply("rotate", [x, positions, cos, sin], { headSize });
}

export function tokenLogProbs(logits: Value, targets: Value): Value {
  return apply("tokenLogProbs", [logits, targets], {});
}

/** Sums a cotangent over the axes along which a value of `shape` was stretched. */
export function unbroadcast(g: Value, shape: Shape): Value {
  if (sameShape(g.shape, shape)) return g;
  const extra = g.shape.length - shape.length;
  if (extra < 0) throw new Error(`Cannot unbroadcast ${formatType(g)} to [${shape.join(",")}]`);
  const axes = g.shape.flatMap((dim, axis) =>
    axis < extra || (shape[axis - extra] === 1 && dim !== 1) ? [axis] : [],
  );
  return reshape(reduceSum(g, axes, true), shape);
}
