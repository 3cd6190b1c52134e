/** The two rules of a primitive: how it is written as ONNX, and its vector-Jacobian product. */
import type { DType, Node, Primitive, Type, Value } from "../ir/types.ts";

export type OnnxAttribute = number | string | readonly number[] | { float: number };

/**
 * The execution provider that the graph is written for. onnxruntime's WebGPU provider lacks some operators of the CPU
 * provider (FusedMatMul, OneHot, LogSoftmax); such a node would move its inputs to the host.
 */
export type Target = "cpu" | "webgpu";

/** What an emission rule writes to. Names are names of ONNX values. */
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

export type EmissionRule<P extends Primitive> = (
  node: Node<P>,
  inputs: readonly string[],
  outputs: readonly string[],
  emitter: Emitter,
) => void;

/**
 * Vector-Jacobian product: the cotangent of each wanted input from the outputs' cotangents (null for an unused output),
 * or the reason why there is none.
 */
export type ProductRule<P extends Primitive> =
  | ((
      node: Node<P>,
      cotangents: readonly (Value | null)[],
      wanted: readonly boolean[],
    ) => (Value | null)[])
  | { none: string };

export type EmissionOf<Names extends Primitive> = { [P in Names]: EmissionRule<P> };
export type ProductsOf<Names extends Primitive> = { [P in Names]: ProductRule<P> };
