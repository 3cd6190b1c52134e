/**
 * Step graphs: new tokens over a cache updated in place, one adapter a row. `stepGraph` takes any number of tokens and
 * serves prefill. `deviceStepGraph` is its counterpart for a device that keeps cache and weights, and serves both.
 */
import type { ModelConfig } from "../../checkpoint/checkpoint.ts";
import { adapterInputs } from "../decoder/adapter-inputs.ts";
import { attendCached } from "../decoder/attention.ts";
import { type DecoderParts, decoder, head, nextTokens } from "../decoder/decoder.ts";
import { layerKind, namedRopeTables } from "../decoder/layer-kinds.ts";
import type { Quantization } from "../decoder/quantize.ts";
import { weightReader } from "../decoder/weights.ts";
import { constant, input, slice } from "../ir/functions.ts";
import { apply } from "../ir/graph.ts";
import type { Dim, Value } from "../ir/types.ts";

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
  const { headSize } = config;
  const tables = new Map(
    Object.entries(namedRopeTables(config, options.positions)).map(([name, table]) => [
      name,
      constant([options.positions, headSize / 2], table),
    ]),
  );
  const { attend, caches } = cachedAttention(config, "R", (name) => tables.get(name)!);
  const parts: DecoderParts = {
    ...weightReader(config, options.quantization ?? null),
    attend,
    ...(options.adapters ? { lora: adapterInputs(config) } : {}),
  };
  const ids = input("ids", { dtype: "i64", shape: ["R", "T"] });
  return { ...nextTokens(config, decoder(config, ids, parts, lastPosition), parts), ...caches };
}

/**
 * One row of any length (`tokens` "many"), or one token of any number of rows ("one"), with adapters of one rank or
 * none: a device's products need all axes but one known. Inputs as of `stepGraph`, but `b.{group}` is [R, r, Σ out];
 * `cos`, `sin` [P, D/2] (layer-kinds.ts) and all weights are inputs, so that every graph reads the same buffers.
 * Outputs: `next` [R, 1, 3] (see the primitive `likeliestPacked`), `logits` [R, 1, V], `present.{layer}.key|value`.
 */
export function deviceStepGraph(
  config: ModelConfig,
  {
    rank,
    quantization,
    tokens,
  }: { rank: number | null; quantization: Quantization | null; tokens: "one" | "many" },
): Record<string, Value> {
  const [R, T]: [Dim, Dim] = tokens === "one" ? ["R", 1] : [1, "T"];
  const tables = new Map<string, Value>();
  const table = (name: string) => {
    const made =
      tables.get(name) ?? input(name, { dtype: "f32", shape: ["P", config.headSize / 2] });
    tables.set(name, made);
    return made;
  };
  const { attend, caches } = cachedAttention(config, R, table);
  const parts: DecoderParts = {
    ...weightReader(config, quantization),
    attend,
    ...(rank === null ? {} : { lora: adapterInputs(config, { rows: R, rank, transposed: true }) }),
  };
  const ids = input("ids", { dtype: "i64", shape: [R, T] });
  const hidden = decoder(config, ids, parts, tokens === "one" ? undefined : lastPosition);
  const logits = head(config, hidden, parts);
  return { next: apply("likeliestPacked", [logits], {}), logits, ...caches };
}

/** [R, 1, ..] of [R, T, ..]. */
function lastPosition(x: Value): Value {
  return slice(x, 1, -1, 0);
}

/** Attention over `past.{layer}.key|value`, which adds the outputs `present.…`. */
function cachedAttention(config: ModelConfig, R: Dim, table: (name: string) => Value) {
  const { kvHeadCount, headSize } = config;
  const last = input("last", { dtype: "i32", shape: [R] });
  const total = input("total", { dtype: "i32", shape: [] });
  const caches: Record<string, Value> = {};
  const attend: DecoderParts["attend"] = (layer, q, k, v) => {
    const past = (kind: string) =>
      input(`past.${layer}.${kind}`, { dtype: "f32", shape: [R, kvHeadCount, "S", headSize] });
    const { cos, sin, window } = layerKind(config, layer);
    const cache = { pastKey: past("key"), pastValue: past("value"), last, total };
    const tables = { cos: table(cos), sin: table(sin) };
    const [attended, key, value] = attendCached(config, [q, k, v], { ...cache, ...tables }, window);
    caches[`present.${layer}.key`] = key!;
    caches[`present.${layer}.value`] = value!;
    return attended!;
  };
  return { attend, caches };
}
