/**
 * The graph IR: values made by primitive operations, with typed shapes. It does not know what an operation means.
 *
 * A graph is everything reachable backwards from its outputs, so there is no separate list to keep consistent.
 */
import { shapeRules } from "./shapes.ts";
import type { Attributes, Node, Primitive, Value } from "./types.ts";

/** Applies a primitive. Its shape rule checks the shapes and throws an error with the op and the shapes. */
export function applyAll<P extends Primitive>(
  op: P,
  inputs: readonly Value[],
  attributes: Attributes[P],
): readonly Value[] {
  const types = shapeRules[op](inputs, attributes);
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
