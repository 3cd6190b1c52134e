/** Attention over a whole sequence, made of differentiable primitives. */
import type { ModelConfig } from "./checkpoint.ts";
import { add, matmul, reshape, rotate, softcap, softmax, transpose } from "./functions.ts";
import type { Value } from "./graph.ts";

export interface SequenceInputs {
  /** [R, T] i64. */
  positions: Value;
  /** Added to the scores: 0 where a position may look, a large negative number elsewhere; [.., T, T]. */
  mask: Value;
  /** [positions, D/2]. */
  cos: Value;
  sin: Value;
}

/** Attended values [R, T, H·D] of q, k, v [R, T, heads·D]. */
export function attendSequence(
  { headCount: H, kvHeadCount: K, headSize: D, attentionScale, attentionSoftcap }: ModelConfig,
  q: Value,
  k: Value,
  v: Value,
  { positions, mask, cos, sin }: SequenceInputs,
): Value {
  const [R, T] = q.shape as [number, number];
  // [R, K, G, T, D]: G query heads share a key/value head.
  const split = (x: Value, groups: number) =>
    transpose(reshape(x, [R, T, K, groups, D]), [0, 2, 3, 1, 4]);
  const queries = split(rotate(q, positions, cos, sin, D), H / K);
  const keys = split(rotate(k, positions, cos, sin, D), 1);
  const scores = softcap(
    matmul(queries, keys, { transposeB: true, alpha: attentionScale }),
    attentionSoftcap,
  );
  const attended = matmul(softmax(add(scores, mask)), split(v, 1));
  return reshape(transpose(attended, [0, 3, 1, 2, 4]), [R, T, H * D]);
}
