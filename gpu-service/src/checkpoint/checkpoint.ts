/**
 * Opens a Hugging Face checkpoint directory: its normalised config, and its weights by name. It knows which tensors a
 * decoder needs and checks them all at once. It does not know what is computed with them.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { RosaError } from "@rosa2/shared/errors";
import { digestFiles } from "./digest.ts";
import { applyScales, type Fp8, scaleShapes, scaleSuffix } from "./fp8.ts";
import { findIntegers } from "./integer-tensors.ts";
import { readJson } from "./json.ts";
import { missingConfig } from "./missing-files.ts";
import { type ModelConfig, readModelConfig } from "./model-config.ts";
import type { ElementRange, TensorInfo } from "./safetensors.ts";
import {
  type IntegerMatrix,
  integerSuffixes,
  integersToFloat32,
  rowsOf,
} from "./saved-integers.ts";
import { type NamedPart, partsOf } from "./tensor-names.ts";
import { elementBytes, type TensorType } from "./tensor-types.ts";
import { openWeightFiles, type WeightFile, type WeightFiles } from "./weight-files.ts";

export type { ModelConfig } from "./model-config.ts";

/** Where a tensor's bytes lie, for code that maps the file itself. */
export interface TensorLocation {
  /** Full path of the weight file. */
  path: string;
  byteOffset: number;
  byteLength: number;
  dtype: TensorType;
  shape: readonly number[];
}

/** What a merged LoRA adds to one linear layer: W + B·A. */
export interface LoraDelta {
  rank: number;
  /** [rank, in] */
  A: Float32Array;
  /** [out, rank], the scale included. */
  B: Float32Array;
}

/** The LoRA that a checkpoint was merged with. */
export interface BaseLora {
  name: string;
  /** By the decoder's module path, e.g. `model.layers.0.self_attn.q_proj`. */
  deltas: ReadonlyMap<string, LoraDelta>;
}

export interface Checkpoint {
  readonly directory: string;
  readonly config: ModelConfig;
  /** Number of weights that the model uses, tied ones once. */
  readonly parameterCount: number;
  /** SHA-256 over config.json and the weight files, in hexadecimal; computed at first use. */
  readonly digest: string;
  /** The LoRA merged into what `tensor` reads. The files that `location` names are without it. */
  readonly lora: BaseLora | null;
  has(name: string): boolean;
  /** For a matrix saved as integers: the place of the integers, with the matrix's shape. */
  location(name: string): TensorLocation;
  /** Bytes in the files, with scales. */
  savedBytes(name: string): number;
  /** A matrix saved as integers, in memory of its own; only for those in the config's `integers`. */
  integers(name: string): IntegerMatrix;
  /** The tensor, or a part of it, in fp32, row-major, in memory of its own. */
  tensor(name: string, part?: ElementRange): Float32Array<ArrayBuffer>;
}

/**
 * Opens and checks the checkpoint in `directory`; reads headers only. Throws `checkpoint_unsupported` naming
 * the field or file that this engine cannot run, and `checkpoint_invalid` naming what is broken.
 */
export function openCheckpoint(directory: string): Checkpoint {
  const stated = openConfig(directory);
  const weights = openWeightFiles(directory);
  // A head of its own is the one that was trained, whatever the config says of tying.
  const hasHead = findTensor(weights, stated, "lm_head.weight") !== null;
  const headed = hasHead ? { ...stated, tiedEmbeddings: false } : stated;

  const shapes = tensorShapes(headed);
  const found = new Map<string, FoundTensor>();
  for (const [name, expected] of shapes) {
    const tensor = findTensor(weights, headed, name) ?? missing(weights, headed, name, expected);
    requireTensor(name, tensor, expected, headed.fp8);
    found.set(name, tensor);
  }
  const config = withMatrices(
    headed,
    [...found].flatMap(([name, { integers }]) => (integers === null ? [] : [name])),
  );
  /** Read in pieces, a matrix is unpacked once. */
  let unpacked: { name: string; matrix: IntegerMatrix } | null = null;
  const integersOf = (name: string, read: () => IntegerMatrix): IntegerMatrix => {
    if (unpacked?.name !== name) unpacked = { name, matrix: read() };
    return unpacked.matrix;
  };
  const tensorOf = (name: string): FoundTensor => {
    const tensor = found.get(name);
    if (!tensor) throw invalid(`tensor "${name}" is missing`);
    return tensor;
  };

  let digest: string | undefined;
  return {
    directory,
    config,
    parameterCount: [...shapes.values()].reduce((sum, shape) => sum + product(shape), 0),
    get digest() {
      const paths = weights.files.map(({ path }) => path);
      digest ??= digestFiles([join(directory, "config.json"), ...paths]);
      return digest;
    },
    lora: null,
    has: (name) => found.has(name),
    location: (name) => {
      const { file, info } = tensorOf(name);
      return { path: file.path, ...info };
    },
    savedBytes: (name) => tensorOf(name).byteLength,
    integers: (name) => {
      const { integers } = tensorOf(name);
      if (integers === null) throw new Error(`Cannot read ${name}: it is no matrix of integers`);
      return integers();
    },
    tensor: (name, part) => {
      const { file, inFile, info, start, scales, integers } = tensorOf(name);
      const { start: from, count } = part ?? { start: 0, count: product(info.shape) };
      if (integers !== null) return integersToFloat32(integersOf(name, integers), from, count);
      const values = file.tensors.readFloat32(inFile, { start: start + from, count });
      if (scales !== null && config.fp8 !== null)
        applyScales(values, start + from, info.shape[1]!, scales(), config.fp8);
      return values;
    },
  };
}

