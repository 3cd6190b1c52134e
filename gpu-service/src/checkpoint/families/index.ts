/** What each supported family's configuration class in `transformers` assumes where a config is silent. */

export type Architecture =
  | "llama"
  | "qwen2"
  | "qwen3"
  | "mistral"
  | "smollm3"
  | "gemma"
  | "gemma2"
  | "gemma3_text";

/** Products of gate and activation that the decoder knows, by the name in a config. */
export type Activation = "silu" | "gelu_pytorch_tanh";

export interface Family {
  className: string;
  kvHeadCount: number | null;
  headSize: number | null;
  contextLength: number;
  ropeTheta: number;
  slidingWindow: number | null;
  eosIds: readonly number[];
  bosId: number | null;
  tiedEmbeddings: boolean;
  activation: Activation;
  /** Has biases on q, k and v whatever the config says; else `attention_bias` decides, if it is read. */
  biases: "qkv" | "configured" | "none";
  qkNorm: boolean;
  /** Norms scale by 1 + w, embeddings by √C, and the activation has a field of its own. */
  isGemma: boolean;
  /** A norm after attention and feed-forward as well as before. */
  sandwichNorms: boolean;
}

const llamaLike = {
  headSize: null,
  ropeTheta: 10_000,
  tiedEmbeddings: false,
  activation: "silu",
  biases: "none",
  qkNorm: false,
  isGemma: false,
  sandwichNorms: false,
} as const;

const qwenLike = {
  ...llamaLike,
  kvHeadCount: 32,
  contextLength: 32_768,
  slidingWindow: 4096,
  eosIds: [],
  bosId: null,
};

const gemmaLike = {
  headSize: 256,
  ropeTheta: 10_000,
  slidingWindow: 4096,
  eosIds: [1],
  bosId: 2,
  tiedEmbeddings: true,
  activation: "gelu_pytorch_tanh",
  biases: "configured",
  qkNorm: false,
  isGemma: true,
  sandwichNorms: true,
} as const;

export const families: Record<Architecture, Family> = {
  llama: {
    ...llamaLike,
    className: "LlamaForCausalLM",
    kvHeadCount: null,
    contextLength: 2048,
    slidingWindow: null,
    eosIds: [2],
    bosId: 1,
    biases: "configured",
  },
  qwen2: { ...qwenLike, className: "Qwen2ForCausalLM", biases: "qkv" },
  qwen3: {
    ...qwenLike,
    className: "Qwen3ForCausalLM",
    headSize: 128,
    biases: "configured",
    qkNorm: true,
  },
  mistral: {
    ...llamaLike,
    className: "MistralForCausalLM",
    kvHeadCount: 8,
    contextLength: 131_072,
    slidingWindow: 4096,
    eosIds: [2],
    bosId: 1,
  },
  smollm3: {
    ...llamaLike,
    className: "SmolLM3ForCausalLM",
    kvHeadCount: 4,
    contextLength: 32_768,
    ropeTheta: 2_000_000,
    slidingWindow: null,
    eosIds: [128_001],
    bosId: 128_000,
    tiedEmbeddings: true,
    biases: "configured",
  },
  gemma: {
    ...gemmaLike,
    className: "GemmaForCausalLM",
    kvHeadCount: 16,
    contextLength: 8192,
    slidingWindow: null,
    sandwichNorms: false,
  },
  gemma2: {
    ...gemmaLike,
    className: "Gemma2ForCausalLM",
    kvHeadCount: 4,
    contextLength: 8192,
  },
  gemma3_text: {
    ...gemmaLike,
    className: "Gemma3ForCausalLM",
    kvHeadCount: 4,
    contextLength: 131_072,
    qkNorm: true,
  },
};

export const architectures = Object.keys(families) as Architecture[];

export function isArchitecture(modelType: string): modelType is Architecture {
  return Object.hasOwn(families, modelType);
}
