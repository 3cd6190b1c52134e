/** The weights step's least squares: min ‖J·d − δ‖² + λ‖d‖² with few rows and many columns. */

/** Rows J [M, D] flat, row-major. */
export interface Rows {
  J: Float32Array;
  /** J·P for a metric P (see anchors.ts); J itself where every direction costs the same. */
  JP?: Float32Array;
  M: number;
  D: number;
}

/**
 * d = PJᵀ(JPJᵀ + λI)⁻¹δ, then scaled to ‖d‖ ≤ ρ: the dual form, exact in one M×M solve.
 * Rows are weighted by √weight on both sides. Returns d [D] and what it predicts for each row, J·d.
 */
export function solveStep(
  { J, JP = J, M, D }: Rows,
  targets: readonly number[],
  weights: readonly number[],
  { lambda, rho }: { lambda: number; rho: number },
): { step: Float32Array<ArrayBuffer>; norm: number; predicted: number[] } {
  const gram = crossGram(J, JP, M, D);
  const roots = weights.map(Math.sqrt);
  const system = gram.map((value, at) => value * roots[Math.floor(at / M)]! * roots[at % M]!);
  for (let i = 0; i < M; i++) system[i * M + i] = system[i * M + i]! + lambda;
  const right = targets.map((target, row) => target * roots[row]!);
  const dual = solveCholesky(system, right, M).map((value, row) => value * roots[row]!);

  const step = new Float32Array(D);
  for (let row = 0; row < M; row++) {
    const factor = dual[row]!;
    const offset = row * D;
    for (let i = 0; i < D; i++) step[i] = step[i]! + factor * JP[offset + i]!;
  }
  let squares = 0;
  for (const value of step) squares += value * value;
  const length = Math.sqrt(squares);
  const shrink = Math.min(1, rho / Math.max(length, 1e-12));
  if (shrink < 1) for (let i = 0; i < D; i++) step[i] = step[i]! * shrink;
  const predicted = Array.from({ length: M }, (_, i) =>
    dual.reduce((sum, value, j) => sum + gram[i * M + j]! * value * shrink, 0),
  );
  return { step, norm: length * shrink, predicted };
}

/** JJᵀ [M, M], summed in double precision. */
export function gramMatrix(J: Float32Array, M: number, D: number): Float64Array {
  return crossGram(J, J, M, D);
}

/** J·Kᵀ [M, M] where it is symmetric, so half of it is computed. */
function crossGram(J: Float32Array, K: Float32Array, M: number, D: number): Float64Array {
  const gram = new Float64Array(M * M);
  for (let i = 0; i < M; i++) {
    const a = J.subarray(i * D, (i + 1) * D);
    for (let j = 0; j <= i; j++) {
      const b = K.subarray(j * D, (j + 1) * D);
      let sum = 0;
      for (let k = 0; k < D; k++) sum += a[k]! * b[k]!;
      gram[i * M + j] = sum;
      gram[j * M + i] = sum;
    }
  }
  return gram;
}

/** Solves A·x = b for symmetric positive definite A [n, n]. Throws when it is not. */
export function solveCholesky(A: Float64Array, b: readonly number[], n: number): number[] {
  const L = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = A[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= L[i * n + k]! * L[j * n + k]!;
      if (i === j) {
        if (!(sum > 0)) throw new Error(`Cannot factor: pivot ${i} is ${sum}`);
        L[i * n + i] = Math.sqrt(sum);
      } else L[i * n + j] = sum / L[j * n + j]!;
    }
  }
  const x = [...b];
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] = x[i]! - L[i * n + k]! * x[k]!;
    x[i] = x[i]! / L[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] = x[i]! - L[k * n + i]! * x[k]!;
    x[i] = x[i]! / L[i * n + i]!;
  }
  return x;
}
