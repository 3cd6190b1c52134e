/**
 * The shape rule of every primitive: the outputs for given inputs, or an error that names the op and the shapes. A
 * primitive without a rule does not type-check.
 */
import {
  type Attributes,
  type Dim,
  formatType,
  type Primitive,
  type Shape,
  type Type,
  type Value,
} from "./types.ts";

type ShapeRules = {
  [P in Primitive]: (inputs: readonly Value[], attributes: Attributes[P]) => Type[];
};

const declared = (_: readonly Value[], { type }: { type: Type }) => [type];
const unchanged = ([x]: readonly Value[]) => [{ dtype: x!.dtype, shape: x!.shape }];

export const shapeRules: ShapeRules = {
  // Sources.
  input: declared,
  weight: declared,
  constant: declared,

  // Elementwise.
  add: ([a, b]) => [{ dtype: a!.dtype, shape: broadcast("add", a!, b!) }],
  subtract: ([a, b]) => [{ dtype: a!.dtype, shape: broadcast("subtract", a!, b!) }],
  multiply: ([a, b]) => [{ dtype: a!.dtype, shape: broadcast("multiply", a!, b!) }],
  divide: ([a, b]) => [{ dtype: a!.dtype, shape: broadcast("divide", a!, b!) }],
  negate: unchanged,
  exp: unchanged,
  sqrt: unchanged,
  sigmoid: unchanged,
  tanh: unchanged,
  silu: unchanged,
  gelu: unchanged,

  // Linear algebra.
  /** α·op(A)·op(B) over the last two axes; leading axes broadcast. */
  matmul: ([a, b], { transposeA, transposeB }) => {
    const [m, ka] = lastTwo(a!, transposeA);
    const [kb, n] = lastTwo(b!, transposeB);
    if (ka !== kb) throw new Error(`Cannot matmul ${formatType(a!)} and ${formatType(b!)}`);
    return [{ dtype: a!.dtype, shape: [...leading(a!, b!), m, n] }];
  },

  /**
   * x·Wᵀ (+ bias) for a frozen W [out, in] in blocks. Inputs: x, W packed [out, in/block, block·bits/8], scales
   * [out, in/block], for the gradient the same bytes as integers [out, in] with their zero points, and
   * perhaps a frozen bias [out].
   */
  quantizedMatmul: ([x], { in: width, out }) => {
    if (x!.shape.at(-1) !== width) {
      throw new Error(`Cannot multiply ${formatType(x!)} by a quantised [${out},${width}]`);
    }
    return [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, -1), out] }];
  },

  /** Integers [out, in], scales and zero points [out, in/block] as fp32 [out, in]. */
  dequantize: ([integers]) => [{ dtype: "f32", shape: integers!.shape }],

  reduceSum: ([x], { axes, keepDims }) => [
    {
      dtype: x!.dtype,
      shape: x!.shape.flatMap((dim, axis): Dim[] =>
        axes.includes(axis) ? (keepDims ? [1] : []) : [dim],
      ),
    },
  ],

  reduceMax: ([x]) => [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, -1), 1] }],

  // Shapes.
  reshape: ([x], { shape }) => {
    const from = size(x!.shape);
    const to = size(shape);
    if (from !== to) throw new Error(`Cannot reshape ${formatType(x!)} to [${shape.join(",")}]`);
    return [{ dtype: x!.dtype, shape }];
  },

  transpose: ([x], { permutation }) => [
    { dtype: x!.dtype, shape: permutation.map((axis) => x!.shape[axis]!) },
  ],

  /** x stretched to the shape of the second input, whose numbers are not used. */
  expandLike: ([x, like]) => [{ dtype: x!.dtype, shape: like!.shape }],

  concat: (inputs, { axis }) => {
    const first = inputs[0]!;
    const total = sumLengths(inputs.map((input) => input.shape[axis]!));
    return [
      {
        dtype: first.dtype,
        shape: first.shape.map((dim, index) => (index === axis ? total : dim)),
      },
    ];
  },

  /** Pieces of known lengths along the last axis, all of which together are x. */
  split: ([x], { lengths }) => {
    if (sumLengths(lengths) !== x!.shape.at(-1))
      throw new Error(`Cannot split ${formatType(x!)} into lengths ${lengths}`);
    const leading = x!.shape.slice(0, -1);
    return lengths.map((length) => ({ dtype: x!.dtype, shape: [...leading, length] }));
  },

  /** Positions start … end − 1 of one axis; on an open axis negative ones, and an end of 0, count from its end. */
  slice: ([x], { axis, start, end }) => [
    {
      dtype: x!.dtype,
      shape: x!.shape.map((dim, index) => (index === axis ? sliceLength(dim, start, end) : dim)),
    },
  ],

  /** Zeros before and after along one axis. */
  pad: ([x], { axis, before, after }) => [
    {
      dtype: x!.dtype,
      shape: x!.shape.map((dim, index) =>
        index === axis ? (dim as number) + before + after : dim,
      ),
    },
  ],

  /** Rows of a table [V, ..C] by ids [..]: [.., ..C]; the gradient is that of a matrix. */
  gatherRows: ([table, ids]) => {
    if (table!.shape.length < 2) throw new Error(`Cannot gather rows of ${formatType(table!)}`);
    return [{ dtype: table!.dtype, shape: [...ids!.shape, ...table!.shape.slice(1)] }];
  },

  /** Sums rows [.., C] into a zero table by ids [..]; the third input gives the table's shape. */
  scatterRows: ([rows, , like], { rowCount }) => [
    { dtype: rows!.dtype, shape: [rowCount, like!.shape[1]!] },
  ],

  /** For webgpu, ids must be i32: its comparisons know no i64. */
  oneHot: ([ids], { depth }) => [{ dtype: "f32", shape: [...ids!.shape, depth] }],

  // Neural blocks.
  /** Over the last axis. */
  softmax: unchanged,

  /** w·x/√(mean x² + ε) over the last axis; the second output is 1/√(mean x² + ε), length 1 there. */
  rmsNorm: ([x, weight]) => {
    if (x!.shape.at(-1) !== weight!.shape[0])
      throw new Error(`Cannot normalise ${formatType(x!)} by ${formatType(weight!)}`);
    return [
      { dtype: x!.dtype, shape: x!.shape },
      { dtype: x!.dtype, shape: [...x!.shape.slice(0, -1), 1] },
    ];
  },

  /**
   * Rotary position embedding of x [R, T, heads·headSize] at positions [R, T], with cos and sin tables
   * [positions, headSize/2]; halves are paired as in Hugging Face's Llama.
   */
  rotate: unchanged,

  /** log softmax(logits [.., V]) at the targets [..]. */
  tokenLogProbs: ([logits, targets]) => {
    if (logits!.shape.length !== targets!.shape.length + 1)
      throw new Error(`Cannot pick ${formatType(targets!)} from ${formatType(logits!)}`);
    return [{ dtype: logits!.dtype, shape: targets!.shape }];
  },

  /** Of logits [.., V]: the id of the largest (the lowest of equals), its logit, and log Σ exp. */
  likeliest: ([logits]) => {
    const shape = logits!.shape.slice(0, -1);
    return [
      { dtype: "i64", shape },
      { dtype: logits!.dtype, shape: [...shape, 1] },
      { dtype: logits!.dtype, shape: [...shape, 1] },
    ];
  },

  /** `likeliest` as one [.., 3]: the id as fp32, which is exact below 2²⁴, its logit, and log Σ exp. */
  likeliestPacked: ([logits]) => [
    { dtype: logits!.dtype, shape: [...logits!.shape.slice(0, -1), 3] },
  ],

  /**
   * Grouped-query attention with rotary positions over a key/value cache that is updated in place.
   * Inputs: query, key, value [R, T, heads·headSize], past keys and values [R, kvHeads, S, headSize],
   * index of each row's last token [R], longest total length [], cos and sin tables.
   * Outputs: the attended values and the cache, which shares the past's memory when the caller says so.
   */
  attendCached: ([query, , , pastKey, pastValue]) => [
    { dtype: query!.dtype, shape: query!.shape },
    { dtype: pastKey!.dtype, shape: pastKey!.shape },
    { dtype: pastValue!.dtype, shape: pastValue!.shape },
  ],
};

