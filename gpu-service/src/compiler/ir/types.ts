/** The parts of a graph: primitives with their attributes, nodes, values, shapes. Types and their text only. */

/** A length known now, or the name of one known when the graph runs. */
export type Dim = number | string;
export type Shape = readonly Dim[];
export type DType = "f32" | "i32" | "i64" | "u8" | "u4";

export interface Type {
  dtype: DType;
  shape: Shape;
}

type None = Record<string, never>;

/** Every primitive and its attributes. */
export interface Attributes {
  // Sources: values that come from outside the graph.
  input: { name: string; type: Type };
  weight: { name: string; type: Type };
  constant: { type: Type; data: Float32Array | BigInt64Array | Int32Array };
  // Elementwise, broadcasting as in ONNX.
  add: None;
  subtract: None;
  multiply: None;
  divide: None;
  negate: None;
  exp: None;
  sqrt: None;
  sigmoid: None;
  tanh: None;
  silu: None;
  /** tanh approximation. */
  gelu: None;
  // Linear algebra.
  matmul: { transposeA: boolean; transposeB: boolean; alpha: number };
  quantizedMatmul: {
    bits: 8 | 4;
    blockSize: number;
    in: number;
    out: number;
    accuracyLevel: number;
    /** Each block has a zero of its own, instead of the middle of the range. */
    ownZeros: boolean;
  };
  dequantize: { bits: 8 | 4; blockSize: number };
  reduceSum: { axes: number[]; keepDims: boolean };
  /** Along the last axis, which stays with length 1. */
  reduceMax: None;
  // Shapes.
  reshape: { shape: Dim[] };
  transpose: { permutation: number[] };
  expandLike: None;
  concat: { axis: number };
  split: { lengths: number[] };
  slice: { axis: number; start: number; end: number };
  pad: { axis: number; before: number; after: number };
  gatherRows: None;
  scatterRows: { rowCount: Dim };
  oneHot: { depth: number };
  // Neural blocks with a fused kernel.
  softmax: None;
  rmsNorm: { epsilon: number };
  rotate: { headSize: number };
  tokenLogProbs: None;
  likeliest: None;
  /** A device's next tokens in one tensor, so that one download fetches it. */
  likeliestPacked: None;
  attendCached: {
    headCount: number;
    kvHeadCount: number;
    headSize: number;
    scale: number;
    /** Number of positions that a position sees, itself included; null means all up to itself. */
    window: number | null;
    /** Scores become cap·tanh(score/cap); null leaves them unchanged. */
    softcap: number | null;
  };
}

export type Primitive = keyof Attributes;

export interface Node<P extends Primitive = Primitive> {
  op: P;
  inputs: readonly Value[];
  attributes: Attributes[P];
  outputs: readonly Value[];
}

export interface Value extends Type {
  node: Node;
  /** Which output of its node this is. */
  index: number;
}

export function formatType(type: Type): string {
  return `${type.dtype}[${type.shape.join(",")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}
