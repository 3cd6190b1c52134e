/**
 * Turns a checkpoint's config.json into the one `ModelConfig` that the compiler reads, or says which field
 * it cannot run. It reads no weights and executes nothing.
 *
 * Defaults are those of each family's configuration class in `transformers`, because a saved config may
 * leave out what equals them.
 */
import { z } from "zod";
import { invalid, parse, unsupported } from "./config-errors.ts";
import {
  type Activation,
  type Architecture,
  architectures,
  type Family,
  families,
  isArchitecture,
} from "./families/index.ts";
import { type Rope, readGemma3Rope, readRope, ropeFields } from "./rope-config.ts";

/** A decoder: RMSNorm, rotary positions, grouped-query attention, gated feed-forward. */
export interface ModelConfig {
  architecture: Architecture;
  vocabSize: number;
  hiddenSize: number;
  intermediateSize: number;
  layerCount: number;
  headCount: number;
  kvHeadCount: number;
  headSize: number;
  rmsNormEps: number;
  /** Norms scale by 1 + w instead of w. */
  normOffset: boolean;
  /** A norm after attention and feed-forward as well as before. */
  sandwichNorms: boolean;
  /** Multiplies the embeddings that enter the first layer. */
  embeddingScale: number;
  /** Multiplies the scores q·k. */
  attentionScale: number;
  /** Bounds scores and logits to (−cap, cap) by cap·tanh(x/cap). */
  attentionSoftcap: number | null;
  logitSoftcap: number | null;
  rope: Rope;
  /** Rotary settings of the layers with a window, where they differ. */
  windowRope: Rope | null;
  /** Tokens of prompt and reply together. */
  contextLength: number;
  /** The output head is the embedding matrix; the checkpoint then needs no `lm_head.weight`. */
  tiedEmbeddings: boolean;
  attentionBias: { qkv: boolean; output: boolean };
  mlpBias: boolean;
  /** RMSNorm over each head's query and key before rotation. */
  qkNorm: boolean;
  /** In layers with a window a position sees itself and the `slidingWindow − 1` before it. */
  slidingWindow: number | null;
  /** Which layers have the window. */
  windowedLayers: readonly boolean[];
  /** Layers that know no positions (NoPE): queries and keys are not rotated. */
  unrotatedLayers: readonly boolean[];
  activation: Activation;
  /** Any of these ends a reply; may be empty. */
  eosIds: readonly number[];
  bosId: number | null;
  /** How to sample where a request does not say; temperature 0 is greedy. */
  sampling: SamplingDefaults;
  /** Type of the saved weights, as the config states it. */
  dtype: "float32" | "float16" | "bfloat16";
}

export interface SamplingDefaults {
  temperature: number;
  top_p: number;
  /** 0 keeps every token. */
  top_k: number;
  min_p: number;
  /** Divides positive logits of tokens in prompt or reply, multiplies negative ones; 1 changes nothing. */
  repetition_penalty: number;
}

const greedy: SamplingDefaults = {
  temperature: 0,
  top_p: 1,
  top_k: 0,
  min_p: 0,
  repetition_penalty: 1,
};

const defaultWindowedFrom = 28;
/** Gemma 2 alternates; Gemma 3 sees everything in every sixth layer. */
const windowPatterns = { gemma2: 2, gemma3_text: 6 };
/** Every so many layers one of SmolLM3 knows no positions. */
const unrotatedIntervalDefault = 4;
const gemma2Softcaps = { attention: 50, logits: 30 };
/** What the attention kernel takes. */
const headSizeStep = 16;
const gemmaQueryScalar = 256;

const count = z.number().int().positive();
const tokenId = z.number().int().nonnegative();
const eosSchema = z.union([tokenId, z.array(tokenId)]).nullish();

