/** The step graph: any number of new tokens over a cache updated in place, an adapter a row; it serves prefill. */
import type { ModelConfig } from "./checkpoint.ts";
import { type DecoderParts, decoder, nextTokens } from "./decoder.ts";
import { constant, input, slice } from "./functions.ts";
import { applyAll, type Value } from "./graph.ts";
import { layerKind, namedRopeTables } from "./layer-kinds.ts";
import { adapterInputs } from "./lora.ts";
import type { Quantization } from "./quantize.ts";
import { weightReader } from "./weights.ts";

/**
 * Inputs: `ids` [R, T], `past.{layer}.key|value` [R, K, S, D], `last` [R] (index of each row's last token),
 * `total` [] (longest length), and with adapters `a.{group}` [r, in], `b.{group}` [R, Σ out, r].
 * Outputs: of the last position `logits` [R, 1, V], `best` [R, 1], `peak` and `normalizer` [R, 1, 1];
 * `present.{layer}.key|value` over the past's memory.
 */
export function stepGraph(
  config: ModelConfig,
  options: { positions: number; adapters: boolean; quantization?: Quantization | null },
): Record<string, Value> {
  const { kvHeadCount, headSize } = config;
  const tables = new Map(
    Object.entries(namedRopeTables(config, options.positions)).map(([name, table]) => [
      name,
      constant([options.positions, headSize / 2], table),
    ]),
  );
  const last = input("last", { dtype: "i32", shape: ["R"] });
  const total = input("total", { dtype: "i32", shape: [] });
  const caches: Record<string, Value> = {};
  const parts: DecoderParts = {
    ...weightReader(options.quantization ?? null),
    attend(layer, q, k, v) {
      const past = (kind: string) =>
        input(`past.${layer}.${kind}`, { dtype: "f32", shape: ["R", kvHeadCount, "S", headSize] });
      const { cos, sin, window } = layerKind(config, layer);
      const [attended, key, value] = applyAll(
        "attendCached",
        [q, k, v, past("key"), past("value"), last, total, tables.get(cos)!, tables.get(sin)!],
        {
          headCount: config.headCount,
          kvHeadCount,
          headSize,
          scale: config.attentionScale,
          window,
          softcap: config.attentionSoftcap,
        },
      );
      caches[`present.${layer}.key`] = key!;
      caches[`present.${layer}.value`] = value!;
      return attended!;
    },
    ...(options.adapters ? { lora: adapterInputs(config) } : {}),
  };
  const hidden = decoder(config, input("ids", { dtype: "i64", shape: ["R", "T"] }), parts);
  return { ...nextTokens(config, slice(hidden, 1, -1, 0), parts), ...caches };
}
