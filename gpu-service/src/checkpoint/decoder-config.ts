/** The one description of a decoder that the compiler reads, for every family. */

import type { Fp8 } from "./fp8.ts";
import type { SavedIntegers } from "./saved-integers.ts";

/** Activations that the decoder can multiply with the gate, by their name in a config. */
export type Activation = "silu" | "gelu_pytorch_tanh";

/** Angles of one kind of layer: theta, and how frequencies are stretched. */
export interface Rope {
  theta: number;
  scaling: RopeScaling | null;
}

export type RopeScaling = Llama3Scaling | LinearScaling | YarnScaling | LongRopeScaling;

/** Llama 3's stretch of low frequencies. */
interface Llama3Scaling {
  type: "llama3";
  factor: number;
  lowFreqFactor: number;
  highFreqFactor: number;
  originalContextLength: number;
}

/** Every position divided by the factor. */
interface LinearScaling {
  type: "linear";
  factor: number;
}

/**
 * Frequencies between two bounds change gradually from stretched to plain; queries and keys grow a little (arXiv
 * 2309.00071).
 */
interface YarnScaling {
  type: "yarn";
  factor: number;
  /** Multiplies cosines and sines. */
  attentionFactor: number;
  /** Turns within the original context above which, and below which, a frequency is plain or stretched. */
  betaFast: number;
  betaSlow: number;
  originalContextLength: number;
  /** Whether the bounds are whole numbers of pairs. */
  truncate: boolean;
}

/** One divisor per frequency, for texts within the original context (arXiv 2402.13753). */
interface LongRopeScaling {
  type: "longrope";
  divisors: readonly number[];
  attentionFactor: number;
}

/** A decoder: RMSNorm, rotary positions, grouped-query attention, gated feed-forward. */
export interface ModelConfig {
  /** `model_type` of the decoder's family. */
  architecture: string;
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
  /** Where attention and feed-forward are normalised: at their input, at their output, or at both. */
  norms: "before" | "after" | "around";
  /** Multiplies the embeddings that enter the first layer. */
  embeddingScale: number;
  /** Multiplies what attention and feed-forward add to their input. */
  residualScale: number;
  /** Multiplies the scores q·k. */
  attentionScale: number;
  /** Bounds scores and logits to (−cap, cap) by cap·tanh(x/cap). */
  attentionSoftcap: number | null;
  /** Multiplies the logits. */
  logitScale: number;
  logitSoftcap: number | null;
  rope: Rope;
  /** Numbers of each query and key that are rotated: the first ones; an even count. */
  rotarySize: number;
  /** Rotary settings of the layers with a window, where they differ. */
  windowRope: Rope | null;
  /** Tokens of prompt and reply together. */
  contextLength: number;
  /** The output head is the embedding matrix; the checkpoint then needs no `lm_head.weight`. */
  tiedEmbeddings: boolean;
  attentionBias: { qkv: boolean; output: boolean };
  mlpBias: boolean;
  /** RMSNorm of queries and keys before rotation: of each head's alone, or of all heads' together. */
  qkNorm: "head" | "all" | null;
  /** In layers with a window a position sees itself and the `slidingWindow − 1` before it. */
  slidingWindow: number | null;
  /** Which layers have the window. */
  windowedLayers: readonly boolean[];
  /** Layers without positions (NoPE): queries and keys are not rotated. */
  unrotatedLayers: readonly boolean[];
  activation: Activation;
  /** The file holds q, k and v as one matrix, and gate and up as another. */
  fusedProjections: boolean;
  /** Path of the decoder in the model's own class, as adapters for it name modules. */
  modulePath: string;
  /** Any of these ends a reply; may be empty. */
  eosIds: readonly number[];
  bosId: number | null;
  /** How to sample where a request says nothing; temperature 0 is greedy. */
  sampling: SamplingDefaults;
  /** Settings of generation_config.json that would change replies and are not followed, with their values. */
  ignoredGeneration: Readonly<Record<string, unknown>>;
  /** Matrices of the blocks may be saved as 8-bit floats with scales. */
  fp8: Fp8 | null;
  /** Linears may be saved as integers with scales; these are served as saved. */
  integers: SavedIntegers | null;
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
  /** Tokens that are never chosen. */
  suppress_tokens?: readonly number[];
  /** Texts that end a reply, beside those of a request. */
  stop_strings?: readonly string[];
}