/** Shape of two shapes broadcast against each other. Throws naming both. */
function broadcast(op: string, a: Value, b: Value): Shape {
  const rank = Math.max(a.shape.length, b.shape.length);
  return Array.from({ length: rank }, (_, axis): Dim => {
    const x = a.shape[axis - rank + a.shape.length] ?? 1;
    const y = b.shape[axis - rank + b.shape.length] ?? 1;
    if (x === y || y === 1) return x;
    if (x === 1) return y;
    throw new Error(`Cannot ${op} ${formatType(a)} and ${formatType(b)}`);
  });
}

function lastTwo(value: Value, transposed: boolean): [Dim, Dim] {
  if (value.shape.length < 2) throw new Error(`Cannot matmul ${formatType(value)}`);
  const [rows, columns] = value.shape.slice(-2) as [Dim, Dim];
  return transposed ? [columns, rows] : [rows, columns];
}

function leading(a: Value, b: Value): Dim[] {
  const x = a.shape.slice(0, -2);
  const y = b.shape.slice(0, -2);
  const rank = Math.max(x.length, y.length);
  return Array.from({ length: rank }, (_, axis) => {
    const p = x[axis - rank + x.length] ?? 1;
    const q = y[axis - rank + y.length] ?? 1;
    if (p !== q && p !== 1 && q !== 1)
      throw new Error(`Cannot matmul ${formatType(a)} and ${formatType(b)}`);
    return p === 1 ? q : p;
  });
}

/** Adds numbers; an open length is written before them: S and 1 give S+1. */
function sumLengths(lengths: readonly Dim[]): Dim {
  const open = lengths.filter((length) => typeof length === "string");
  const known = lengths.reduce<number>(
    (sum, length) => (typeof length === "number" ? sum + length : sum),
    0,
  );
  if (open.length === 0) return known;
  return known === 0 ? open.join("+") : `${open.join("+")}+${known}`;
}

/** S+1 without its last position is S again. */
function sliceLength(dim: Dim, start: number, end: number): Dim {
  if (typeof dim === "string" && start === 0 && end < 0) {
    const rest = `+${-end}`;
    if (!dim.endsWith(rest)) throw new Error(`Cannot slice ${-end} off the open length ${dim}`);
    return dim.slice(0, -rest.length);
  }
  return end - start;
}

/** Product of a shape as sorted text, so that equal products compare equal. */
function size(shape: Shape): string {
  const names: string[] = [];
  let product = 1;
  for (const dim of shape) {
    if (typeof dim === "number") product *= dim;
    else names.push(...dim.split("*"));
  }
  return [...names.sort(), product].join("*");
}
