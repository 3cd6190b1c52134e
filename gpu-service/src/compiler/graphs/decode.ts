/**
 * The decode graph: one new token a row over a cache that it only reads.
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
} from "../ir/functions.ts";
import type { Value } from "../ir/types.ts";

/**
 * Inputs: `ids` and `positions` [R, 1], `mask` [R, 1, 1, S+1] (added to the scores: past positions, then the
 * new one), `cos` and `sin` [P, D/2] (layer-kinds.ts: also `.window`, where layers differ),
 * `past.{layer}.key|value` [R, K, S, D], and with adapters `a.{group}` [r, in], `b.{group}` [R, Σ out, r].
 * Outputs: `logits` [R, 1, V], `best` [R, 1], `peak` and `normalizer` [R, 1, 1]; `fresh` [R, 1, 2·layers·K·D],
 * each layer's rotated key, then its value. With `manyRows` the products suit batches: see `weightReader`.
 */
export function decodeGraph(
  config: ModelConfig,
  options: { adapters: boolean; quantization?: Quantization | null; manyRows?: boolean },
): Record<string, Value> {
  const { headCount: H, kvHeadCount: K, headSize: D } = config;
  const positions = input("positions", { dtype: "i64", shape: ["R", 1] });
  const inputsOf = layerInputs(config, { maskShape: ["R", 1, 1, "S+1"], positions: "P" });
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
      const queries = reshape(scaled, ["R", K, H / K, D]);
      const own = (x: Value) => reshape(x, ["R", K, 1, D]);
      const options = { transposeB: true };
      const scores = concat(
        [matmul(queries, past("key"), options), matmul(queries, own(key), options)],
        3,
      );
      const shares = softmax(add(softcap(scores, config.attentionSoftcap), mask));
      const before = matmul(slice(shares, 3, 0, -1), past("value"));
      const now = matmul(slice(shares, 3, -1, 0), own(v));
      return reshape(add(before, now), ["R", 1, H * D]);
    },
    ...(options.adapters ? { lora: adapterInputs(config) } : {}),
  };
  const hidden = decoder(config, input("ids", { dtype: "i64", shape: ["R", 1] }), parts);
  return { ...nextTokens(config, hidden, parts), fresh: concat(fresh, 2) };
}
