/**
 * The one rule table: every primitive's shape rule, ONNX emission and vector-Jacobian product.
 *
 * `rules` is typed by `Attributes`, so a primitive with a rule missing does not type-check.
 */
import type { Dim, DType, Node, Type, Value } from "../ir/graph.ts";
import { elementwise } from "./elementwise.ts";
import { linear } from "./linear.ts";
import { neural } from "./neural.ts";
import { shaping } from "./shaping.ts";
import { sources } from "./sources.ts";

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
  /** What a device says of the next tokens in one tensor, so that one download brings it. */
  likeliestPacked: None;
  attendCached: {
    headCount: number;
    kvHeadCount: number;
    headSize: number;
    scale: number;
    /** Tokens each position sees, itself included; null sees everything before it. */
    window: number | null;
    /** Scores become cap·tanh(score/cap); null leaves them. */
    softcap: number | null;
  };
}

export type Primitive = keyof Attributes;

export type OnnxAttribute = number | string | readonly number[] | { float: number };

/**
 * Whose kernels the graph is written for. onnxruntime's WebGPU provider lacks some operators that the CPU
 * provider has (FusedMatMul, OneHot, LogSoftmax); a node that it lacks would bring its inputs to the host.
 */
export type Target = "cpu" | "webgpu";

/** What an emission rule writes to. Names are those of ONNX values. */
export interface Emitter {
  readonly target: Target;
  /** Adds a node; without `outputs` one fresh name is made. Returns the first output's name. */
  node(
    type: string,
    inputs: readonly string[],
    attributes?: Record<string, OnnxAttribute>,
    options?: { domain?: string; outputs?: readonly string[] },
  ): string;
  /** A constant 1-D int64 tensor, shared between equal uses. */
  ints(values: readonly number[]): string;
  /** A constant tensor. */
  tensor(dtype: DType, dims: readonly number[], data: ArrayBufferView): string;
  /** Declares a graph input; a weight is one too for webgpu, and an initializer read from the checkpoint elsewhere. */
  input(name: string, type: Type): void;
  weight(name: string, type: Type): void;
}

export interface Rule<P extends Primitive> {
  /** Types of the outputs; throws on shapes that do not fit. */
  infer(inputs: readonly Value[], attributes: Attributes[P]): Type[];
  emit(
    node: Node<P>,
    inputs: readonly string[],
    outputs: readonly string[],
    emitter: Emitter,
  ): void;
  /**
   * Vector-Jacobian product: the cotangent of each wanted input from the outputs' cotangents (null
   * where an output is unused), or the reason why there is none.
   */
  gradient:
    | ((
        node: Node<P>,
        cotangents: readonly (Value | null)[],
        wanted: readonly boolean[],
      ) => (Value | null)[])
    | { none: string };
}

export type Rules = { [P in Primitive]: Rule<P> };
export type RulesOf<Names extends Primitive> = { [P in Names]: Rule<P> };

export const rules: Rules = { ...sources, ...elementwise, ...linear, ...shaping, ...neural };