/** A decoder's tensor in a file, or a part of a file's tensor. */
interface FoundTensor {
  file: WeightFile;
  inFile: string;
  /** Of the part. */
  info: TensorInfo;
  /** First element of the part. */
  start: number;
  /** Of the whole of the file's matrix, where it has any. */
  scales: (() => Float32Array) | null;
  /** Of the part, where it is saved so. */
  integers: (() => IntegerMatrix) | null;
  /** In the files, with what belongs to it. */
  byteLength: number;
}

/** The config with the matrices that the files hold as integers; where none is, there are plain weights only. */
function withMatrices(config: ModelConfig, names: readonly string[]): ModelConfig {
  if (config.integers === null) return config;
  const integers = names.length === 0 ? null : { ...config.integers, matrices: new Set(names) };
  return { ...config, integers };
}

function findTensor(weights: WeightFiles, config: ModelConfig, name: string): FoundTensor | null {
  for (const { name: inFile, rows } of partsOf(config, name)) {
    const file = weights.fileOf(inFile);
    if (file === undefined) {
      const integers = findInIntegers(weights, config, inFile, rows);
      if (integers !== null) return integers;
      continue;
    }
    const whole = file.tensors.info(inFile);
    const scales = scalesOf(weights, config.fp8, inFile, whole);
    if (rows === null || whole.shape[0] !== rows.of) {
      const { byteLength } = whole;
      return { file, inFile, info: whole, start: 0, scales, integers: null, byteLength };
    }
    const width = product(whole.shape.slice(1));
    const start = rows.start * width;
    const info = {
      dtype: whole.dtype,
      shape: [rows.count, ...whole.shape.slice(1)],
      byteOffset: whole.byteOffset + start * elementBytes[whole.dtype],
      byteLength: rows.count * width * elementBytes[whole.dtype],
    };
    return { file, inFile, info, start, scales, integers: null, byteLength: info.byteLength };
  }
  return null;
}

/** Whole, or some rows. */
function findInIntegers(
  weights: WeightFiles,
  { integers: saved }: ModelConfig,
  inFile: string,
  rows: NamedPart["rows"],
): FoundTensor | null {
  if (saved === null || !inFile.endsWith(weightSuffix)) return null;
  const found = findIntegers(weights, saved, inFile.slice(0, -weightSuffix.length));
  if (found === null) return null;
  const { file, info, byteLength, read } = found;
  const [out, width] = info.shape as [number, number];
  const whole = { file, inFile, start: 0, scales: null };
  if (rows === null || out !== rows.of) return { ...whole, info, integers: read, byteLength };
  return {
    ...whole,
    info: { ...info, shape: [rows.count, width] },
    integers: () => rowsOf(read(), rows.start, rows.count),
    byteLength: Math.ceil((byteLength * rows.count) / out),
  };
}

const weightSuffix = ".weight";

/** Reads the scales of a matrix of 8-bit floats, once; null where it is none. */
function scalesOf(
  weights: WeightFiles,
  fp8: Fp8 | null,
  matrix: string,
  { dtype, shape }: TensorInfo,
): FoundTensor["scales"] {
  if (fp8 === null || dtype !== "F8_E4M3") return null;
  const name = matrix + scaleSuffix;
  const file = weights.fileOf(name);
  if (file === undefined) throw invalid(`tensor "${name}" is missing`);
  const expected = scaleShapes(fp8, shape);
  const found = file.tensors.info(name).shape;
  if (!expected.some((one) => one.join() === found.join()))
    throw invalid(`tensor "${name}" has shape [${found}], expected [${expected.at(-1)}]`);
  let read: Float32Array | undefined;
  return () => {
    read ??= file.tensors.readFloat32(name);
    return read;
  };
}

