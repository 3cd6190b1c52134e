/** The weights step's least squares: min ‖J·d − δ‖² + λ‖d‖² with few rows and many columns. */

/** Rows J [M, D] flat, row-major. */
export interface Rows {
  J: Float32Array;
  D: number;
}

/** A metric P = I − UᵀU that makes steps along the rows of U expensive; see anchors.ts. */
export interface Metric {
  /** J·Uᵀ [M, directions] of M rows. */
  along(J: Float32Array, M: number): Promise<Float32Array>;
  /** step −= Uᵀ·weights, in place. */
  subtract(step: Float32Array, weights: readonly number[]): void;
}

/**
 * d = PJᵀ(JPJᵀ + λI)⁻¹δ, then scaled to ‖d‖ ≤ ρ: the dual form, exact in one M×M solve. J·P is never made:
 * with K = J·Uᵀ, JPJᵀ = JJᵀ − KKᵀ and PJᵀx = Jᵀx − UᵀKᵀx.
 * Rows are weighted by √weight on both sides. Returns d [D] and what it predicts for each row, J·d.
 */
export async function solveStep(
  { J, D }: Rows,
  targets: readonly number[],
  weights: readonly number[],
  { lambda, rho }: { lambda: number; rho: number },
  metric: Metric | null = null,
): Promise<{ step: Float32Array<ArrayBuffer>; norm: number; predicted: number[] }> {
  const M = targets.length;
  const gram = gramMatrix(J, M, D);
  const K = await metric?.along(J, M);
  const directions = K ? K.length / M : 0;
  if (K)
    gramMatrix(K, M, directions).forEach((value, at) => {
      gram[at]! -= value;
    });
  const roots = weights.map(Math.sqrt);
  const system = gram.map((value, at) => value * roots[Math.floor(at / M)]! * roots[at % M]!);
  for (let i = 0; i < M; i++) system[i * M + i]! += lambda;
  const right = targets.map((target, row) => target * roots[row]!);
  const dual = solveCholesky(system, right, M).map((value, row) => value * roots[row]!);

  const step = new Float32Array(D);
  for (let row = 0; row < M; row++) {
    const factor = dual[row]!;
    const offset = row * D;
    for (let i = 0; i < D; i++) step[i]! += factor * J[offset + i]!;
  }
  if (metric && K) {
    const along = Array.from({ length: directions }, (_, k) =>
      dual.reduce((total, value, row) => total + value * K[row * directions + k]!, 0),
    );
    metric.subtract(step, along);
  }
  let squares = 0;
  for (const value of step) squares += value * value;
  const length = Math.sqrt(squares);
  const shrink = Math.min(1, rho / Math.max(length, 1e-12));
  if (shrink < 1) for (let i = 0; i < D; i++) step[i]! *= shrink;
  const predicted = Array.from({ length: M }, (_, i) =>
    dual.reduce((sum, value, j) => sum + gram[i * M + j]! * value * shrink, 0),
  );
  return { step, norm: length * shrink, predicted };
}

/** JJᵀ [M, M], summed in double precision; half of it is computed, four products at a time. */
export function gramMatrix(J: Float32Array, M: number, D: number): Float64Array {
  const gram = new Float64Array(M * M);
  const row = (index: number) => J.subarray(index * D, (index + 1) * D);
  const put = (i: number, j: number, value: number) => {
    gram[i * M + j] = value;
    gram[j * M + i] = value;
  };
  for (let i = 0; i < M; i++) {
    const a = row(i);
    let j = 0;
    // Independent sums, so that one does not wait for the other.
    for (; j + 4 <= i + 1; j += 4) {
      const [p, q, r, s] = [row(j), row(j + 1), row(j + 2), row(j + 3)];
      let [up, uq, ur, us] = [0, 0, 0, 0];
      for (let k = 0; k < D; k++) {
        const x = a[k]!;
        up += x * p[k]!;
        uq += x * q[k]!;
        ur += x * r[k]!;
        us += x * s[k]!;
      }
      put(i, j, up);
      put(i, j + 1, uq);
      put(i, j + 2, ur);
      put(i, j + 3, us);
    }
    for (; j <= i; j++) {
      const b = row(j);
      let sum = 0;
      for (let k = 0; k < D; k++) sum += a[k]! * b[k]!;
      put(i, j, sum);
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
