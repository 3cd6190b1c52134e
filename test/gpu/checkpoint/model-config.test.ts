/** What the compiler reads from config.json and generation_config.json. */
import { describe, expect, it } from "vitest";
import { ignoredNote } from "../../../gpu-service/src/checkpoint/generation-config.ts";
import { readModelConfig } from "../../../gpu-service/src/checkpoint/model-config.ts";
import { errorOf } from "../support/error-of.ts";

type Json = Record<string, unknown>;

/** config.json of the published Llama 3.2 1B Instruct, in the spelling of transformers 4. */
const llama32: Json = {
  architectures: ["LlamaForCausalLM"],
  attention_bias: false,
  attention_dropout: 0.0,
  bos_token_id: 128000,
  eos_token_id: [128001, 128008, 128009],
  head_dim: 64,
  hidden_act: "silu",
  hidden_size: 2048,
  initializer_range: 0.02,
  intermediate_size: 8192,
  max_position_embeddings: 131072,
  mlp_bias: false,
  model_type: "llama",
  num_attention_heads: 32,
  num_hidden_layers: 16,
  num_key_value_heads: 8,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_scaling: {
    factor: 32.0,
    high_freq_factor: 4.0,
    low_freq_factor: 1.0,
    original_max_position_embeddings: 8192,
    rope_type: "llama3",
  },
  rope_theta: 500000.0,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
  use_cache: true,
  vocab_size: 128256,
};

/** config.json of the published Qwen2.5 0.5B Instruct. */
const qwen25: Json = {
  architectures: ["Qwen2ForCausalLM"],
  attention_dropout: 0.0,
  bos_token_id: 151643,
  eos_token_id: 151645,
  hidden_act: "silu",
  hidden_size: 896,
  initializer_range: 0.02,
  intermediate_size: 4864,
  max_position_embeddings: 32768,
  max_window_layers: 21,
  model_type: "qwen2",
  num_attention_heads: 14,
  num_hidden_layers: 24,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-6,
  rope_theta: 1000000.0,
  sliding_window: 32768,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
  use_cache: true,
  use_sliding_window: false,
  vocab_size: 151936,
};

/** The fields of Mistral 7B v0.1 that decide something. */
const mistral: Json = {
  architectures: ["MistralForCausalLM"],
  bos_token_id: 1,
  eos_token_id: 2,
  hidden_act: "silu",
  hidden_size: 4096,
  intermediate_size: 14336,
  max_position_embeddings: 32768,
  model_type: "mistral",
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  rope_theta: 10000.0,
  sliding_window: 4096,
  tie_word_embeddings: false,
  torch_dtype: "bfloat16",
  vocab_size: 32000,
};

/** The fields of SmolLM2 135M Instruct that decide something. */
const smolLm2: Json = {
  architectures: ["LlamaForCausalLM"],
  bos_token_id: 1,
  eos_token_id: 2,
  hidden_act: "silu",
  hidden_size: 576,
  intermediate_size: 1536,
  is_llama_config: true,
  max_position_embeddings: 8192,
  model_type: "llama",
  num_attention_heads: 9,
  num_hidden_layers: 30,
  num_key_value_heads: 3,
  pad_token_id: 2,
  rms_norm_eps: 1e-5,
  rope_interleaved: false,
  rope_scaling: null,
  rope_theta: 100000,
  tie_word_embeddings: true,
  torch_dtype: "bfloat16",
  vocab_size: 49152,
};

/** The fields of Gemma 2B that decide something. */
const gemma: Json = {
  architectures: ["GemmaForCausalLM"],
  hidden_act: "gelu",
  hidden_size: 2048,
  intermediate_size: 16384,
  max_position_embeddings: 8192,
  model_type: "gemma",
  num_attention_heads: 8,
  num_hidden_layers: 18,
  num_key_value_heads: 1,
  torch_dtype: "bfloat16",
  vocab_size: 256000,
};

/** A Gemma 2 of four layers with the query scale of the 27B. */
const gemma2: Json = {
  architectures: ["Gemma2ForCausalLM"],
  hidden_act: "gelu_pytorch_tanh",
  hidden_activation: "gelu_pytorch_tanh",
  hidden_size: 4608,
  intermediate_size: 36864,
  head_dim: 128,
  model_type: "gemma2",
  num_attention_heads: 32,
  num_hidden_layers: 4,
  num_key_value_heads: 16,
  query_pre_attn_scalar: 144,
  sliding_window: 4096,
  vocab_size: 256000,
};

