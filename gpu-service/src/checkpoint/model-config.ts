/**
 * Turns a checkpoint's config.json into the `ModelConfig` that the compiler reads, or names the field that it cannot
 * run. It reads no weights and executes nothing.
 *
 * Defaults are those of each family's configuration class in `transformers`, because a saved config may leave them out.
 * Fields that a family does not read may hold anything.
 */
import { z } from "zod";
import { invalid, parse, unsupported } from "./config-errors.ts";
import type { Activation, ModelConfig } from "./decoder-config.ts";
import { count, type Family } from "./families/family.ts";
import { families, multimodal } from "./families/index.ts";
import { eosSchema, readGeneration } from "./generation-config.ts";
import { readQuantization } from "./quantization-config.ts";
import { ropeFields, servedContext } from "./rope-config.ts";

export type { ModelConfig, SamplingDefaults } from "./decoder-config.ts";

/** The attention kernel takes head sizes that are multiples of this. */
const headSizeStep = 16;
const tokenId = z.number().int().nonnegative();

const commonSchema = z.object({
  architectures: z.array(z.string()).nullish(),
  vocab_size: count,
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count.max(1000),
  num_attention_heads: count,
  num_key_value_heads: count.nullish(),
  head_dim: count.nullish(),
  rms_norm_eps: z.number().positive().optional(),
  hidden_act: z.string().nullish(),
  hidden_activation: z.string().nullish(),
  max_position_embeddings: count.nullish(),
  ...ropeFields,
  tie_word_embeddings: z.boolean().nullish(),
  /** −1 means none, as do null and a missing field. */
  bos_token_id: z.union([tokenId, z.literal(-1)]).nullish(),
  eos_token_id: eosSchema,
  dtype: z.string().nullish(),
  torch_dtype: z.string().nullish(),
  quantization_config: z.unknown().optional(),
  auto_map: z.unknown().optional(),
});
type RawConfig = z.infer<typeof commonSchema>;

const rmsNormEpsDefault = 1e-6;

/**
 * Normalises the JSON of config.json and, if present, of generation_config.json, whose end tokens and sampling count.
 * Throws `checkpoint_unsupported` naming the field and value that this engine cannot run, and `checkpoint_invalid` for
 * values that make no sense.
 */
export function readModelConfig(configJson: unknown, generationJson?: unknown): ModelConfig {
  const { architecture, family, json, modulePath } = readFamily(configJson);
  const { defaults } = family;
  const raw = parse("config.json", z.object({ ...commonSchema.shape, ...family.fields }), {
    ...defaults.fields,
    ...withoutUnread(json, family),
  }) as RawConfig;
  refuseForeignParts(raw, family);

  const heads = readHeads(raw, family);
  const contextLength = raw.max_position_embeddings ?? defaults.contextLength;
  const sizes = {
    hiddenSize: raw.hidden_size,
    layerCount: raw.num_hidden_layers,
    headSize: heads.headSize,
    contextLength,
  };
  const generation = readGeneration(generationJson);
  const none = Array<boolean>(raw.num_hidden_layers).fill(false);
  const traits = family.read(raw as Parameters<Family["read"]>[0], sizes);

  return {
    architecture,
    vocabSize: raw.vocab_size,
    hiddenSize: raw.hidden_size,
    intermediateSize: raw.intermediate_size,
    layerCount: raw.num_hidden_layers,
    ...heads,
    rmsNormEps: raw.rms_norm_eps ?? defaults.rmsNormEps ?? rmsNormEpsDefault,
    normOffset: false,
    norms: "before",
    embeddingScale: 1,
    residualScale: 1,
    attentionScale: 1 / Math.sqrt(heads.headSize),
    attentionSoftcap: null,
    logitScale: 1,
    logitSoftcap: null,
    rope: { theta: defaults.ropeTheta, scaling: null },
    rotarySize: heads.headSize,
    windowRope: null,
    contextLength: servedContext(raw, contextLength),
    tiedEmbeddings: raw.tie_word_embeddings ?? defaults.tiedEmbeddings,
    attentionBias: { qkv: false, output: false },
    mlpBias: false,
    qkNorm: null,
    slidingWindow: null,
    windowedLayers: none,
    unrotatedLayers: none,
    fusedProjections: false,
    modulePath,
    ...traits,
    activation: readActivation(raw, family),
    eosIds: readEos(generation.eosIds ?? valueOr(raw.eos_token_id, defaults.eosIds)),
    bosId: raw.bos_token_id === -1 ? null : (valueOr(raw.bos_token_id, defaults.bosId) ?? null),
    sampling: generation.sampling,
    ignoredGeneration: generation.ignored,
    ...readQuantization(raw.quantization_config),
    dtype: readDtype(raw),
  };
}

