/**
 * Says whether and how a checkpoint will run, from its description and the headers of its weight files. It reads no
 * weights. The engine's own code decides what can run.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type ErrorCode, RosaError } from "@rosa2/shared/errors";
import { writeAdapter } from "../adapt/adapter-file.ts";
import { mergeLora } from "../checkpoint/base-lora.ts";
import {
  type Checkpoint,
  type ModelConfig,
  openCheckpoint,
  tensorShapes,
} from "../checkpoint/checkpoint.ts";
import { ignoredNote } from "../checkpoint/generation-config.ts";
import { readJson } from "../checkpoint/json.ts";
import { missingConfig } from "../checkpoint/missing-files.ts";
import { readModelConfig } from "../checkpoint/model-config.ts";
import { servedBits } from "../checkpoint/quantization-config.ts";
import { denseNames, quantizedWeights } from "../compiler/decoder/quantize.ts";
import type { ModelSettings } from "../config.ts";
import { kvBytesPerToken, slotCount } from "../engine/batch/kv-budget.ts";
import { loraLength } from "../lora/sites.ts";
import { describeTokenizer, type TokenizerReport } from "./check-tokenizer.ts";

/** Figures in bytes unless stated otherwise; null for what a problem makes unknowable. */
export interface ModelReport {
  runs: boolean;
  problems: Problem[];
  warnings: string[];
  architecture: ArchitectureReport | null;
  weights: WeightsReport | null;
  tokenizer: TokenizerReport | null;
  memory: MemoryReport | null;
  adapter: { rank: number; bytes: number } | null;
}

export interface Problem {
  code: ErrorCode;
  /** Field of the configuration, name of the file or of the tensor. */
  field?: string;
  message: string;
}

interface ArchitectureReport {
  family: string;
  layers: number;
  hidden_size: number;
  intermediate_size: number;
  heads: number;
  kv_heads: number;
  head_size: number;
  vocabulary: number;
  context_tokens: number;
  sliding_window_tokens: number | null;
  rope_scaling: string | null;
  tied_head: boolean;
  /** What config.json states. */
  dtype: string;
}

interface WeightsReport {
  parameters: number;
  /** Types of the saved tensors. */
  dtypes: string[];
  /** How linears are saved as integers; null where they are floats. */
  saved_as: string | null;
  bytes: number;
  /** Files made once in the cache folder: fp32 copies, quantised matrices. */
  cache_bytes: number;
}

interface MemoryReport {
  quantize: ModelSettings["QUANTIZE"];
  /** Mapped, so shared by all graphs. */
  weights: number;
  kv_per_token: number;
  /** At most; `CONTEXT_TOKENS` and the model decide. */
  context_tokens: number;
  rows: number;
  /** For `rows` sequences of `context_tokens`. */
  kv: number;
  kv_budget: number;
  /** Sequences of full length within the budget, parked ones included. */
  sequences: number;
}

/** Rank of an adapter unless the plan of an update says otherwise. */
const adapterRank = 8;
const digestChars = 64;

/** Checks a checkpoint directory. `unreadable` says why its weight files are absent, where that is known. */
export function checkModel(
  directory: string,
  settings: ModelSettings,
  unreadable: Error | null = null,
): ModelReport {
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const attempt = <T>(action: () => T): T | null => {
    try {
      return action();
    } catch (error) {
      problems.push(problemOf(error));
      return null;
    }
  };

  const config = attempt(() => readConfig(directory, (problem) => problems.push(problem)));
  const isFaultless = config !== null && problems.length === 0;
  // Tensors are looked for by what the config says, so it has to be right.
  if (unreadable) problems.push(problemOf(unreadable));
  const checkpoint = isFaultless && !unreadable ? attempt(() => openCheckpoint(directory)) : null;
  const { LORA } = settings;
  if (LORA !== undefined && !existsSync(LORA))
    warnings.push(`LORA="${LORA}" was not looked at: it is no directory here`);
  else if (LORA !== undefined && checkpoint) attempt(() => mergeLora(checkpoint, LORA, LORA));
  const tokenizer = attempt(() =>
    describeTokenizer(directory, config, {
      problem: (error) => problems.push(problemOf(error)),
      warn: (text) => warnings.push(text),
    }),
  );
  // The files may hold a head that the config calls tied.
  const served = checkpoint?.config ?? config;
  // QUANTIZE may not fit the weights; the other findings are then those without it.
  const bits = checkpoint && attempt(() => servedBits(checkpoint.config, settings.QUANTIZE));
  const memory = checkpoint && describeMemory(checkpoint.config, settings, bits);
  const ignored = config && ignoredNote(config.ignoredGeneration);
  if (ignored) warnings.push(ignored);
  if (memory) warnings.push(...memoryWarnings(memory));
  const saved = checkpoint?.config.integers;
  if (saved)
    warnings.push(
      `adapters are trained on, and belong to, the weights as they are saved, ${saved.bits}-bit integers (${saved.method}): with the full-precision ones they do something else`,
    );
  else if (checkpoint && settings.QUANTIZE !== "none")
    warnings.push(
      `adapters are trained on, and belong to, the weights rounded to ${settings.QUANTIZE} bits; by how much those differ is told at the start and in each export`,
    );
  return {
    runs: problems.length === 0,
    problems,
    warnings,
    architecture: served && describeArchitecture(served),
    weights: checkpoint && describeWeights(checkpoint, bits),
    tokenizer,
    memory,
    adapter: checkpoint && describeAdapter(checkpoint.config),
  };
}

/**
 * The model's configuration with every unsupported field reported, not only the first: each is left out, as
 * if the config did not have it, and the rest is read again.
 */
