/**
 * The decode graph: a few new tokens a row over a cache that it only reads.
 *
 * onnxruntime's Node binding copies every output it returns, preallocated or not, so returning the cache would cost its
 * whole size at every token. This graph returns only the new keys and values, and the caller writes them into its
 * cache. Prefill uses the step graph, which returns the cache.
 */
import type { ModelConfig } from "../../checkpoint/checkpoint.ts";
import { adapterInputs } from "../decoder/adapter-inputs.ts";
import { type DecoderParts, decoder, nextTokens } from "../decoder/decoder.ts";
import { layerInputs } from "../decoder/layer-kinds.ts";
import type { Quantization } from "../decoder/quantize.ts";
import { weightReader } from "../decoder/weights.ts";
import {
  add,
  concat,
  input,
  matmul,
  multiply,
  reshape,
  rotate,
  scalar,
  slice,
  softcap,
  softmax,
  transpose,
} from "../ir/functions.ts";
import type { Value } from "../ir/types.ts";

/**
 * For T = `length` new tokens a row, G = H/K. Inputs: `ids` and `positions` [R, T], `mask` [R, 1, G·T, S+T] (added to the
 * scores: past positions, then the new ones; for T = 1 [R, 1, 1, S+1]), `cos` and `sin` [P, D/2] (layer-kinds.ts: also
 * `.window`, where layers differ), `past.{layer}.key|value` [R, K, S, D], and with adapters `a.{group}` [r, in],
 * `b.{group}` [R, Σ out, r]. Outputs: `logits` [R, T, V], `best` [R, T], `peak` and `normalizer` [R, T, 1]; `fresh`
 * [R, T, 2·layers·K·D], each layer's rotated key, then its value. With `manyRows` the products suit batches of single
 * tokens: see `weightReader`.
 */
export function decodeGraph(
  config: ModelConfig,
  options: {
    adapters: boolean;
    quantization?: Quantization | null;
    manyRows?: boolean;
    length?: number;
  },
): Record<string, Value> {
  const { headCount: H, kvHeadCount: K, headSize: D } = config;
  const { length: T = 1 } = options;
  const G = H / K;
  const positions = input("positions", { dtype: "i64", shape: ["R", T] });
  const maskShape = ["R", 1, T === 1 ? 1 : G * T, `S+${T}`];
  const inputsOf = layerInputs(config, { maskShape, positions: "P" });
  const fresh: Value[] = [];
  const parts: DecoderParts = {
    ...weightReader(config, options.quantization ?? null, options),
    attend(layer, q, k, v) {
      const past = (kind: string) =>
        input(`past.${layer}.${kind}`, { dtype: "f32", shape: ["R", K, "S", D] });
      const { mask, cos, sin } = inputsOf(layer);
      const key = rotate(k, positions, cos, sin, D);
      fresh.push(key, v);
      // The runtime's product of one row with a transposed matrix takes no factor; with a factor it first packs all
      // keys.
      const scaled = multiply(rotate(q, positions, cos, sin, D), scalar(config.attentionScale));
      // With one position a row, heads need no transposition: query heads of one key head are neighbours.
      const byHead = (x: Value, groups: number) =>
        T === 1 ? x : transpose(reshape(x, ["R", T, K, groups, D]), [0, 2, 3, 1, 4]);
      const queries = reshape(byHead(scaled, G), ["R", K, G * T, D]);
      const own = (x: Value) => reshape(byHead(x, 1), ["R", K, T, D]);
      const options = { transposeB: true };
      const scores = concat(
        [matmul(queries, past("key"), options), matmul(queries, own(key), options)],
        3,
      );
      const shares = softmax(add(softcap(scores, config.attentionSoftcap), mask));
      const before = matmul(slice(shares, 3, 0, -T), past("value"));
      const now = matmul(slice(shares, 3, -T, 0), own(v));
      const attended = add(before, now);
      if (T === 1) return reshape(attended, ["R", 1, H * D]);
      const byToken = transpose(reshape(attended, ["R", K, G, T, D]), [0, 3, 1, 2, 4]);
      return reshape(byToken, ["R", T, H * D]);
    },
    ...(options.adapters ? { lora: adapterInputs(config) } : {}),
  };
  const hidden = decoder(config, input("ids", { dtype: "i64", shape: ["R", T] }), parts);
  return { ...nextTokens(config, hidden, parts), fresh: concat(fresh, 2) };
}
