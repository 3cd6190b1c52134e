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
import type { Node, Value } from "../ir/types.ts";
import type { EmissionOf, Emitter, OnnxAttribute, ProductRule, ProductsOf } from "./rules.ts";

type Binary = "add" | "subtract" | "multiply" | "divide";
type Unary = "negate" | "exp" | "sqrt" | "sigmoid" | "tanh" | "silu" | "gelu";

const emit =
  (onnx: string, attributes: Record<string, OnnxAttribute> = {}, domain = "") =>
  (_: Node, inputs: readonly string[], outputs: readonly string[], emitter: Emitter): void => {
    emitter.node(onnx, inputs, attributes, { outputs, domain });
  };

const binary =
  <P extends Binary>(
    product: (a: Value, b: Value, out: Value, g: Value) => [() => Value, () => Value],
  ): ProductRule<P> =>
  ({ inputs: [a, b], outputs: [out] }, [g], wanted) => {
    const [da, db] = product(a!, b!, out!, g!);
    return [
      wanted[0] ? unbroadcast(da(), a!.shape) : null,
      wanted[1] ? unbroadcast(db(), b!.shape) : null,
    ];
  };

const unary =
  <P extends Unary>(product: (x: Value, y: Value, g: Value) => Value): ProductRule<P> =>
  ({ inputs: [x], outputs: [y] }, [g]) => [product(x!, y!, g!)];

export const elementwiseEmission: EmissionOf<Binary | Unary> = {
  add: emit("Add"),
  subtract: emit("Sub"),
  multiply: emit("Mul"),
  divide: emit("Div"),
  negate: emit("Neg"),
  exp: emit("Exp"),
  sqrt: emit("Sqrt"),
  tanh: emit("Tanh"),
  sigmoid: emit("Sigmoid"),
  // x·σ(αx) with α = 1.
  silu: emit("QuickGelu", { alpha: { float: 1 } }, "com.microsoft"),
  gelu: emit("FastGelu", {}, "com.microsoft"),
};

/** c of the approximation (Hendrycks & Gimpel, arXiv 1606.08415). */
const geluCubic = 0.044715;

export const elementwiseProducts: ProductsOf<Binary | Unary> = {
  add: binary((_, __, ___, g) => [() => g, () => g]),
  subtract: binary((_, __, ___, g) => [() => g, () => negate(g)]),
  multiply: binary((a, b, _, g) => [() => multiply(g, b), () => multiply(g, a)]),
  divide: binary((_, b, out, g) => [() => divide(g, b), () => negate(divide(multiply(g, out), b))]),
  negate: unary((_, __, g) => negate(g)),
  exp: unary((_, y, g) => multiply(g, y)),
  sqrt: unary((_, y, g) => divide(multiply(g, scalar(0.5)), y)),
  tanh: unary((_, y, g) => multiply(g, subtract(scalar(1), multiply(y, y)))),
  sigmoid: unary((_, y, g) => multiply(multiply(g, y), subtract(scalar(1), y))),
  // y = x·σ(x), d = σ + y·(1 − σ).
  silu: unary((x, y, g) => {
    const s = sigmoid(x);
    return multiply(g, add(s, multiply(y, subtract(scalar(1), s))));
  }),
  // ½x(1 + tanh u) = x·σ(2u) with u = √(2/π)·(x + c·x³). d = σ + y·(1 − σ)·2u′.
  gelu: unary((x, y, g) => {
    const root = Math.sqrt(2 / Math.PI);
    const square = multiply(x, x);
    const cubic = (factor: number) =>
      multiply(scalar(2 * root), add(scalar(1), multiply(scalar(factor), square)));
    const s = sigmoid(multiply(x, cubic(geluCubic)));
    const slope = multiply(multiply(y, subtract(scalar(1), s)), cubic(3 * geluCubic));
    return multiply(g, add(s, slope));
  }),
};
