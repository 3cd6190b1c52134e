/**
 * Turns a checkpoint's config.json into the one `ModelConfig` that the compiler reads, or says which field
 * it cannot run. It reads no weights and executes nothing.
 *
 * Defaults are those of each family's configuration class in `transformers`, because a saved config may
 * leave out what equals them. Both spellings of rotary settings are read: `rope_theta` + `rope_scaling`
 * (transformers ≤ 4) and `rope_parameters` (5).
 */
import { RosaError } from "@rosa2/shared/errors";
import { z } from "zod";

export type Architecture = "llama" | "qwen2" | "qwen3" | "mistral";

/** A decoder: pre-norm RMSNorm, rotary positions, grouped-query attention, gated SiLU feed-forward. */
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
  rope: { theta: number; scaling: RopeScaling | null };
  /** Tokens of prompt and reply together. */
  contextLength: number;
  /** The output head is the embedding matrix; the checkpoint then needs no `lm_head.weight`. */
  tiedEmbeddings: boolean;
  attentionBias: { qkv: boolean; output: boolean };
  mlpBias: boolean;
  /** RMSNorm over each head's query and key before rotation. */
  qkNorm: boolean;
  /** A position sees itself and the `slidingWindow − 1` before it, in every layer; null sees all. */
  slidingWindow: number | null;
  hiddenAct: "silu";
  /** Any of these ends a reply; may be empty. */
  eosIds: readonly number[];
  bosId: number | null;
  /** Type of the saved weights, as the config states it. */
  dtype: "float32" | "float16" | "bfloat16";
}

/** Llama 3's stretch of low frequencies. */
export interface RopeScaling {
  type: "llama3";
  factor: number;
  lowFreqFactor: number;
  highFreqFactor: number;
  originalContextLength: number;
}

/** What the families' configuration classes assume where a config is silent. */
interface Family {
  className: string;
  kvHeadCount: number | null;
  headSize: number | null;
  contextLength: number;
  slidingWindow: number | null;
  eosIds: readonly number[];
  bosId: number | null;
}

const families: Record<Architecture, Family> = {
  llama: {
    className: "LlamaForCausalLM",
    kvHeadCount: null,
    headSize: null,
    contextLength: 2048,
    slidingWindow: null,
    eosIds: [2],
    bosId: 1,
  },
  qwen2: {
    className: "Qwen2ForCausalLM",
    kvHeadCount: 32,
    headSize: null,
    contextLength: 32_768,
    slidingWindow: 4096,
    eosIds: [],
    bosId: null,
  },
  qwen3: {
    className: "Qwen3ForCausalLM",
    kvHeadCount: 32,
    headSize: 128,
    contextLength: 32_768,
    slidingWindow: 4096,
    eosIds: [],
    bosId: null,
  },
  mistral: {
    className: "MistralForCausalLM",
    kvHeadCount: 8,
    headSize: null,
    contextLength: 131_072,
    slidingWindow: 4096,
    eosIds: [2],
    bosId: 1,
  },
};
const defaultWindowedFrom = 28;
const defaultRopeTheta = 10_000;

const count = z.number().int().positive();
const tokenId = z.number().int().nonnegative();
const eosSchema = z.union([tokenId, z.array(tokenId)]).nullish();

const ropeSchema = z.looseObject({
  rope_type: z.string().nullish(),
  type: z.string().nullish(),
  rope_theta: z.number().positive().nullish(),
  partial_rotary_factor: z.number().nullish(),
});

const llama3Schema = z.object({
  factor: z.number().positive(),
  low_freq_factor: z.number().positive(),
  high_freq_factor: z.number().positive(),
  original_max_position_embeddings: count.nullish(),
});

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
  hidden_act: z.string().default("silu"),
  max_position_embeddings: count.nullish(),
  rope_theta: z.number().positive().nullish(),
  rope_scaling: ropeSchema.nullish(),
  rope_parameters: ropeSchema.nullish(),
  partial_rotary_factor: z.number().nullish(),
  tie_word_embeddings: z.boolean().nullish(),
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  use_sliding_window: z.boolean().nullish(),
  sliding_window: count.nullish(),
  max_window_layers: z.number().int().nonnegative().nullish(),
  layer_types: z.array(z.string()).nullish(),
  bos_token_id: tokenId.nullish(),
  eos_token_id: eosSchema,
  dtype: z.string().nullish(),
  torch_dtype: z.string().nullish(),
  quantization_config: z.unknown().optional(),
  auto_map: z.unknown().optional(),
});
type RawConfig = z.infer<typeof configSchema>;

const generationSchema = z.object({ eos_token_id: eosSchema });

