/** Reverse mode: walks a graph backwards and applies each primitive's vector-Jacobian product. */
import { add } from "./ir/functions.ts";
import { formatType, sameShape, trace, type Value } from "./ir/graph.ts";
import { type Primitive, type Rule, rules } from "./ops/rules.ts";

/**
 * Cotangents of `wrt`: Σ_o seedᵒ·∂o/∂w for outputs o. The result is made of ordinary values, so it can
 * be differentiated again. Throws when an output does not depend on one of `wrt`.
 */
export function gradients(
  outputs: readonly { value: Value; seed: Value }[],
  wrt: readonly Value[],
): Value[] {
  const order = trace(outputs.map(({ value }) => value));
  const moving = new Set<Value>(wrt);
  for (const node of order) {
    if (node.inputs.some((input) => moving.has(input))) {
      for (const output of node.outputs) moving.add(output);
    }
  }
  const cotangents = new Map<Value, Value>();
  const accumulate = (value: Value, cotangent: Value) => {
    const sum = cotangents.get(value);
    cotangents.set(value, sum ? add(sum, cotangent) : cotangent);
  };
  for (const { value, seed } of outputs) {
    if (!sameShape(value.shape, seed.shape)) {
      throw new Error(`Cannot seed ${formatType(value)} with ${formatType(seed)}`);
    }
    accumulate(value, seed);
  }

  for (const node of order.reverse()) {
    const received = node.outputs.map((output) => cotangents.get(output) ?? null);
    if (received.every((cotangent) => cotangent === null)) continue;
    const wanted = node.inputs.map((input) => moving.has(input));
    if (!wanted.some(Boolean)) continue;
    const { gradient } = rules[node.op] as Rule<Primitive>;
    if (typeof gradient !== "function") {
      throw new Error(`Cannot differentiate ${node.op}: ${gradient.none}`);
    }
    gradient(node, received, wanted).forEach((cotangent, index) => {
      if (cotangent && wanted[index]) accumulate(node.inputs[index]!, cotangent);
    });
  }
  return wrt.map((value) => {
    const cotangent = cotangents.get(value);
    if (!cotangent) throw new Error(`Cannot differentiate: no output depends on ${value.node.op}`);
    return cotangent;
  });
}
