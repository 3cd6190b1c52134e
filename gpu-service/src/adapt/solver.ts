/** The weights step's least squares: min ‖J·d − δ‖² + λ‖d‖² with few rows and many columns. */

/** Rows J [M, D] flat, row-major. */
export interface Rows {
  J: Float32Array;
  M: number;
  D: number;
}

/**
 * d = Jᵀ(JJᵀ + λI)⁻¹δ, then scaled to ‖d‖ ≤ ρ: the dual form, exact in one M×M solve.
 * Rows are weighted by √weight on both sides. Returns d [D] and what it predicts for each row, J·d.
 */
export function solveStep(
  { J, M, D }: Rows,
  targets: readonly number[],
  weights: readonly number[],
  { lambda, rho }: { lambda: number; rho: number },
): { step: Float32Array<ArrayBuffer>; norm: number; predicted: number[] } {
  const gram = gramMatrix(J, M, D);
  const roots = weights.map(Math.sqrt);
  const system = gram.map((value, at) => value * roots[Math.floor(at / M)]! * roots[at % M]!);
  for (let i = 0; i < M; i++) system[i * M + i] = system[i * M + i]! + lambda;
  const right = targets.map((target, row) => target * roots[row]!);
  const dual = solveCholesky(system, right, M).map((value, row) => value * roots[row]!);

  // ‖Jᵀα‖² = αᵀ(JJᵀ)α, so the trust region needs no pass over D.
  const image = Array.from({ length: M }, (_, i) =>
    dual.reduce((sum, value, j) => sum + gram[i * M + j]! * value, 0),
  );
  const length = Math.sqrt(
    Math.max(
      0,
      image.reduce((sum, value, i) => sum + value * dual[i]!, 0),
    ),
  );
  const shrink = Math.min(1, rho / Math.max(length, 1e-12));
  const step = new Float32Array(D);
  for (let row = 0; row < M; row++) {
    const factor = dual[row]! * shrink;
    const offset = row * D;
    for (let i = 0; i < D; i++) step[i] = step[i]! + factor * J[offset + i]!;
  }
  return { step, norm: length * shrink, predicted: image.map((value) => value * shrink) };
}

/** JJᵀ [M, M], summed in double precision. */
function gramMatrix(J: Float32Array, M: number, D: number): Float64Array {
  const gram = new Float64Array(M * M);
  for (let i = 0; i < M; i++) {
    const a = J.subarray(i * D, (i + 1) * D);
    for (let j = 0; j <= i; j++) {
      const b = J.subarray(j * D, (j + 1) * D);
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
