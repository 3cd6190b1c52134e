/**
 * A Llama-type decoder as a graph: Llama, Mistral, SmolLM3, Qwen2 (biases), Qwen3 (q/k norms), Gemma (norms of 1 + w,
 * scaled embeddings, GeGLU; from Gemma 2 on norms on both sides and capped logits), Phi (a part of each head rotated),
 * Granite (scaled residuals and logits) and OLMo (norms after).
 *
 * Letters in shapes: R rows, T positions, C hidden size, V vocabulary, H heads, D head size, r rank. The caller decides
 * how positions attend and where weights come from: the step graph attends over a cache, the update and training graphs
 * over the whole sequence.
 */
import type { ModelConfig } from "../../checkpoint/checkpoint.ts";
import {
  add,
  concat,
  gatherRows,
  gelu,
  matmul,
  multiply,
  reshape,
  rmsNorm,
  scalar,
  silu,
  softcap,
  split,
} from "../ir/functions.ts";
import { applyAll } from "../ir/graph.ts";
import type { Value } from "../ir/types.ts";

export interface DecoderParts {
  /** A checkpoint tensor by its Hugging Face name. */
  weight(name: string, shape: number[]): Value;
  /** x·Wᵀ for the checkpoint's matrix of this name, [out, in]. */
  linear(x: Value, name: string, shape: [number, number]): Value;
  /** Attention of layer `layer` over q, k, v [R, T, heads·D], positions not yet applied. */
  attend(layer: number, q: Value, k: Value, v: Value): Value;
  /** Joint product of one x with several matrices side by side, [.., Σ out], biases added; null without a joint matrix. */
  joined?(x: Value, linears: readonly Linear[]): Value | null;
  /** Adapter matrices; absent in graphs of the base model. */
  lora?: {
    /** A [r, in] of a group. */
    a(group: string): Value;
  } & (
    | {
        /** low·Bᵀ [R, T, out] of a module, for low = x·Aᵀ [R, T, r]. */
        up(module: string, low: Value): Value;
      }
    | {
        /** `up` of all modules of a group side by side: [R, T, Σ out]. */
        joinedUp(group: string, low: Value): Value;
      }
  );
}

/** A linear layer of the checkpoint, by its module path. */
export interface Linear {
  module: string;
  in: number;
  out: number;
  bias: boolean;
}

/**
 * Final hidden states [R, T, C] of the ids [R, T], or [R, T', C] at the positions that `only` takes of [R, T, ..]: in the
 * last layer nothing attends to what comes after attention, so it is not computed elsewhere.
 */
export function decoder(
  config: ModelConfig,
  ids: Value,
  parts: DecoderParts,
  only: (x: Value) => Value = (x) => x,
): Value {
  let h = embed(config, ids, parts);
  for (let layer = 0; layer < config.layerCount; layer++) {
    const isLast = layer === config.layerCount - 1;
    const attended = attentionBlock(config, layer, h, parts, isLast ? only : undefined);
    h = mlpBlock(config, layer, attended, parts);
  }
  return finalNorm(config, h, parts);
}

/** Hidden states [.., C] before the first block. */
export function embed(config: ModelConfig, ids: Value, parts: DecoderParts): Value {
  return scaled(gatherRows(embeddings(config, parts), ids), config.embeddingScale);
}

/**
 * h + attention(norm(h)); the norm may also stand after the attention, or on both sides. All positions are attended to,
 * and `only` takes those that go on.
 */
export function attentionBlock(
  config: ModelConfig,
  layer: number,
  h: Value,
  parts: DecoderParts,
  only: (x: Value) => Value = (x) => x,
): Value {
  const norm = layerNorm(config, layer, parts);
  const entering = config.norms === "after" ? h : norm("input_layernorm", h);
  const attended = attention(config, layer, entering, {
    ...parts,
    attend: (...of) => only(parts.attend(...of)),
  });
  const leaving = config.norms === "before" ? attended : norm("post_attention_layernorm", attended);
  return add(only(h), scaled(leaving, config.residualScale));
}

/** h + mlp(norm(h)); the norm may also stand after the MLP, or on both sides. */
export function mlpBlock(config: ModelConfig, layer: number, h: Value, parts: DecoderParts): Value {
  const norm = layerNorm(config, layer, parts);
  const before = {
    before: "post_attention_layernorm",
    around: "pre_feedforward_layernorm",
    after: null,
  }[config.norms];
  const fed = mlp(config, layer, before === null ? h : norm(before, h), parts);
  const leaving = config.norms === "before" ? fed : norm("post_feedforward_layernorm", fed);
  return add(h, scaled(leaving, config.residualScale));
}

export function finalNorm(config: ModelConfig, h: Value, parts: DecoderParts): Value {
  return normalise(config, "model.norm", h, parts);
}

/** Logits [.., V] of hidden states [.., C]. */
export function head(config: ModelConfig, h: Value, parts: DecoderParts): Value {
  return logitsOf(
    config,
    parts.linear(h, headTable(config), [config.vocabSize, config.hiddenSize]),
  );
}

/** Scales and caps the head's products to logits. */
export function logitsOf({ logitScale, logitSoftcap }: ModelConfig, products: Value): Value {
  return softcap(scaled(products, logitScale), logitSoftcap);
}

/** The matrix [V, C] that makes logits. */
export function headTable({ tiedEmbeddings }: ModelConfig): string {
  return tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";
}

/** For graphs that have only embedding and head. */
export const outsideBlocks: DecoderParts["attend"] = () => {
  throw new Error("Cannot attend outside a block");
};