const configSchema = z.object({
  model_type: z.string(),
  architectures: z.array(z.string()).nullish(),
  vocab_size: count,
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count.max(1000),
  num_attention_heads: count,
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  rms_norm_eps: z.number().positive().default(1e-6),
  hidden_act: z.string().nullish(),
  hidden_activation: z.string().nullish(),
  query_pre_attn_scalar: z.number().positive().nullish(),
  attn_logit_softcapping: z.number().positive().nullish(),
  final_logit_softcapping: z.number().positive().nullish(),
  use_bidirectional_attention: z.boolean().nullish(),
  max_position_embeddings: count.nullish(),
  ...ropeFields,
  tie_word_embeddings: z.boolean().nullish(),
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  use_sliding_window: z.boolean().nullish(),
  sliding_window: count.nullish(),
  max_window_layers: z.number().int().nonnegative().nullish(),
  layer_types: z.array(z.string()).nullish(),
  sliding_window_pattern: count.nullish(),
  no_rope_layers: z.array(z.number()).nullish(),
  no_rope_layer_interval: count.nullish(),
  /** −1 means none, as do null and silence. */
  bos_token_id: z.union([tokenId, z.literal(-1)]).nullish(),
  eos_token_id: eosSchema,
  dtype: z.string().nullish(),
  torch_dtype: z.string().nullish(),
  quantization_config: z.unknown().optional(),
  auto_map: z.unknown().optional(),
});
type RawConfig = z.infer<typeof configSchema>;

const generationSchema = z.object({
  eos_token_id: eosSchema,
  do_sample: z.boolean().nullish(),
  temperature: z.number().min(0).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  /** −1 keeps every token, as 0 does: vLLM's spelling. */
  top_k: z.number().int().min(-1).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().positive().nullish(),
});

/**
 * Normalises the JSON of config.json and, where there is one, generation_config.json (whose end tokens
 * win, and which says how to sample). Throws `checkpoint_unsupported` naming the field and its value for what this engine cannot run,
 * and `checkpoint_invalid` for what no model could mean.
 */
export function readModelConfig(configJson: unknown, generationJson?: unknown): ModelConfig {
  // The family comes first: another kind of model has other fields, and the type is what to complain about.
  const { model_type } = parse("config.json", z.object({ model_type: z.string() }), configJson);
  if (!isArchitecture(model_type)) throw unsupported("model_type", model_type, architectures);
  const architecture = model_type;
  const family = families[architecture];
  const raw = parse("config.json", configSchema, configJson);
  refuseForeignParts(raw, family);

  const heads = readHeads(raw, family);
  const contextLength = raw.max_position_embeddings ?? family.contextLength;
  const attentionBias = family.biases === "configured" && (raw.attention_bias ?? false);
  const generation =
    generationJson === undefined
      ? undefined
      : parse("generation_config.json", generationSchema, generationJson);
  const { rope, window: windowRope } =
    architecture === "gemma3_text"
      ? readGemma3Rope(raw, contextLength)
      : { rope: readRope(raw, contextLength, family), window: null };
  const unrotatedLayers = readUnrotatedLayers(raw, architecture);

  return {
    architecture,
    vocabSize: raw.vocab_size,
    hiddenSize: raw.hidden_size,
    intermediateSize: raw.intermediate_size,
    layerCount: raw.num_hidden_layers,
    ...heads,
    rmsNormEps: raw.rms_norm_eps,
    normOffset: family.isGemma,
    sandwichNorms: family.sandwichNorms,
    embeddingScale: family.isGemma ? Math.sqrt(raw.hidden_size) : 1,
    attentionScale: 1 / Math.sqrt(readQueryScalar(raw, architecture, heads.headSize)),
    ...readSoftcaps(raw, architecture),
    rope,
    windowRope,
    contextLength,
    tiedEmbeddings: raw.tie_word_embeddings ?? family.tiedEmbeddings,
    attentionBias: { qkv: family.biases === "qkv" || attentionBias, output: attentionBias },
    mlpBias: (architecture === "llama" || architecture === "smollm3") && (raw.mlp_bias ?? false),
    qkNorm: family.qkNorm,
    ...readWindow(raw, architecture, contextLength, unrotatedLayers),
    unrotatedLayers,
    activation: readActivation(raw, family),
    eosIds: readEos(generation?.eos_token_id ?? valueOr(raw.eos_token_id, family.eosIds)),
    bosId: raw.bos_token_id === -1 ? null : (valueOr(raw.bos_token_id, family.bosId) ?? null),
    sampling: readSampling(generation),
    dtype: readDtype(raw),
  };
}

