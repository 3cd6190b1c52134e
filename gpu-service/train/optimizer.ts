/**
 * One optimiser step as a graph: Muon for the blocks' matrices, AdamW for embeddings, norms and biases.
 *
 * Muon (Keller Jordan, 2024) replaces a matrix's momentum by its nearest semi-orthogonal matrix. A quintic
 * Newton–Schulz iteration finds it; its coefficients are chosen for a steep slope at zero.
 */
import {
  add,
  divide,
  input,
  matmul,
  multiply,
  reduceSum,
  scalar,
  sqrt,
  subtract,
  transpose,
} from "../src/compiler/ir/functions.ts";
import type { Value } from "../src/compiler/ir/types.ts";

const newtonSchulz = { a: 3.4445, b: -4.775, c: 2.0315, iterations: 5 };
const muonMomentum = 0.95;
const muonDecay = 0.01;
const adam = { beta1: 0.9, beta2: 0.98, epsilon: 1e-8 };

/** Whether a tensor is stepped by Muon. */
function usesMuon(name: string, shape: readonly number[]): boolean {
  return shape.length === 2 && name.startsWith("model.layers.");
}

/** Names of a tensor's optimiser state; each has the tensor's shape. */
export function stateNames(name: string, shape: readonly number[]): string[] {
  return usesMuon(name, shape) ? [`momentum.${name}`] : [`mean.${name}`, `square.${name}`];
}

/** Rough cost of a tensor's step in floating-point operations; only ratios have a meaning. */
export function stepCost(name: string, shape: readonly number[]): number {
  const size = shape.reduce((product, dim) => product * dim, 1);
  return usesMuon(name, shape)
    ? newtonSchulz.iterations * 6 * size * Math.min(...shape)
    : 10 * size;
}

/** Scalars fed with every step. */
export interface Rates {
  muon: Value;
  /** AdamW's rate with its bias corrections folded in: lr·√(1 − β₂ᵗ)/(1 − β₁ᵗ). */
  adam: Value;
}

export function rateInputs(): Rates {
  const rate = (name: string) => input(name, { dtype: "f32", shape: [] });
  return { muon: rate("rate.muon"), adam: rate("rate.adam") };
}

/** AdamW's bias-corrected rate at step t ≥ 1. */
export function adamRate(rate: number, step: number): number {
  return (rate * Math.sqrt(1 - adam.beta2 ** step)) / (1 - adam.beta1 ** step);
}

/** The next tensor and its next state, by their names. */
export function stepTensor(
  name: string,
  tensor: Value,
  gradient: Value,
  rates: Rates,
): Record<string, Value> {
  const shape = tensor.shape as number[];
  const [first, second] = stateNames(name, shape).map((state) =>
    input(state, { dtype: "f32", shape }),
  );
  if (!second) {
    const momentum = mix(first!, gradient, muonMomentum);
    const direction = orthogonalise(mix(gradient, momentum, 1 - muonMomentum));
    const [rows, columns] = shape as [number, number];
    const scale = Math.sqrt(Math.max(1, rows / columns));
    const step = multiply(rates.muon, add(scaled(tensor, muonDecay), scaled(direction, scale)));
    return { [name]: subtract(tensor, step), [`momentum.${name}`]: momentum };
  }
  const mean = mix(first!, gradient, adam.beta1);
  const square = mix(second, multiply(gradient, gradient), adam.beta2);
  const step = divide(multiply(rates.adam, mean), add(sqrt(square), scalar(adam.epsilon)));
  return { [name]: subtract(tensor, step), [`mean.${name}`]: mean, [`square.${name}`]: square };
}

/** share·a + (1 − share)·b. */
function mix(a: Value, b: Value, share: number): Value {
  return add(scaled(a, share), scaled(b, 1 - share));
}

function scaled(x: Value, factor: number): Value {
  return multiply(x, scalar(factor));
}

/** Nearest semi-orthogonal matrix, approximately: singular values end near 1. */
function orthogonalise(matrix: Value): Value {
  const [rows, columns] = matrix.shape as [number, number];
  const { a, b, c, iterations } = newtonSchulz;
  const tall = rows > columns;
  const norm = sqrt(reduceSum(multiply(matrix, matrix), [0, 1], true));
  let x = divide(tall ? transpose(matrix, [1, 0]) : matrix, add(norm, scalar(1e-7)));
  for (let i = 0; i < iterations; i++) {
    const gram = matmul(x, x, { transposeB: true });
    const polynomial = add(scaled(gram, b), matmul(gram, gram, { alpha: c }));
    x = add(scaled(x, a), matmul(polynomial, x));
  }
  return tall ? transpose(x, [1, 0]) : x;
}