const typeSchema = z.looseObject({
  model_type: z.string(),
  architectures: z.array(z.string()).nullish(),
});

/** Reads the family first: other kinds of models have other fields, so their type is the error to report. */
function readFamily(configJson: unknown): {
  architecture: string;
  family: Family;
  json: Json;
  modulePath: string;
} {
  const outer = parse("config.json", typeSchema, configJson);
  const whole = multimodal.get(outer.model_type);
  const json = whole === undefined ? outer : textConfig(outer, whole);
  const { model_type } = json;
  const family = families.get(String(model_type));
  if (family === undefined)
    throw unsupported("model_type", model_type, [...families.keys(), ...multimodal.keys()]);
  const modulePath = whole === undefined ? "model" : "model.language_model";
  return { architecture: String(model_type), family, json, modulePath };
}

type Json = Record<string, unknown>;

/** The text part's config; what it leaves to the whole stands outside. */
function textConfig(
  outer: z.infer<typeof typeSchema>,
  { className, text }: { className: string; text: string },
): Json {
  const given = outer.architectures?.[0];
  if (given !== undefined && given !== className)
    throw unsupported("architectures", given, [className]);
  const { text_config } = parse(
    "config.json",
    z.object({ text_config: z.record(z.string(), z.unknown()) }),
    outer,
  );
  const shared = ["dtype", "torch_dtype", "quantization_config", "bos_token_id", "eos_token_id"];
  const outside = shared.flatMap((name) => (outer[name] == null ? [] : [[name, outer[name]]]));
  return {
    model_type: text,
    ...Object.fromEntries(outside),
    ...text_config,
    architectures: null,
  };
}

/** Without the activation's other spelling, which only some families have. */
function withoutUnread(json: Json, { activationField }: Family): Json {
  if (activationField !== undefined) return json;
  const { hidden_activation: _, ...rest } = json;
  return rest;
}

function refuseForeignParts(raw: RawConfig, { className }: Family): void {
  const given = raw.architectures?.[0];
  if (given !== undefined && given !== className)
    throw unsupported("architectures", given, [className]);
  // With the family's own class named, the code beside it is an older copy, which `transformers` ignores too.
  if (raw.auto_map !== undefined && raw.auto_map !== null && given === undefined)
    throw unsupported("auto_map", raw.auto_map, ["models without code of their own"]);
}

/** Configs of the first Gemmas say `gelu` and mean its tanh approximation, as `transformers` reads them. */
function readActivation(raw: RawConfig, { activationField, defaults }: Family): Activation {
  const [field, value] =
    activationField !== undefined && raw.hidden_activation
      ? ["hidden_activation", raw.hidden_activation]
      : ["hidden_act", raw.hidden_act ?? defaults.activation];
  const isOldSpelling = activationField !== undefined && field === "hidden_act" && value === "gelu";
  if (value !== defaults.activation && !isOldSpelling)
    throw unsupported(field, value, [defaults.activation]);
  return defaults.activation;
}

function readHeads(
  raw: RawConfig,
  { defaults }: Family,
): Pick<ModelConfig, "headCount" | "kvHeadCount" | "headSize"> {
  const headCount = raw.num_attention_heads;
  const kvHeadCount = valueOr(raw.num_key_value_heads, defaults.kvHeadCount) ?? headCount;
  if (headCount % kvHeadCount !== 0)
    throw invalid(
      "num_key_value_heads",
      `${kvHeadCount} does not divide num_attention_heads ${headCount}`,
    );
  const headSize = raw.head_dim ?? defaults.headSize ?? raw.hidden_size / headCount;
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

function readEos(eos: number | readonly number[] | null | undefined): readonly number[] {
  if (eos === null || eos === undefined) return [];
  return typeof eos === "number" ? [eos] : [...new Set(eos)];
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
