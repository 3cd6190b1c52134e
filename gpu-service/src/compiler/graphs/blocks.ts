/**
 * Whole rows in pieces: embedding, attention and MLP blocks, each a graph of its own that runs forward or backward. The
 * head's graphs are in head.ts. It knows neither the rows' tokens nor when a piece runs; see the row passes.
 *
 * A backward graph starts from its block's input and computes again what it needs inside. So only the blocks' inputs
 * are kept between forward and backward, and one piece is a short slice of work.
 */

import type { ModelConfig } from "../../checkpoint/checkpoint.ts";
import { type LoraSite, loraSites } from "../../lora/sites.ts";
import { attendByHead, attendCached, attendSequence } from "../decoder/attention.ts";
import {
  attentionBlock,
  type DecoderParts,
  embed,
  mlpBlock,
  outsideBlocks,
} from "../decoder/decoder.ts";
import type { Quantization } from "../decoder/quantize.ts";
import { fedWeights, weightReader } from "../decoder/weights.ts";
import { gradients } from "../gradients.ts";
import { input, matmul } from "../ir/functions.ts";
import type { Dim, Value } from "../ir/types.ts";

export const blockKinds = ["attention", "mlp"] as const;
export type BlockKind = (typeof blockKinds)[number];

export interface BlockOptions {
  kind: BlockKind;
  layer: number;
  /** Makes the backward graph. */
  backward: boolean;
  /** Whether the layer's weights are inputs under their names, or are read from the checkpoint. */
  weights: "fed" | "mapped";
  quantization?: Quantization | null;
  /** How it attends; all heads at once under a mask by default. */
  attention?: Attention;
  /** Rows of a run and rank of the adapter, any by default. */
  rows?: Dim;
  rank?: Dim;
}

/**
 * All heads at once; one after the other, for rows whose scores are large; or in one kernel, which computes no scores that
 * a causal mask would hide, but has no gradients: `window` is the number of positions that a position sees.
 */
export type Attention = "together" | "byHead" | { window: number | null };

/** The adapted linears of a block, in the order of an adapter's flat vector. */
export function blockSites(config: ModelConfig, layer: number, kind: BlockKind): LoraSite[] {
  const part = kind === "attention" ? "self_attn" : "mlp";
  return loraSites(config).filter(({ module }) =>
    module.startsWith(`model.layers.${layer}.${part}.`),
  );
}

/**
 * Inputs: `h` [R, T, C]; for attention `cos` and `sin` [P, D/2], and `positions` [R, T] and `mask` [T, T] or, in one
 * kernel, an empty cache `past.key|value` [R, K, 0, D], `last` [R] (T − 1) and `total` [] (T); `a.{group}` [r, in] and
 * `b.{module}` [out, r] of the block. Output: `out` [R, T, C].
 * Backward: also `g` [R, T, C], the cotangent of `out`. Outputs: `cotangent` [R, T, C] of `h` and
 * `jacobian.{module}` [R, out, r], row i from row i of `g` alone.
 */
export function blockGraph(config: ModelConfig, options: BlockOptions): Record<string, Value> {
  const { kind, layer, backward, rows: R = "R", rank = "r", attention = "together" } = options;
  const stream = [R, "T", config.hiddenSize];
  const h = input("h", { dtype: "f32", shape: stream });
  const sites = blockSites(config, layer, kind);
  const a = new Map(
    sites.map(({ group, in: width }) => [
      group,
      input(`a.${group}`, { dtype: "f32", shape: [rank, width] }),
    ]),
  );
  // Each adapted linear's gradient: B is shared by all rows, so a row's ∂S/∂B is its own part of gᵀ·down.
  const ups = new Map<string, { down: Value; up: Value }>();
  const parts: DecoderParts = {
    ...(options.weights === "fed"
      ? fedWeights()
      : weightReader(config, options.quantization ?? null)),
    attend: (_, q, k, v) => {
      if (typeof attention === "object")
        return attendAtOnce(config, [q, k, v], attention.window, R);
      const attend = attention === "byHead" ? attendByHead : attendSequence;
      return attend(config, q, k, v, sequenceInputs(config, R));
    },
    lora: {
      a: (group) => a.get(group)!,
      up: (module, down) => {
        const { out } = sites.find((site) => site.module === module)!;
        const b = input(`b.${module}`, { dtype: "f32", shape: [out, rank] });
        const up = matmul(down, b, { transposeB: true });
        ups.set(module, { down, up });
        return up;
      },
    },
  };
  const block = kind === "attention" ? attentionBlock : mlpBlock;
  const out = block(config, layer, h, parts);
  if (!backward) return { out };
  const g = input("g", { dtype: "f32", shape: stream });
  const added = sites.map(({ module }) => ups.get(module)!);
  const [cotangent, ...cotangents] = gradients(
    [{ value: out, seed: g }],
    [h, ...added.map(({ up }) => up)],
  );
  const jacobians = added.map(({ down }, site) =>
    matmul(cotangents[site]!, down, { transposeA: true }),
  );
  return {
    cotangent: cotangent!,
    ...Object.fromEntries(
      sites.map(({ module }, index) => [`jacobian.${module}`, jacobians[index]!]),
    ),
  };
}

/** Input: `ids` [R, T]. Output: `out` [R, T, C]. */
export function embedGraph(
  config: ModelConfig,
  quantization: Quantization | null,
): Record<string, Value> {
  const ids = input("ids", { dtype: "i64", shape: ["R", "T"] });
  return {
    out: embed(config, ids, { ...weightReader(config, quantization), attend: outsideBlocks }),
  };
}

function sequenceInputs({ headSize }: ModelConfig, R: Dim) {
  const half = headSize / 2;
  return {
    positions: input("positions", { dtype: "i64", shape: [R, "T"] }),
    mask: input("mask", { dtype: "f32", shape: ["T", "T"] }),
    cos: input("cos", { dtype: "f32", shape: ["P", half] }),
    sin: input("sin", { dtype: "f32", shape: ["P", half] }),
  };
}

/** Causal attention over an empty cache, in one kernel. */
function attendAtOnce(
  config: ModelConfig,
  qkv: readonly [Value, Value, Value],
  window: number | null,
  R: Dim,
): Value {
  const { cos, sin } = sequenceInputs(config, R);
  const past = (kind: string) =>
    input(`past.${kind}`, { dtype: "f32", shape: [R, config.kvHeadCount, 0, config.headSize] });
  const cache = {
    pastKey: past("key"),
    pastValue: past("value"),
    last: input("last", { dtype: "i32", shape: [R] }),
    total: input("total", { dtype: "i32", shape: [] }),
  };
  return attendCached(config, qkv, { ...cache, cos, sin }, window)[0]!;
}