function refuseForeignParts(raw: RawConfig, family: Family): void {
  const className = raw.architectures?.[0];
  if (className !== undefined && className !== family.className)
    throw unsupported("architectures", className, [family.className]);
  if (raw.quantization_config !== undefined && raw.quantization_config !== null)
    throw unsupported("quantization_config", raw.quantization_config, ["unquantised weights"]);
  if (raw.auto_map !== undefined && raw.auto_map !== null)
    throw unsupported("auto_map", raw.auto_map, ["models without code of their own"]);
  if (raw.use_bidirectional_attention)
    throw unsupported("use_bidirectional_attention", true, ["false"]);
}

/** Configs of the first Gemmas say `gelu` and mean its tanh approximation, as `transformers` reads them. */
function readActivation(raw: RawConfig, family: Family): Activation {
  const [field, value] =
    family.isGemma && raw.hidden_activation
      ? ["hidden_activation", raw.hidden_activation]
      : ["hidden_act", raw.hidden_act ?? family.activation];
  if (
    value !== family.activation &&
    !(family.isGemma && field === "hidden_act" && value === "gelu")
  )
    throw unsupported(field, value, [family.activation]);
  return family.activation;
}

/** Scores are divided by the root of this. */
function readQueryScalar(raw: RawConfig, architecture: Architecture, headSize: number): number {
  const hasOwn = architecture === "gemma2" || architecture === "gemma3_text";
  return hasOwn ? (raw.query_pre_attn_scalar ?? gemmaQueryScalar) : headSize;
}

function readSoftcaps(
  raw: RawConfig,
  architecture: Architecture,
): Pick<ModelConfig, "attentionSoftcap" | "logitSoftcap"> {
  if (architecture === "gemma2")
    return {
      attentionSoftcap: valueOr(raw.attn_logit_softcapping, gemma2Softcaps.attention),
      logitSoftcap: valueOr(raw.final_logit_softcapping, gemma2Softcaps.logits),
    };
  if (architecture !== "gemma3_text") return { attentionSoftcap: null, logitSoftcap: null };
  // The reference implementation reads this field of a Gemma 3 and does not apply it.
  if (raw.attn_logit_softcapping)
    throw unsupported("attn_logit_softcapping", raw.attn_logit_softcapping, ["null"]);
  return { attentionSoftcap: null, logitSoftcap: raw.final_logit_softcapping ?? null };
}

function readHeads(
  raw: RawConfig,
  family: Family,
): Pick<ModelConfig, "headCount" | "kvHeadCount" | "headSize"> {
  const headCount = raw.num_attention_heads;
  const kvHeadCount = valueOr(raw.num_key_value_heads, family.kvHeadCount) ?? headCount;
  if (headCount % kvHeadCount !== 0)
    throw invalid(
      "num_key_value_heads",
      `${kvHeadCount} does not divide num_attention_heads ${headCount}`,
    );
  const headSize = raw.head_dim ?? family.headSize ?? raw.hidden_size / headCount;
  if (!Number.isInteger(headSize))
    throw invalid(
      "num_attention_heads",
      `${headCount} does not divide hidden_size ${raw.hidden_size}`,
    );
  if (headSize % 2 !== 0) throw invalid("head_dim", `${headSize} is odd, rotation needs pairs`);
  if (headSize % headSizeStep !== 0)
    throw unsupported("head_dim", headSize, [`multiples of ${headSizeStep}`]);
  return { headCount, kvHeadCount, headSize };
}

/** In a config's list 1 stands for a layer that is rotated. */
function readUnrotatedLayers(raw: RawConfig, architecture: Architecture): boolean[] {
  const layerCount = raw.num_hidden_layers;
  if (architecture !== "smollm3") return Array<boolean>(layerCount).fill(false);
  const interval = raw.no_rope_layer_interval ?? unrotatedIntervalDefault;
  const rotated =
    raw.no_rope_layers ??
    Array.from({ length: layerCount }, (_, layer) => Number((layer + 1) % interval !== 0));
  if (rotated.length < layerCount)
    throw invalid("no_rope_layers", `has ${rotated.length} entries for ${layerCount} layers`);
  return rotated.slice(0, layerCount).map((flag) => flag === 0);
}

