/** Arithmetic that broadcasts as ONNX does: axes aligned from the right, length 1 stretches. */
import {
  add,
  divide,
  multiply,
  negate,
  scalar,
  sigmoid,
  subtract,
  unbroadcast,
} from "../functions.ts";
import { type Dim, formatType, type Shape, type Value } from "../graph.ts";
import type { Primitive, Rule, RulesOf } from "../ops.ts";

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

type Binary = "add" | "subtract" | "multiply" | "divide";

function binary<P extends Binary>(
  op: P,
  onnx: string,
  gradient: (a: Value, b: Value, out: Value, g: Value) => [() => Value, () => Value],
): Rule<P> {
  return {
    infer: ([a, b]) => [{ dtype: a!.dtype, shape: broadcast(op, a!, b!) }],
    emit: (_, inputs, outputs, emitter) => {
      emitter.node(onnx, inputs, {}, { outputs });
    },
    gradient: ({ inputs: [a, b], outputs: [out] }, [g], wanted) => {
      const [da, db] = gradient(a!, b!, out!, g!);
      return [
        wanted[0] ? unbroadcast(da(), a!.shape) : null,
        wanted[1] ? unbroadcast(db(), b!.shape) : null,
      ];
    },
  };
}

type Unary = "negate" | "exp" | "sqrt" | "sigmoid" | "silu";

function unary<P extends Unary>(
  onnx: string,
  gradient: (x: Value, y: Value, g: Value) => Value,
  attributes = {},
  domain = "",
): Rule<P> {
  return {
    infer: ([x]) => [{ dtype: x!.dtype, shape: x!.shape }],
    emit: (_, inputs, outputs, emitter) => {
      emitter.node(onnx, inputs, attributes, { outputs, domain });
    },
    gradient: ({ inputs: [x], outputs: [y] }, [g]) => [gradient(x!, y!, g!)],
  };
}

export const elementwise: RulesOf<Extract<Primitive, Binary | Unary>> = {
  add: binary("add", "Add", (_, __, ___, g) => [() => g, () => g]),
  subtract: binary("subtract", "Sub", (_, __, ___, g) => [() => g, () => negate(g)]),
  multiply: binary("multiply", "Mul", (a, b, _, g) => [() => multiply(g, b), () => multiply(g, a)]),
  divide: binary("divide", "Div", (_, b, out, g) => [
    () => divide(g, b),
    () => negate(divide(multiply(g, out), b)),
  ]),
  negate: unary("Neg", (_, __, g) => negate(g)),
  exp: unary("Exp", (_, y, g) => multiply(g, y)),
  sqrt: unary("Sqrt", (_, y, g) => divide(multiply(g, scalar(0.5)), y)),
  sigmoid: unary("Sigmoid", (_, y, g) => multiply(multiply(g, y), subtract(scalar(1), y))),
  // x·σ(x); QuickGelu is x·σ(αx). d = σ + y·(1 − σ).
  silu: unary(
    "QuickGelu",
    (x, y, g) => {
      const s = sigmoid(x);
      return multiply(g, add(s, multiply(y, subtract(scalar(1), s))));
    },
    { alpha: { float: 1 } },
    "com.microsoft",
  ),
};