/** The next tokens after hidden states [R, 1, C]; see the primitive `likeliest`. */
export function nextTokens(config: ModelConfig, h: Value, parts: DecoderParts) {
  const logits = head(config, h, parts);
  const [best, peak, normalizer] = applyAll("likeliest", [logits], {});
  return { logits, best: best!, peak: peak!, normalizer: normalizer! };
}

function embeddings(config: ModelConfig, parts: DecoderParts): Value {
  return parts.weight("model.embed_tokens.weight", [config.vocabSize, config.hiddenSize]);
}

function layerNorm(config: ModelConfig, layer: number, parts: DecoderParts) {
  return (name: string, x: Value) => normalise(config, `model.layers.${layer}.${name}`, x, parts);
}

function attention(config: ModelConfig, layer: number, x: Value, parts: DecoderParts): Value {
  const { hiddenSize: C, headCount, kvHeadCount, headSize, attentionBias } = config;
  const path = `model.layers.${layer}.self_attn`;
  const width = headCount * headSize;
  const kvWidth = kvHeadCount * headSize;
  const into = { in: C, bias: attentionBias.qkv };
  const [q, k, v] = project(x, `${layer}.attn_in`, parts, [
    { module: `${path}.q_proj`, out: width, ...into },
    { module: `${path}.k_proj`, out: kvWidth, ...into },
    { module: `${path}.v_proj`, out: kvWidth, ...into },
  ]) as [Value, Value, Value];
  const ready = (x: Value, norm: string) =>
    paired(config, queryKeyNorm(config, `${path}.${norm}`, x, parts));
  const attended = parts.attend(layer, ready(q, "q_norm"), ready(k, "k_norm"), v);
  const out = { module: `${path}.o_proj`, in: width, out: C, bias: attentionBias.output };
  return project(attended, `${layer}.attn_out`, parts, [out])[0]!;
}

function mlp(config: ModelConfig, layer: number, x: Value, parts: DecoderParts): Value {
  const { hiddenSize: C, intermediateSize: F, mlpBias } = config;
  const path = `model.layers.${layer}.mlp`;
  const into = { in: C, out: F, bias: mlpBias };
  const [gate, up] = project(x, `${layer}.mlp_in`, parts, [
    { module: `${path}.gate_proj`, ...into },
    { module: `${path}.up_proj`, ...into },
  ]) as [Value, Value];
  const activate = config.activation === "silu" ? silu : gelu;
  const hidden = multiply(activate(gate), up);
  const down = { module: `${path}.down_proj`, in: F, out: C, bias: mlpBias };
  return project(hidden, `${layer}.mlp_out`, parts, [down])[0]!;
}

/** Linear layers that read the same x: x·Wᵀ (+ bias) + (x·Aᵀ)·Bᵀ each, with x·Aᵀ made once. */
function project(
  x: Value,
  group: string,
  parts: DecoderParts,
  linears: readonly Linear[],
): Value[] {
  const { weight, linear, lora } = parts;
  const sizes = linears.map(({ out }) => out);
  const joined = parts.joined?.(x, linears) ?? null;
  const low = lora && matmul(x, lora.a(group), { transposeB: true });
  const shift = low && "joinedUp" in lora ? lora.joinedUp(group, low) : null;
  if (joined && shift) return split(add(joined, shift), sizes);
  const products = joined
    ? split(joined, sizes)
    : linears.map(({ module, in: width, out, bias }) => {
        const y = linear(x, `${module}.weight`, [out, width]);
        return bias ? add(y, weight(`${module}.bias`, [out])) : y;
      });
  if (shift) return addEach(products, split(shift, sizes));
  if (!low || !("up" in lora)) return products;
  return addEach(
    products,
    linears.map(({ module }) => lora.up(module, low)),
  );
}

function addEach(a: readonly Value[], b: readonly Value[]): Value[] {
  return a.map((value, index) => add(value, b[index]!));
}

/** RMS norm of queries or keys [R, T, heads·D], of each head on its own or of all together. */
function queryKeyNorm(config: ModelConfig, name: string, x: Value, parts: DecoderParts): Value {
  if (config.qkNorm === null) return x;
  if (config.qkNorm === "all") return normalise(config, name, x, parts);
  return reshape(normalise(config, name, byHead(config, x), parts), x.shape);
}

/**
 * A rotation turns number i of a head together with number i + D/2. If only the first r of D numbers are rotated (i
 * with i + r/2), they are reordered: each half of the rotated ones is followed by half of the others.
 */
function paired(config: ModelConfig, x: Value): Value {
  const { headSize: D, rotarySize: r } = config;
  if (r === D) return x;
  const parts = split(byHead(config, x), [r / 2, r / 2, (D - r) / 2, (D - r) / 2]);
  const [first, second, restFirst, restSecond] = parts as [Value, Value, Value, Value];
  return reshape(concat([first, restFirst, second, restSecond], 3), x.shape);
}

/** [R, T, heads, D] of [R, T, heads·D]. */
function byHead({ headSize }: ModelConfig, x: Value): Value {
  const [R, T, width] = x.shape as [number, number, number];
  return reshape(x, [R, T, width / headSize, headSize]);
}

function scaled(x: Value, factor: number): Value {
  return factor === 1 ? x : multiply(x, scalar(factor));
}

/** RMS norm over the last axis with the weight of the module `name`. */
function normalise(config: ModelConfig, name: string, x: Value, { weight }: DecoderParts): Value {
  const scale = weight(`${name}.weight`, [x.shape.at(-1) as number]);
  return rmsNorm(x, config.normOffset ? add(scale, scalar(1)) : scale, config.rmsNormEps);
}
