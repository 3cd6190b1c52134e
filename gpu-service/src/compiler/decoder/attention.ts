/** Attention: over a whole sequence of differentiable primitives, or in one kernel behind a cache. */
import type { ModelConfig } from "../../checkpoint/checkpoint.ts";
import {
  add,
  concat,
  matmul,
  reshape,
  rotate,
  softcap,
  softmax,
  split,
  transpose,
} from "../ir/functions.ts";
import { applyAll } from "../ir/graph.ts";
import type { Value } from "../ir/types.ts";
import type { LayerKind } from "./layer-kinds.ts";

export interface SequenceInputs {
  /** [R, T] i64. */
  positions: Value;
  /** Added to the scores: 0 at visible positions, a large negative number elsewhere; [.., T, T]. */
  mask: Value;
  /** [positions, D/2]. */
  cos: Value;
  sin: Value;
}

/** Attended values [R, T, H·D] of q, k, v [R, T, heads·D]. */
export function attendSequence(
  config: ModelConfig,
  q: Value,
  k: Value,
  v: Value,
  { positions, mask, cos, sin }: SequenceInputs,
): Value {
  const { headCount: H, kvHeadCount: K, headSize: D } = config;
  const [R, T] = q.shape as [number, number];
  // [R, K, G, T, D]: G query heads share a key/value head.
  const grouped = (x: Value, groups: number) =>
    transpose(reshape(x, [R, T, K, groups, D]), [0, 2, 3, 1, 4]);
  const queries = grouped(rotate(q, positions, cos, sin, D), H / K);
  const keys = grouped(rotate(k, positions, cos, sin, D), 1);
  const attended = weighValues(config, queries, keys, grouped(v, 1), mask);
  return reshape(transpose(attended, [0, 3, 1, 2, 4]), [R, T, H * D]);
}

/**
 * The same, one query head after the other. Scores [R, H, T, T] are the largest tensors of a pass. Those of one head
 * fit a cache, and few are alive at once.
 */
export function attendByHead(
  config: ModelConfig,
  q: Value,
  k: Value,
  v: Value,
  { positions, mask, cos, sin }: SequenceInputs,
): Value {
  const { headCount: H, kvHeadCount: K, headSize: D } = config;
  const heads = (x: Value, count: number) => split(x, Array<number>(count).fill(D));
  const keys = heads(rotate(k, positions, cos, sin, D), K);
  const values = heads(v, K);
  const attended = heads(rotate(q, positions, cos, sin, D), H).map((query, head) => {
    const shared = Math.floor((head * K) / H);
    return weighValues(config, query, keys[shared]!, values[shared]!, mask);
  });
  return attended.length === 1 ? attended[0]! : concat(attended, 2);
}

/** What one kernel attends over: keys and values [R, K, S, D] before these, `last` [R], `total` [], rotary tables [P, D/2]. */
export interface CacheInputs {
  pastKey: Value;
  pastValue: Value;
  last: Value;
  total: Value;
  cos: Value;
  sin: Value;
}

/** Causal attention in one kernel, which rotates too: the attended values, keys and values. It has no gradients. */
export function attendCached(
  config: ModelConfig,
  [q, k, v]: readonly [Value, Value, Value],
  { pastKey, pastValue, last, total, cos, sin }: CacheInputs,
  window: LayerKind["window"],
): readonly Value[] {
  const { headCount, kvHeadCount, headSize, attentionScale: scale } = config;
  return applyAll("attendCached", [q, k, v, pastKey, pastValue, last, total, cos, sin], {
    ...{ headCount, kvHeadCount, headSize, scale, window },
    softcap: config.attentionSoftcap,
  });
}

/** softmax(scores + mask)·values, [.., T, D] of queries, keys and values of that shape. */
function weighValues(
  { attentionScale, attentionSoftcap }: ModelConfig,
  queries: Value,
  keys: Value,
  values: Value,
  mask: Value,
): Value {
  const products = matmul(queries, keys, { transposeB: true, alpha: attentionScale });
  return matmul(softmax(add(softcap(products, attentionSoftcap), mask)), values);
}