/** A Gemma 3 of seven layers as transformers 4 writes it, scaled as the larger ones are. */
const gemma3: Json = {
  architectures: ["Gemma3ForCausalLM"],
  hidden_activation: "gelu_pytorch_tanh",
  hidden_size: 1152,
  intermediate_size: 6912,
  head_dim: 256,
  model_type: "gemma3_text",
  num_attention_heads: 4,
  num_hidden_layers: 7,
  num_key_value_heads: 1,
  query_pre_attn_scalar: 256,
  rope_local_base_freq: 10000,
  rope_scaling: { factor: 8.0, rope_type: "linear" },
  rope_theta: 1000000,
  sliding_window: 512,
  sliding_window_pattern: 6,
  vocab_size: 262144,
};

const qwen3: Json = {
  ...qwen25,
  architectures: ["Qwen3ForCausalLM"],
  model_type: "qwen3",
  head_dim: 128,
  attention_bias: false,
  rope_scaling: null,
  sliding_window: null,
};

describe("reading config.json", () => {
  it("normalises a published Llama 3.2", () => {
    expect(readModelConfig(llama32)).toEqual({
      architecture: "llama",
      vocabSize: 128256,
      hiddenSize: 2048,
      intermediateSize: 8192,
      layerCount: 16,
      headCount: 32,
      kvHeadCount: 8,
      headSize: 64,
      rmsNormEps: 1e-5,
      normOffset: false,
      norms: "before",
      embeddingScale: 1,
      residualScale: 1,
      attentionScale: 1 / 8,
      attentionSoftcap: null,
      logitScale: 1,
      logitSoftcap: null,
      rotarySize: 64,
      windowRope: null,
      windowedLayers: Array(16).fill(false),
      unrotatedLayers: Array(16).fill(false),
      rope: {
        theta: 500000,
        scaling: {
          type: "llama3",
          factor: 32,
          lowFreqFactor: 1,
          highFreqFactor: 4,
          originalContextLength: 8192,
        },
      },
      contextLength: 131072,
      tiedEmbeddings: true,
      attentionBias: { qkv: false, output: false },
      mlpBias: false,
      qkNorm: null,
      slidingWindow: null,
      fp8: null,
      integers: null,
      fusedProjections: false,
      modulePath: "model",
      activation: "silu",
      eosIds: [128001, 128008, 128009],
      bosId: 128000,
      sampling: { temperature: 0, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1 },
      ignoredGeneration: {},
      dtype: "bfloat16",
    });
  });

  it("normalises a published Qwen2.5: biases on q, k and v only, a window that is switched off", () => {
    expect(readModelConfig(qwen25)).toMatchObject({
      architecture: "qwen2",
      headSize: 64,
      kvHeadCount: 2,
      attentionBias: { qkv: true, output: false },
      rope: { theta: 1000000, scaling: null },
      slidingWindow: null,
      eosIds: [151645],
    });
  });

  it("gives Qwen3 its q/k norm and a head size that hidden size does not imply", () => {
    expect(readModelConfig(qwen3)).toMatchObject({
      qkNorm: "head",
      headSize: 128,
      attentionBias: { qkv: false, output: false },
    });
    expect(readModelConfig({ ...qwen3, head_dim: undefined }).headSize).toBe(128);
    expect(readModelConfig({ ...qwen3, attention_bias: true }).attentionBias).toEqual({
      qkv: true,
      output: true,
    });
  });

  it("gives Mistral its window, and none where it is null or reaches past the context", () => {
    expect(readModelConfig(mistral).slidingWindow).toBe(4096);
    expect(readModelConfig({ ...mistral, sliding_window: null }).slidingWindow).toBeNull();
    expect(readModelConfig({ ...mistral, sliding_window: 32768 }).slidingWindow).toBeNull();
    expect(readModelConfig({ ...mistral, sliding_window: undefined }).slidingWindow).toBe(4096);
  });

  it("gives Qwen a window in the layers that have one, where it is switched on", () => {
    const windowed = { ...qwen25, use_sliding_window: true, sliding_window: 1024 };
    const layersOf = (change: Json) => readModelConfig({ ...windowed, ...change });
    expect(layersOf({ max_window_layers: 24 }).slidingWindow).toBeNull();
    expect(layersOf({ max_window_layers: 0 })).toMatchObject({
      slidingWindow: 1024,
      windowedLayers: Array(24).fill(true),
    });
    expect(layersOf({}).windowedLayers).toEqual(
      Array.from({ length: 24 }, (_, layer) => layer >= 21),
    );
    const alternating = Array.from({ length: 24 }, (_, layer) =>
      layer % 2 === 0 ? "full_attention" : "sliding_attention",
    );
    expect(layersOf({ layer_types: alternating }).windowedLayers.slice(0, 3)).toEqual([
      false,
      true,
      false,
    ]);
    expect(errorOf(() => layersOf({ layer_types: alternating.slice(1) }))).toMatchObject({
      code: "checkpoint_invalid",
      param: "layer_types",
    });
  });

  it("reads which layers of SmolLM3 have no positions, every fourth by default", () => {
    const smolLm3: Json = {
      ...smolLm2,
      architectures: ["SmolLM3ForCausalLM"],
      model_type: "smollm3",
    };
    const layersOf = (fields: Json) => {
      const { num_hidden_layers: _, rope_theta: __, ...rest } = smolLm3 as Record<string, Json>;
      return readModelConfig({ ...rest, num_hidden_layers: 5, ...fields });
    };
    expect(layersOf({})).toMatchObject({
      unrotatedLayers: [false, false, false, true, false],
      rope: { theta: 2_000_000, scaling: null },
      slidingWindow: null,
    });
    expect(layersOf({ no_rope_layer_interval: 2 }).unrotatedLayers).toEqual(
      [false, true, false, true, false], // 1 is a layer with rotation
    );
    const given = layersOf({
      no_rope_layers: [0, 1, 1, 1, 0],
      use_sliding_window: true,
      sliding_window: 64,
    });
    expect(given.unrotatedLayers).toEqual([true, false, false, false, true]);
    // As in transformers, the layers without positions have the window.
    expect(given.windowedLayers).toEqual(given.unrotatedLayers);
    expect(errorOf(() => layersOf({ no_rope_layers: [1, 0] }))).toMatchObject({
      code: "checkpoint_invalid",
      param: "no_rope_layers",
    });
  });

  it("reads SmolLM2 as a Llama", () => {
    expect(readModelConfig(smolLm2)).toMatchObject({
      architecture: "llama",
      headSize: 64,
      kvHeadCount: 3,
      tiedEmbeddings: true,
      rope: { theta: 100_000, scaling: null },
      eosIds: [2],
    });
  });

  it("reads the first Gemma, whose gelu means its tanh approximation", () => {
    expect(readModelConfig(gemma)).toMatchObject({
      headSize: 256,
      activation: "gelu_pytorch_tanh",
      tiedEmbeddings: true,
      normOffset: true,
      norms: "before",
      embeddingScale: Math.sqrt(2048),
      attentionScale: 1 / 16,
      slidingWindow: null,
    });
    expect(errorOf(() => readModelConfig({ ...gemma, hidden_activation: "relu" })).param).toBe(
      "hidden_activation",
    );
  });

  it("gives Gemma 2 its caps, its query scale and a window in every other layer", () => {
    expect(readModelConfig(gemma2)).toMatchObject({
      norms: "around",
      attentionSoftcap: 50,
      logitSoftcap: 30,
      attentionScale: 1 / 12,
      slidingWindow: 4096,
      windowedLayers: [true, false, true, false],
    });
    const uncapped = { attn_logit_softcapping: null, final_logit_softcapping: null };
    expect(readModelConfig({ ...gemma2, ...uncapped })).toMatchObject({
      attentionSoftcap: null,
      logitSoftcap: null,
    });
  });

  it("gives Gemma 3 two rotations, in the spelling of transformers 4 and 5", () => {
    const expected = {
      qkNorm: "head",
      slidingWindow: 512,
      windowedLayers: [true, true, true, true, true, false, true],
      rope: { theta: 1_000_000, scaling: { type: "linear", factor: 8 } },
      windowRope: { theta: 10_000, scaling: null },
      attentionSoftcap: null,
      logitSoftcap: null,
    };
    expect(readModelConfig(gemma3)).toMatchObject(expected);
    const { rope_theta, rope_local_base_freq, rope_scaling, ...rest } = gemma3;
    const rope_parameters = {
      full_attention: { ...(rope_scaling as Json), rope_theta },
      sliding_attention: { rope_type: "default", rope_theta: rope_local_base_freq },
    };
    expect(readModelConfig({ ...rest, rope_parameters })).toMatchObject(expected);
    expect(readModelConfig({ ...rest }).rope).toEqual({ theta: 1_000_000, scaling: null });
  });

  it("reads rotary settings of transformers 4 and 5 alike", () => {
    const { rope_theta, rope_scaling, torch_dtype, ...rest } = llama32;
    const modern = {
      ...rest,
      rope_parameters: { ...(rope_scaling as Json), rope_theta },
      dtype: torch_dtype,
    };
    expect(readModelConfig(modern)).toEqual(readModelConfig(llama32));
    expect(
      readModelConfig({ ...rest, rope_parameters: { rope_type: "default", rope_theta: 5e5 } }).rope,
    ).toEqual({ theta: 500000, scaling: null });
    expect(readModelConfig(rest).rope).toEqual({ theta: 10000, scaling: null });
  });

  it("assumes what the families' classes assume where a config lacks a field", () => {
    const silent = {
      model_type: "llama",
      vocab_size: 32,
      hidden_size: 64,
      intermediate_size: 24,
      num_hidden_layers: 1,
      num_attention_heads: 4,
    };
    expect(readModelConfig(silent)).toMatchObject({
      kvHeadCount: 4,
      headSize: 16,
      rmsNormEps: 1e-6,
      contextLength: 2048,
      tiedEmbeddings: false,
      eosIds: [2],
      bosId: 1,
      dtype: "float32",
    });
    expect(
      readModelConfig({ ...silent, bos_token_id: null, eos_token_id: null, head_dim: null }),
    ).toMatchObject({ eosIds: [], bosId: null, headSize: 16 });
  });

  it("takes a dtype of auto, and reads a top_k of -1 as every token", () => {
    const generation = { do_sample: true, top_k: -1 };
    const config = readModelConfig({ ...llama32, torch_dtype: "auto" }, generation);
    expect(config.dtype).toBe("float32");
    expect(config.sampling.top_k).toBe(0);
  });

  it("reads a bos_token_id of -1 as none", () => {
    expect(readModelConfig({ ...llama32, bos_token_id: -1 }).bosId).toBeNull();
  });

  it("lets generation_config.json decide what ends a reply", () => {
    const eosOf = (generation?: Json) => readModelConfig(qwen25, generation).eosIds;
    expect(eosOf({ eos_token_id: [151645, 151643, 151645] })).toEqual([151645, 151643]);
    expect(eosOf({ eos_token_id: 7 })).toEqual([7]);
    expect(eosOf({ temperature: 0.7 })).toEqual([151645]);
    expect(eosOf({ eos_token_id: null })).toEqual([151645]);
    expect(errorOf(() => eosOf({ eos_token_id: "</s>" }))).toMatchObject({
      code: "checkpoint_invalid",
      param: "eos_token_id",
    });
  });

  it("samples as generation_config.json says, and greedily unless that says do_sample", () => {
    const samplingOf = (generation?: Json) => readModelConfig(qwen25, generation).sampling;
    const greedy = { temperature: 0, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1 };
    expect(samplingOf()).toEqual(greedy);
    expect(samplingOf({ temperature: 0.7, top_k: 20 })).toEqual(greedy);
    expect(samplingOf({ do_sample: true, temperature: 0.7, top_k: 20, top_p: 0.8 })).toEqual({
      temperature: 0.7,
      top_p: 0.8,
      top_k: 20,
      min_p: 0,
      repetition_penalty: 1,
    });
    // Greedy replies have the penalty as well.
    expect(samplingOf({ repetition_penalty: 1.1, top_k: 20 })).toEqual({
      ...greedy,
      repetition_penalty: 1.1,
    });
    expect(samplingOf({ do_sample: true })).toEqual({ ...greedy, temperature: 1 });
    expect(errorOf(() => samplingOf({ do_sample: true, top_p: 2 }))).toMatchObject({
      code: "checkpoint_invalid",
      param: "top_p",
    });
  });

  it("names the settings of generation_config.json that replies do not follow, and only those", () => {
    const ignored = (generation: Json) =>
      ignoredNote(readModelConfig(llama32, generation).ignoredGeneration);
    expect(
      ignored({ num_beams: 1, typical_p: 1, bad_words_ids: [], min_length: 0, pad_token_id: 3 }),
    ).toBeNull();
    expect(ignored({ suppress_tokens: [5], stop_strings: "END" })).toBeNull();
    expect(ignored({ no_repeat_ngram_size: 3 })).toBe(
      "generation_config.json sets no_repeat_ngram_size 3: replies do not follow it",
    );
    expect(ignored({ bad_words_ids: [[7, 8]], num_beams: 4 })).toBe(
      "generation_config.json sets bad_words_ids [[7,8]], num_beams 4: replies do not follow them",
    );
  });

  it("reads the text part of models that see images, with the class's defaults", () => {
    // The published 4B states only these.
    const text_config = {
      hidden_size: 2560,
      intermediate_size: 10240,
      model_type: "gemma3_text",
      num_hidden_layers: 34,
      rope_scaling: { factor: 8.0, rope_type: "linear" },
      sliding_window: 1024,
    };
    const config = {
      architectures: ["Gemma3ForConditionalGeneration"],
      model_type: "gemma3",
      eos_token_id: [1, 106],
      text_config,
      torch_dtype: "bfloat16",
      vision_config: { hidden_size: 1152 },
    };
    expect(readModelConfig(config)).toMatchObject({
      architecture: "gemma3_text",
      vocabSize: 262_208,
      headCount: 8,
      kvHeadCount: 4,
      headSize: 256,
      contextLength: 131_072,
      slidingWindow: 1024,
      rope: { theta: 1_000_000, scaling: { type: "linear", factor: 8 } },
      eosIds: [1, 106],
      dtype: "bfloat16",
      modulePath: "model.language_model",
    });
    expect(errorOf(() => readModelConfig({ model_type: "gemma3" }))).toMatchObject({
      code: "checkpoint_invalid",
      param: "text_config",
    });
  });

  /** Fields of microsoft/Phi-4-mini-instruct that decide something. */
  const phi4Mini: Json = {
    model_type: "phi3",
    architectures: ["Phi3ForCausalLM"],
    auto_map: { AutoModelForCausalLM: "modeling_phi3.Phi3ForCausalLM" },
    vocab_size: 200_064,
    hidden_size: 3072,
    intermediate_size: 8192,
    num_hidden_layers: 32,
    num_attention_heads: 24,
    num_key_value_heads: 8,
    max_position_embeddings: 131_072,
    original_max_position_embeddings: 4096,
    partial_rotary_factor: 0.75,
    rope_scaling: {
      type: "longrope",
      short_factor: Array(48).fill(1),
      long_factor: Array(48).fill(32),
    },
    rope_theta: 10_000,
    sliding_window: 262_144,
    tie_word_embeddings: true,
    eos_token_id: 199_999,
  };

  it("reads Phi-4-mini: a part of each head is rotated", () => {
    expect(readModelConfig(phi4Mini)).toMatchObject({
      headSize: 128,
      rotarySize: 96,
      contextLength: 4096,
      tiedEmbeddings: true,
      slidingWindow: null,
      fusedProjections: true,
      rope: { scaling: { type: "longrope", divisors: Array(48).fill(1) } },
    });
    expect(
      errorOf(() => readModelConfig({ ...phi4Mini, partial_rotary_factor: 0.01 })),
    ).toMatchObject({ code: "checkpoint_invalid", param: "partial_rotary_factor" });
    expect(
      errorOf(() =>
        readModelConfig({
          ...phi4Mini,
          rope_scaling: { ...(phi4Mini.rope_scaling as Json), type: "yarn" },
        }),
      ),
    ).toMatchObject({ code: "checkpoint_unsupported", param: "rope_scaling.rope_type" });
  });

  const decoder: Json = {
    vocab_size: 100,
    hidden_size: 64,
    intermediate_size: 96,
    num_hidden_layers: 4,
    num_attention_heads: 4,
  };

  it("reads Granite's multipliers, logits divided by theirs", () => {
    const granite = {
      ...decoder,
      model_type: "granite",
      embedding_multiplier: 12,
      attention_multiplier: 0.015625,
      residual_multiplier: 0.22,
      logits_scaling: 8,
    };
    expect(readModelConfig(granite)).toMatchObject({
      embeddingScale: 12,
      attentionScale: 1 / 64,
      residualScale: 0.22,
      logitScale: 1 / 8,
      norms: "before",
    });
  });

  it("reads OLMo 2's norms, and OLMo 3's windows and rotations of two kinds", () => {
    const olmo2 = readModelConfig({ ...decoder, model_type: "olmo2", rope_theta: 500_000 });
    expect(olmo2).toMatchObject({ norms: "after", qkNorm: "all", rope: { theta: 500_000 } });
    const yarn = { rope_type: "yarn", factor: 8, original_max_position_embeddings: 8192 };
    const olmo3 = { ...decoder, model_type: "olmo3", rope_scaling: yarn, sliding_window: 128 };
    expect(readModelConfig(olmo3)).toMatchObject({
      norms: "after",
      qkNorm: "all",
      slidingWindow: 128,
      windowedLayers: [true, true, true, false],
      rope: { theta: 500_000, scaling: { type: "yarn", factor: 8 } },
      windowRope: { theta: 500_000, scaling: null },
    });
  });

  it("reads YaRN, longrope and dynamic rotations; longrope serves the trained context only", () => {
    const scaled = (rope_scaling: Json, more: Json = {}) =>
      readModelConfig({ ...llama32, ...more, rope_scaling });
    expect(
      scaled({ rope_type: "yarn", factor: 4, original_max_position_embeddings: 32768 }).rope
        .scaling,
    ).toEqual({
      type: "yarn",
      factor: 4,
      attentionFactor: 0.1 * Math.log(4) + 1,
      betaFast: 32,
      betaSlow: 1,
      originalContextLength: 32768,
      truncate: true,
    });
    expect(scaled({ type: "dynamic", factor: 4 })).toMatchObject({
      contextLength: 131072,
      rope: { scaling: null },
    });
    const divisors = Array(32).fill(1.5);
    const long = { type: "longrope", short_factor: divisors, long_factor: divisors };
    expect(scaled(long, { original_max_position_embeddings: 4096 })).toMatchObject({
      contextLength: 4096,
      rope: {
        scaling: { divisors, attentionFactor: Math.sqrt(1 + Math.log(32) / Math.log(4096)) },
      },
    });
    expect(errorOf(() => scaled({ ...long, short_factor: [1] }))).toMatchObject({
      code: "checkpoint_invalid",
      param: "rope_scaling.short_factor",
    });
    const untruncated = { rope_type: "yarn", factor: 4, truncate: false };
    expect(scaled(untruncated).rope.scaling).toMatchObject({ truncate: false });
    // The reference does not read these fields for two kinds of layers.
    expect(readModelConfig({ ...gemma3, rope_scaling: untruncated }).rope.scaling).toMatchObject({
      truncate: true,
    });
    // The fields of Gemma 3's two kinds of layers are checked by name like all others.
    const kinds = { full_attention: { rope_theta: "a" } };
    const wrong = { ...gemma3, rope_scaling: undefined, rope_parameters: kinds };
    expect(errorOf(() => readModelConfig(wrong))).toMatchObject({
      code: "checkpoint_invalid",
      param: "rope_parameters.full_attention.rope_theta",
    });
  });

  const unsupported: [config: Json, param: string, value: string][] = [
    [{ model_type: "gpt2" }, "model_type", '"gpt2"'],
    [{ model_type: "toString" }, "model_type", '"toString"'],
    [
      { ...llama32, architectures: ["LlamaForSequenceClassification"] },
      "architectures",
      '"LlamaForSequenceClassification"',
    ],
    [{ ...llama32, head_dim: 72 }, "head_dim", "72"],
    [{ ...llama32, hidden_act: "gelu" }, "hidden_act", '"gelu"'],
    [
      { ...llama32, rope_scaling: { rope_type: "mrope", factor: 4 } },
      "rope_scaling.rope_type",
      "mrope",
    ],
    [{ model_type: "gpt_oss", num_local_experts: 32 }, "model_type", '"gpt_oss"'],
    [{ model_type: "mixtral", num_local_experts: 8 }, "model_type", '"mixtral"'],
    [{ ...gemma2, layer_types: Array(4).fill("chunked_attention") }, "layer_types", "chunked_atte"],
    [{ ...gemma3, use_bidirectional_attention: true }, "use_bidirectional_attention", "true"],
    [{ ...gemma3, attn_logit_softcapping: 50 }, "attn_logit_softcapping", "50"],
    [
      { ...gemma3, rope_scaling: { rope_type: "mrope", factor: 4 } },
      "rope_scaling.rope_type",
      "mrope",
    ],
    [{ ...llama32, rope_scaling: { type: "ntk", factor: 2 } }, "rope_scaling.rope_type", '"ntk"'],
    [
      {
        ...llama32,
        rope_scaling: null,
        rope_parameters: { rope_type: "proportional", rope_theta: 1e4, factor: 2 },
      },
      "rope_parameters.rope_type",
      '"proportional"',
    ],
    [
      {
        ...llama32,
        rope_scaling: null,
        rope_parameters: { full_attention: { rope_type: "default", rope_theta: 1e4 } },
      },
      "rope_parameters",
      "full_attention",
    ],
    [{ ...llama32, partial_rotary_factor: 0.5 }, "partial_rotary_factor", "0.5"],
    [
      { ...llama32, quantization_config: { quant_method: "bitsandbytes", load_in_4bit: true } },
      "quantization_config.quant_method",
      "bitsandbytes",
    ],
    [
      { ...llama32, architectures: undefined, auto_map: { AutoModelForCausalLM: "modeling_x.X" } },
      "auto_map",
      "modeling_x.X",
    ],
    [{ ...llama32, torch_dtype: "float64" }, "dtype", '"float64"'],
  ];
  it.each(unsupported)("says that it cannot run %o", (config, param, value) => {
    const error = errorOf(() => readModelConfig(config));
    expect(error).toMatchObject({ code: "checkpoint_unsupported", param });
    expect(error.message).toContain(param);
    expect(error.message).toContain(value);
  });

  const invalid: [field: string, value: unknown][] = [
    ["vocab_size", -1],
    ["vocab_size", "32000"],
    ["hidden_size", 0],
    ["hidden_size", undefined],
    ["num_hidden_layers", 2.5],
    ["num_hidden_layers", 1e9],
    ["num_attention_heads", 0],
    ["num_key_value_heads", 5],
    ["num_key_value_heads", 0],
    ["head_dim", 63],
    ["rms_norm_eps", 0],
    ["rms_norm_eps", null],
    ["rope_theta", -10000],
    ["rope_scaling", "llama3"],
    ["max_position_embeddings", 0],
    ["tie_word_embeddings", "yes"],
    ["eos_token_id", -1],
    ["bos_token_id", 1.5],
    ["model_type", undefined],
  ];
  it.each(invalid)("refuses %s %o and names it", (field, value) => {
    const error = errorOf(() => readModelConfig({ ...llama32, [field]: value }));
    expect(error).toMatchObject({ code: "checkpoint_invalid", param: field });
    expect(error.message).toContain(field);
  });

  it("names the missing or impossible part of a llama3 scaling", () => {
    const scaling = llama32.rope_scaling as Json;
    const errorWith = (change: Json) =>
      errorOf(() => readModelConfig({ ...llama32, rope_scaling: { ...scaling, ...change } }));
    expect(errorWith({ factor: undefined }).param).toBe("rope_scaling.factor");
    expect(errorWith({ high_freq_factor: 1 }).param).toBe("rope_scaling.high_freq_factor");
  });

  it("refuses heads that do not divide the hidden size when no head size is given", () => {
    const config = { ...llama32, head_dim: null, num_attention_heads: 24 };
    expect(errorOf(() => readModelConfig(config)).param).toBe("num_attention_heads");
  });

  it.each([null, [], 3, "{}"])("refuses %o as a config", (config) => {
    expect(errorOf(() => readModelConfig(config)).code).toBe("checkpoint_invalid");
  });
});
