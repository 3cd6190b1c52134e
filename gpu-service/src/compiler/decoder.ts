/**
 * A Llama-type decoder as a graph: Llama, Mistral, Qwen2 (biases) and Qwen3 (q/k norms).
 *
 * Letters in shapes: R rows, T positions, C hidden size, V vocabulary, H heads, D head size, r rank.
 * How positions attend and where weights come from is the caller's: the step graph attends over a cache,
 * the adapt and training graphs over the whole sequence.
 */
import type { ModelConfig } from "./checkpoint.ts";
import { add, gatherRows, matmul, multiply, reshape, rmsNorm, silu } from "./functions.ts";
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
  const { weight } = parts;
  const { hiddenSize: C, rmsNormEps: epsilon } = config;
  let h = gatherRows(embeddings(config, parts), ids);
  for (let layer = 0; layer < config.layerCount; layer++) {
    const path = `model.layers.${layer}`;
    h = add(
      h,
      attention(
        config,
        layer,
        rmsNorm(h, weight(`${path}.input_layernorm.weight`, [C]), epsilon),
        parts,
      ),
    );
    h = add(
      h,
      mlp(
        config,
        layer,
        rmsNorm(h, weight(`${path}.post_attention_layernorm.weight`, [C]), epsilon),
        parts,
      ),
    );
  }
  return rmsNorm(h, weight("model.norm.weight", [C]), epsilon);
}

/** Logits [.., V] of hidden states [.., C]. */
export function head(config: ModelConfig, h: Value, parts: DecoderParts): Value {
  const table = config.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight";
  return parts.linear(h, table, [config.vocabSize, config.hiddenSize]);
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
  const gate = silu(project(`${path}.gate_proj`, C, F, mlpBias));
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
function headNorm(config: ModelConfig, name: string, x: Value, { weight }: DecoderParts): Value {
  const { headSize } = config;
  const [R, T, width] = x.shape as [number, number, number];
  const heads = reshape(x, [R, T, width / headSize, headSize]);
  const normal = rmsNorm(heads, weight(`${name}.weight`, [headSize]), config.rmsNormEps);
  return reshape(normal, x.shape);
}