function missing(
  weights: WeightFiles,
  config: ModelConfig,
  name: string,
  expected: readonly number[],
): never {
  for (const part of partsOf(config, name)) {
    const reason = weights.reasonOf(part.name);
    if (reason !== null) throw invalid(reason);
    const packed = part.name.replace(/\.weight$/, integerSuffixes.weight);
    if (packed !== part.name && weights.fileOf(packed) !== undefined)
      throw invalid(
        `tensor "${packed}" holds integers, and config.json has no quantization_config that says how: repositories of that age have it in quantize_config.json`,
      );
  }
  throw invalid(`tensor "${name}" [${expected}] is missing`);
}

function requireTensor(
  name: string,
  { info, scales, integers }: FoundTensor,
  expected: readonly number[],
  fp8: Fp8 | null,
): void {
  const { shape, dtype } = info;
  if (shape.join() !== expected.join())
    throw invalid(`tensor "${name}" has shape [${shape}], expected [${expected}]`);
  if (integers !== null) return;
  if (dtype !== "F32" && dtype !== "F16" && dtype !== "BF16" && scales === null)
    throw new RosaError(
      "checkpoint_unsupported",
      `Cannot run checkpoint: tensor "${name}" has dtype "${dtype}" (supported: F32, F16, BF16${fp8 === null ? "" : ", F8_E4M3"})`,
      { param: name },
    );
}

/** The configuration of the checkpoint in `directory`. Throws as `readModelConfig` does. */
export function openConfig(directory: string): ModelConfig {
  if (existsSync(directory) && !existsSync(join(directory, "config.json")))
    throw missingConfig(readdirSync(directory), directory);
  return readModelConfig(
    readJson(directory, "config.json"),
    existsSync(join(directory, "generation_config.json"))
      ? readJson(directory, "generation_config.json")
      : undefined,
  );
}

/** Every tensor the model reads, by its Hugging Face name, with its shape; linears are [outputs, inputs]. */
export function tensorShapes(config: ModelConfig): Map<string, readonly number[]> {
  const { vocabSize, hiddenSize, intermediateSize, headSize } = config;
  const queries = config.headCount * headSize;
  const keys = config.kvHeadCount * headSize;
  const shapes = new Map<string, readonly number[]>();
  const addLinear = (name: string, outputs: number, inputs: number, bias: boolean): void => {
    shapes.set(`${name}.weight`, [outputs, inputs]);
    if (bias) shapes.set(`${name}.bias`, [outputs]);
  };

  shapes.set("model.embed_tokens.weight", [vocabSize, hiddenSize]);
  for (let layer = 0; layer < config.layerCount; layer++) {
    const prefix = `model.layers.${layer}`;
    if (config.norms !== "after") shapes.set(`${prefix}.input_layernorm.weight`, [hiddenSize]);
    addLinear(`${prefix}.self_attn.q_proj`, queries, hiddenSize, config.attentionBias.qkv);
    addLinear(`${prefix}.self_attn.k_proj`, keys, hiddenSize, config.attentionBias.qkv);
    addLinear(`${prefix}.self_attn.v_proj`, keys, hiddenSize, config.attentionBias.qkv);
    if (config.qkNorm !== null) {
      const isWhole = config.qkNorm === "all";
      shapes.set(`${prefix}.self_attn.q_norm.weight`, [isWhole ? queries : headSize]);
      shapes.set(`${prefix}.self_attn.k_norm.weight`, [isWhole ? keys : headSize]);
    }
    addLinear(`${prefix}.self_attn.o_proj`, hiddenSize, queries, config.attentionBias.output);
    shapes.set(`${prefix}.post_attention_layernorm.weight`, [hiddenSize]);
    if (config.norms === "around")
      shapes.set(`${prefix}.pre_feedforward_layernorm.weight`, [hiddenSize]);
    if (config.norms !== "before")
      shapes.set(`${prefix}.post_feedforward_layernorm.weight`, [hiddenSize]);
    addLinear(`${prefix}.mlp.gate_proj`, intermediateSize, hiddenSize, config.mlpBias);
    addLinear(`${prefix}.mlp.up_proj`, intermediateSize, hiddenSize, config.mlpBias);
    addLinear(`${prefix}.mlp.down_proj`, hiddenSize, intermediateSize, config.mlpBias);
  }
  shapes.set("model.norm.weight", [hiddenSize]);
  if (!config.tiedEmbeddings) shapes.set("lm_head.weight", [vocabSize, hiddenSize]);
  return shapes;
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, dimension) => total * dimension, 1);
}

function invalid(reason: string): RosaError {
  return new RosaError("checkpoint_invalid", `Cannot open checkpoint: ${reason}`);
}
