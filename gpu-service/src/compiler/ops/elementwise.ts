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
} from "../ir/functions.ts";
import { type Dim, formatType, type Shape, type Value } from "../ir/graph.ts";
import type { Primitive, Rule, RulesOf } from "./rules.ts";

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

type Unary = "negate" | "exp" | "sqrt" | "sigmoid" | "tanh" | "silu" | "gelu";

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

/** c of the approximation (Hendrycks & Gimpel, arXiv 1606.08415). */
const geluCubic = 0.044715;

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
  tanh: unary("Tanh", (_, y, g) => multiply(g, subtract(scalar(1), multiply(y, y)))),
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
  // ½x(1 + tanh u) = x·σ(2u) with u = √(2/π)·(x + c·x³). d = σ + y·(1 − σ)·2u′.
  gelu: unary(
    "FastGelu",
    (x, y, g) => {
      const root = Math.sqrt(2 / Math.PI);
      const square = multiply(x, x);
      const cubic = (factor: number) =>
        multiply(scalar(2 * root), add(scalar(1), multiply(scalar(factor), square)));
      const s = sigmoid(multiply(x, cubic(geluCubic)));
      const slope = multiply(multiply(y, subtract(scalar(1), s)), cubic(3 * geluCubic));
      return multiply(g, add(s, slope));
    },
    {},
    "com.microsoft",
  ),
};
