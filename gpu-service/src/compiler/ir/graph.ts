/**
 * The graph IR: values made by primitive operations, with typed shapes. It does not know what an operation means.
 *
 * A graph is whatever can be reached backwards from its outputs, so there is no container to keep in step.
 */
import { type Attributes, type Primitive, rules } from "../ops/rules.ts";

/** A length known now, or the name of one that is known when the graph runs. */
export type Dim = number | string;
export type Shape = readonly Dim[];
export type DType = "f32" | "i32" | "i64" | "u8" | "u4";

export interface Type {
  dtype: DType;
  shape: Shape;
}

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

/** Applies a primitive; shapes are checked by its rule, which throws with the op and the shapes. */
export function applyAll<P extends Primitive>(
  op: P,
  inputs: readonly Value[],
  attributes: Attributes[P],
): readonly Value[] {
  const types = rules[op].infer(inputs, attributes);
  const node: Node<P> & { outputs: Value[] } = { op, inputs, attributes, outputs: [] };
  node.outputs.push(
    ...types.map((type, index) => ({ ...type, node: node as unknown as Node, index })),
  );
  return node.outputs;
}

/** `applyAll` for a primitive with one output. */
export function apply<P extends Primitive>(
  op: P,
  inputs: readonly Value[],
  attributes: Attributes[P],
): Value {
  const [output] = applyAll(op, inputs, attributes);
  if (!output) throw new Error(`Cannot apply ${op}: it has no output`);
  return output;
}

/** Nodes that the outputs need, each after its inputs. */
export function trace(outputs: readonly Value[]): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  // An explicit stack: graphs are deeper than the call stack allows.
  const stack = outputs.map((value) => ({ node: value.node, expanded: false })).reverse();
  for (let top = stack.pop(); top; top = stack.pop()) {
    if (top.expanded) order.push(top.node);
    else if (!seen.has(top.node)) {
      seen.add(top.node);
      stack.push({ node: top.node, expanded: true });
      for (const input of [...top.node.inputs].reverse()) {
        if (!seen.has(input.node)) stack.push({ node: input.node, expanded: false });
      }
    }
  }
  return order;
}

export function formatType(type: Type): string {
  return `${type.dtype}[${type.shape.join(",")}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}
