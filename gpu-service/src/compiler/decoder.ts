/**
 * A Llama-type decoder as a graph: Llama, Mistral, Qwen2 (biases), Qwen3 (q/k norms) and Gemma (norms of 1 + w,
 * scaled embeddings, GeGLU; from the second on norms on both sides and capped logits).
 *
 * Letters in shapes: R rows, T positions, C hidden size, V vocabulary, H heads, D head size, r rank.
 * How positions attend and where weights come from is the caller's: the step graph attends over a cache,
 * the adapt and training graphs over the whole sequence.
 */
import type { ModelConfig } from "./checkpoint.ts";
import {
  add,
  gatherRows,
  gelu,
  matmul,
  multiply,
  reshape,
  rmsNorm,
  scalar,
  silu,
  softcap,
} from "./functions.ts";
import type { Value } from "./graph.ts";

export interface DecoderParts {
  /** A checkpoint tensor by its Hugging Face name. */
  weight(name: string, shape: number[]): Value;
  /** x·Wᵀ for the checkpoint's matrix of this name, [out, in]. */
  linear(x: Value, name: string, shape: [number, number]): Value;
  /** Attention of layer `layer` over q, k, v [R, T, heads·D], positions not yet applied. */
  attend(layer: number, q: Value, k: Value, v: Value): Value;
  /** Adapter matrices; absent in graphs of the base model. */
  lora?: {
    /** A [r, in] of a group. */
    a(group: string): Value;
    /** B [R, out, r] of a module. */
    b(module: string): Value;
  };
}

/** Final hidden states [R, T, C] of the ids [R, T]. */
export function decoder(config: ModelConfig, ids: Value, parts: DecoderParts): Value {
  let h = gatherRows(embeddings(config, parts), ids);
  if (config.embeddingScale !== 1) h = multiply(h, scalar(config.embeddingScale));
  for (let layer = 0; layer < config.layerCount; layer++) {
    const norm = (name: string, x: Value) =>
      normalise(config, `model.layers.${layer}.${name}`, x, parts);
    const attend = (x: Value) => attention(config, layer, x, parts);
    const feedForward = (x: Value) => mlp(config, layer, x, parts);
    if (config.sandwichNorms) {
      const attended = attend(norm("input_layernorm", h));
      h = add(h, norm("post_attention_layernorm", attended));
      const fed = feedForward(norm("pre_feedforward_layernorm", h));
      h = add(h, norm("post_feedforward_layernorm", fed));
    } else {
      h = add(h, attend(norm("input_layernorm", h)));
      h = add(h, feedForward(norm("post_attention_layernorm", h)));
    }
  }
  return normalise(config, "model.norm", h, parts);
}

/** Logits [.., V] of hidden states [.., C]. */
export function head(config: ModelConfig, h: Value, parts: DecoderParts): Value {
  const table = config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";
  const logits = parts.linear(h, table, [config.vocabSize, config.hiddenSize]);
  return softcap(logits, config.logitSoftcap);
}

function embeddings(config: ModelConfig, parts: DecoderParts): Value {
  return parts.weight("model.embed_tokens.weight", [config.vocabSize, config.hiddenSize]);
}

function attention(config: ModelConfig, layer: number, x: Value, parts: DecoderParts): Value {
  const { hiddenSize: C, headCount, kvHeadCount, headSize, attentionBias } = config;
  const path = `model.layers.${layer}.self_attn`;
  const width = headCount * headSize;
  const kvWidth = kvHeadCount * headSize;
  const project = reader(x, `${layer}.attn_in`, parts);
  const q = project(`${path}.q_proj`, C, width, attentionBias.qkv);
  const k = project(`${path}.k_proj`, C, kvWidth, attentionBias.qkv);
  const v = project(`${path}.v_proj`, C, kvWidth, attentionBias.qkv);
  const attended = parts.attend(
    layer,
    config.qkNorm ? headNorm(config, `${path}.q_norm`, q, parts) : q,
    config.qkNorm ? headNorm(config, `${path}.k_norm`, k, parts) : k,
    v,
  );
  return reader(attended, `${layer}.attn_out`, parts)(
    `${path}.o_proj`,
    width,
    C,
    attentionBias.output,
  );
}

function mlp(config: ModelConfig, layer: number, x: Value, parts: DecoderParts): Value {
  const { hiddenSize: C, intermediateSize: F, mlpBias } = config;
  const path = `model.layers.${layer}.mlp`;
  const project = reader(x, `${layer}.mlp_in`, parts);
  const activate = config.activation === "silu" ? silu : gelu;
  const gate = activate(project(`${path}.gate_proj`, C, F, mlpBias));
  const hidden = multiply(gate, project(`${path}.up_proj`, C, F, mlpBias));
  return reader(hidden, `${layer}.mlp_out`, parts)(`${path}.down_proj`, F, C, mlpBias);
}

/** Linear layers that read the same x: x·Wᵀ (+ bias) + (x·Aᵀ)·Bᵀ, with x·Aᵀ made once. */
function reader(x: Value, group: string, { weight, linear, lora }: DecoderParts) {
  const down = lora && matmul(x, lora.a(group), { transposeB: true });
  return (module: string, inSize: number, outSize: number, bias: boolean): Value => {
    let y = linear(x, `${module}.weight`, [outSize, inSize]);
    if (bias) y = add(y, weight(`${module}.bias`, [outSize]));
    if (lora && down) y = add(y, matmul(down, lora.b(module), { transposeB: true }));
    return y;
  };
}

/** RMS norm of each head on its own [R, T, heads·D]. */
function headNorm(config: ModelConfig, name: string, x: Value, parts: DecoderParts): Value {
  const { headSize } = config;
  const [R, T, width] = x.shape as [number, number, number];
  const heads = reshape(x, [R, T, width / headSize, headSize]);
  return reshape(normalise(config, name, heads, parts), x.shape);
}

/** RMS norm over the last axis with the weight of the module `name`. */
function normalise(config: ModelConfig, name: string, x: Value, { weight }: DecoderParts): Value {
  const scale = weight(`${name}.weight`, [x.shape.at(-1) as number]);
  return rmsNorm(x, config.normOffset ? add(scale, scalar(1)) : scale, config.rmsNormEps);
}