function readConfig(directory: string, report: (problem: Problem) => void): ModelConfig {
  if (!existsSync(join(directory, "config.json")))
    throw missingConfig(readdirSync(directory), directory);
  let json = readJson(directory, "config.json");
  const generation = existsSync(join(directory, "generation_config.json"))
    ? readJson(directory, "generation_config.json")
    : undefined;
  for (;;) {
    try {
      return readModelConfig(json, generation);
    } catch (error) {
      const rest = withoutField(json, error);
      if (rest === null) throw error;
      report(problemOf(error));
      json = rest;
    }
  }
}

/** Fields that decide whether another one counts. */
const conditions: Record<string, string> = {
  max_window_layers: "use_sliding_window",
  layer_types: "use_sliding_window",
  dtype: "torch_dtype",
};

/** The config without the field that an error names; null where nothing would be left to read. */
function withoutField(json: unknown, error: unknown): Json | null {
  if (!(error instanceof RosaError) || error.code !== "checkpoint_unsupported") return null;
  const [field = ""] = error.param?.split(".") ?? [];
  if (field === "model_type" || !isJson(json)) return null;
  const dropped = [field, conditions[field]];
  const drop = (from: Json): Json =>
    Object.fromEntries(
      Object.entries(from)
        .filter(([key]) => !dropped.includes(key))
        // Rotary settings may have a group of their own.
        .map(([key, value]) => [
          key,
          key.startsWith("rope_") && isJson(value) ? drop(value) : value,
        ]),
    );
  const rest = drop(json);
  return JSON.stringify(rest) === JSON.stringify(json) ? null : rest;
}

type Json = Record<string, unknown>;

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function problemOf(error: unknown): Problem {
  if (!(error instanceof RosaError)) throw error;
  const { code, param, message } = error;
  return { code, ...(param === undefined ? {} : { field: param }), message };
}

function describeArchitecture(config: ModelConfig): ArchitectureReport {
  return {
    family: config.architecture,
    layers: config.layerCount,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    heads: config.headCount,
    kv_heads: config.kvHeadCount,
    head_size: config.headSize,
    vocabulary: config.vocabSize,
    context_tokens: config.contextLength,
    sliding_window_tokens: config.slidingWindow,
    rope_scaling: config.rope.scaling?.type ?? null,
    tied_head: config.tiedEmbeddings,
    dtype: config.dtype,
  };
}

function describeWeights(
  { config, parameterCount, location, savedBytes }: Checkpoint,
  bits: number | null,
): WeightsReport {
  const shapes = tensorShapes(config);
  const typesOf = (names: readonly string[]) => [
    ...new Set(names.map((name) => location(name).dtype)),
  ];
  const dense = denseNames(config);
  const copied = dense.map((name) => 4 * product(shapes.get(name)!));
  const names = [...shapes.keys()];
  return {
    parameters: parameterCount,
    dtypes: typesOf(names).sort(),
    saved_as: config.integers && `${config.integers.method}, ${config.integers.bits} bits`,
    bytes: sum(names.map(savedBytes)),
    cache_bytes: (typesOf(dense).join() === "F32" ? 0 : sum(copied)) + quantizedBytes(config, bits),
  };
}

function describeMemory(
  config: ModelConfig,
  settings: ModelSettings,
  bits: number | null,
): MemoryReport {
  const contextLength = Math.min(config.contextLength, settings.CONTEXT_TOKENS);
  const shape = { ...config, contextLength, eosIds: [...config.eosIds] };
  const perToken = kvBytesPerToken(shape);
  return {
    quantize: settings.QUANTIZE,
    weights: mappedBytes(config, bits),
    kv_per_token: perToken,
    context_tokens: contextLength,
    rows: settings.ROWS,
    kv: perToken * contextLength * settings.ROWS,
    kv_budget: settings.KV_BYTES,
    sequences: slotCount(shape, settings.KV_BYTES),
  };
}

/** Bytes that the graphs read: fp32, or the quantised matrices and what stays fp32. */
function mappedBytes(config: ModelConfig, bits: number | null): number {
  const quantized = bits === null ? new Map() : quantizedWeights(config);
  let bytes = quantizedBytes(config, bits);
  for (const [name, shape] of tensorShapes(config)) {
    // Embeddings are looked up in fp32 even where the head that they are tied to is quantised.
    if (quantized.has(name) && name !== "model.embed_tokens.weight") continue;
    bytes += 4 * product(shape);
  }
  return bytes;
}

/** Integers, and for each block an fp32 scale and an integer zero. */
function quantizedBytes(config: ModelConfig, bits: number | null): number {
  if (bits === null) return 0;
  let bytes = 0;
  for (const { out, in: width, blockSize } of quantizedWeights(config).values()) {
    const blocks = (out * width) / blockSize;
    bytes += (out * width * bits) / 8 + 4 * blocks + Math.ceil((blocks * bits) / 8);
  }
  return bytes;
}

function product(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function sum(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function memoryWarnings({ rows, sequences, context_tokens }: MemoryReport): string[] {
  // One slot is never given to a running sequence.
  if (sequences > rows) return [];
  return [
    `KV_BYTES holds ${sequences} sequences of ${context_tokens} tokens, so ${sequences - 1} run at once, not ROWS=${rows}`,
  ];
}

/** The size of a real file, with a parent. */
function describeAdapter(config: ModelConfig): ModelReport["adapter"] {
  const digest = "0".repeat(digestChars);
  const B = new Float32Array(loraLength(config, adapterRank));
  const { bytes } = writeAdapter({ config, digest }, { rank: adapterRank, B, parent: digest });
  return { rank: adapterRank, bytes: bytes.length };
}