/**
 * Normalises the JSON of config.json and, where there is one, generation_config.json (whose end tokens
 * win). Throws `checkpoint_unsupported` naming the field and its value for what this engine cannot run,
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
  const hasQwenBias = architecture === "qwen2";
  const attentionBias =
    (architecture === "llama" || architecture === "qwen3") && (raw.attention_bias ?? false);
  const generation =
    generationJson === undefined
      ? undefined
      : parse("generation_config.json", generationSchema, generationJson);

  return {
    architecture,
    vocabSize: raw.vocab_size,
    hiddenSize: raw.hidden_size,
    intermediateSize: raw.intermediate_size,
    layerCount: raw.num_hidden_layers,
    ...heads,
    rmsNormEps: raw.rms_norm_eps,
    rope: readRope(raw, contextLength),
    contextLength,
    tiedEmbeddings: raw.tie_word_embeddings ?? false,
    attentionBias: { qkv: hasQwenBias || attentionBias, output: attentionBias },
    mlpBias: architecture === "llama" && (raw.mlp_bias ?? false),
    qkNorm: architecture === "qwen3",
    slidingWindow: readSlidingWindow(raw, architecture, contextLength),
    hiddenAct: "silu",
    eosIds: readEos(generation?.eos_token_id ?? valueOr(raw.eos_token_id, family.eosIds)),
    bosId: valueOr(raw.bos_token_id, family.bosId) ?? null,
    dtype: readDtype(raw),
  };
}

const architectures = Object.keys(families) as Architecture[];

function isArchitecture(modelType: string): modelType is Architecture {
  return Object.hasOwn(families, modelType);
}

function refuseForeignParts(raw: RawConfig, family: Family): void {
  const className = raw.architectures?.[0];
  if (className !== undefined && className !== family.className)
    throw unsupported("architectures", className, [family.className]);
  if (raw.hidden_act !== "silu") throw unsupported("hidden_act", raw.hidden_act, ["silu"]);
  if (raw.quantization_config !== undefined && raw.quantization_config !== null)
    throw unsupported("quantization_config", raw.quantization_config, ["unquantised weights"]);
  if (raw.auto_map !== undefined && raw.auto_map !== null)
    throw unsupported("auto_map", raw.auto_map, ["models without code of their own"]);
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
  return { headCount, kvHeadCount, headSize };
}

function readRope(raw: RawConfig, contextLength: number): ModelConfig["rope"] {
  const [field, settings] = raw.rope_scaling
    ? ["rope_scaling", raw.rope_scaling]
    : ["rope_parameters", raw.rope_parameters ?? {}];
  const rotated = settings.partial_rotary_factor ?? raw.partial_rotary_factor ?? 1;
  if (rotated !== 1) throw unsupported("partial_rotary_factor", rotated, ["1"]);
  const theta = settings.rope_theta ?? raw.rope_theta ?? defaultRopeTheta;
  const type = settings.rope_type ?? settings.type ?? "default";
  if (type === "default") {
    const nested = Object.values(settings).find((value) => typeof value === "object" && value);
    if (nested) throw unsupported(field, settings, ["one setting for all layers"]);
    return { theta, scaling: null };
  }
  if (type !== "llama3") throw unsupported(`${field}.rope_type`, type, ["default", "llama3"]);
  const scaling = parse("config.json", llama3Schema, settings, `${field}.`);
  if (scaling.high_freq_factor <= scaling.low_freq_factor)
    throw invalid(
      `${field}.high_freq_factor`,
      `${scaling.high_freq_factor} is not above low_freq_factor ${scaling.low_freq_factor}`,
    );
  return {
    theta,
    scaling: {
      type,
      factor: scaling.factor,
      lowFreqFactor: scaling.low_freq_factor,
      highFreqFactor: scaling.high_freq_factor,
      originalContextLength: scaling.original_max_position_embeddings ?? contextLength,
    },
  };
}

/** One window for all layers or none: layers that differ are not supported. */
function readSlidingWindow(
  raw: RawConfig,
  architecture: Architecture,
  contextLength: number,
): number | null {
  if (architecture === "llama") return null;
  const isQwen = architecture !== "mistral";
  if (isQwen && !raw.use_sliding_window) return null;
  const window = valueOr(raw.sliding_window, families[architecture].slidingWindow) ?? null;
  if (window === null || window >= contextLength) return null;
  if (!isQwen) return window;

  const windowedFrom = raw.max_window_layers ?? defaultWindowedFrom;
  const isWindowed =
    raw.layer_types?.map((type) => type === "sliding_attention") ??
    Array.from({ length: raw.num_hidden_layers }, (_, layer) => layer >= windowedFrom);
  if (isWindowed.every(Boolean)) return window;
  if (!isWindowed.some(Boolean)) return null;
  if (raw.layer_types) throw unsupported("layer_types", raw.layer_types, ["one type for all"]);
  throw unsupported("max_window_layers", windowedFrom, ["0", `${raw.num_hidden_layers}`]);
}

function readEos(eos: number | readonly number[] | null | undefined): readonly number[] {
  if (eos === null || eos === undefined) return [];
  return typeof eos === "number" ? [eos] : [...new Set(eos)];
}

function readDtype(raw: RawConfig): ModelConfig["dtype"] {
  const dtype = (raw.dtype ?? raw.torch_dtype ?? "float32").replace(/^torch\./, "");
  if (dtype === "float32" || dtype === "float16" || dtype === "bfloat16") return dtype;
  throw unsupported("dtype", dtype, ["float32", "float16", "bfloat16"]);
}

/** An absent field takes the family's default; an explicit null stays null. */
function valueOr<T, D>(value: T | null | undefined, fallback: D): T | D | null {
  return value === undefined ? fallback : value;
}

/** Parses or throws `checkpoint_invalid` naming the file and the field. */
export function parse<T>(file: string, schema: z.ZodType<T>, json: unknown, prefix = ""): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = prefix + (issue?.path.join(".") ?? "");
  throw new RosaError(
    "checkpoint_invalid",
    `Cannot read ${file}: ${field || "content"}: ${issue?.message}`,
    field ? { param: field } : {},
  );
}

function unsupported(field: string, value: unknown, supported: readonly string[]): RosaError {
  const shown = JSON.stringify(value).slice(0, 200);
  return new RosaError(
    "checkpoint_unsupported",
    `Cannot run checkpoint: ${field} ${shown} is not supported (supported: ${supported.join(", ")})`,
    { param: field },
  );
}

function invalid(field: string, reason: string): RosaError {
  return new RosaError("checkpoint_invalid", `Cannot read config.json: ${field} ${reason}`, {
    param: field,
  });
}