/** The window and the layers that have it. */
function readWindow(
  raw: RawConfig,
  architecture: Architecture,
  contextLength: number,
  unrotatedLayers: readonly boolean[],
): Pick<ModelConfig, "slidingWindow" | "windowedLayers"> {
  const layerCount = raw.num_hidden_layers;
  const none = { slidingWindow: null, windowedLayers: Array<boolean>(layerCount).fill(false) };
  const hasSwitch =
    architecture === "qwen2" || architecture === "qwen3" || architecture === "smollm3";
  if (architecture === "llama" || architecture === "gemma") return none;
  if (hasSwitch && !raw.use_sliding_window) return none;
  const given = valueOr(raw.sliding_window, families[architecture].slidingWindow) ?? null;
  // Gemma 3's layers with a window rotate in a way of their own, also where it is never full.
  const window = architecture === "gemma3_text" ? (given ?? contextLength) : given;
  if (window === null) return none;
  const windowedLayers =
    architecture === "mistral"
      ? Array<boolean>(layerCount).fill(true)
      : readLayerKinds(raw, architecture, unrotatedLayers);
  const isIdle = window >= contextLength && architecture !== "gemma3_text";
  return isIdle || !windowedLayers.includes(true)
    ? none
    : { slidingWindow: window, windowedLayers };
}

function readLayerKinds(
  raw: RawConfig,
  architecture: Exclude<Architecture, "llama" | "gemma" | "mistral">,
  unrotatedLayers: readonly boolean[],
): boolean[] {
  const layerCount = raw.num_hidden_layers;
  if (raw.layer_types) {
    const foreign = raw.layer_types.find((type) => !layerTypes.includes(type));
    if (foreign !== undefined) throw unsupported("layer_types", foreign, layerTypes);
    if (raw.layer_types.length !== layerCount)
      throw invalid(
        "layer_types",
        `has ${raw.layer_types.length} entries for ${layerCount} layers`,
      );
    return raw.layer_types.map((type) => type === "sliding_attention");
  }
  if (architecture === "smollm3") return [...unrotatedLayers];
  const windowedFrom = raw.max_window_layers ?? defaultWindowedFrom;
  const isWindowed = (layer: number) => {
    if (architecture === "qwen2" || architecture === "qwen3") return layer >= windowedFrom;
    const own = architecture === "gemma3_text" ? raw.sliding_window_pattern : null;
    return (layer + 1) % (own ?? windowPatterns[architecture]) !== 0;
  };
  return Array.from({ length: layerCount }, (_, layer) => isWindowed(layer));
}

const layerTypes = ["full_attention", "sliding_attention"];

function readEos(eos: number | readonly number[] | null | undefined): readonly number[] {
  if (eos === null || eos === undefined) return [];
  return typeof eos === "number" ? [eos] : [...new Set(eos)];
}

/**
 * A generation_config.json that does not say `do_sample` means greedy, whatever else it holds; the penalty of
 * repetitions counts for greedy replies as well.
 */
function readSampling(generation: z.infer<typeof generationSchema> | undefined): SamplingDefaults {
  const repetition_penalty = generation?.repetition_penalty ?? greedy.repetition_penalty;
  if (!generation?.do_sample) return { ...greedy, repetition_penalty };
  return {
    temperature: generation.temperature ?? 1,
    top_p: generation.top_p ?? greedy.top_p,
    top_k: Math.max(0, generation.top_k ?? greedy.top_k),
    min_p: generation.min_p ?? greedy.min_p,
    repetition_penalty,
  };
}

function readDtype(raw: RawConfig): ModelConfig["dtype"] {
  const stated = (raw.dtype ?? raw.torch_dtype ?? "float32").replace(/^torch\./, "");
  // "auto" leaves it to the saved tensors, whose own types are what is read anyway.
  const dtype = stated === "auto" ? "float32" : stated;
  if (dtype === "float32" || dtype === "float16" || dtype === "bfloat16") return dtype;
  throw unsupported("dtype", dtype, ["float32", "float16", "bfloat16"]);
}

/** An absent field takes the family's default; an explicit null stays null. */
function valueOr<T, D>(value: T | null | undefined, fallback: D): T | D | null {
  return value === undefined ? fallback : value;
}
