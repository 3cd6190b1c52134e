/**
 * Opens a Hugging Face checkpoint directory: its normalised config and its weights by name. It knows which
 * tensors a decoder needs and checks them all at once, but not what is computed with them.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RosaError } from "@rosa2/shared/errors";
import { z } from "zod";
import { parse } from "./config-errors.ts";
import { digestFiles } from "./digest.ts";
import { type ModelConfig, readModelConfig } from "./model-config.ts";
import {
  type ElementRange,
  openSafetensors,
  type TensorFile,
  type TensorType,
} from "./safetensors.ts";

export type { ModelConfig } from "./model-config.ts";

/** Where a tensor's bytes lie, for readers that map the file themselves. */
export interface TensorLocation {
  /** Full path of the weight file. */
  path: string;
  byteOffset: number;
  byteLength: number;
  dtype: TensorType;
  shape: readonly number[];
}

export interface Checkpoint {
  readonly directory: string;
  readonly config: ModelConfig;
  /** Number of weights that the model uses, tied ones once. */
  readonly parameterCount: number;
  /** SHA-256 over config.json and the weight files, in hexadecimal; computed at the first use. */
  readonly digest: string;
  has(name: string): boolean;
  location(name: string): TensorLocation;
  /** The tensor, or a part of it, in fp32, row-major, in memory of its own. */
  tensor(name: string, part?: ElementRange): Float32Array<ArrayBuffer>;
}

/**
 * Opens and checks the checkpoint in `directory`; reads headers only. Throws `checkpoint_unsupported` naming
 * the field or file that this engine cannot run, and `checkpoint_invalid` naming what is broken.
 */
export function openCheckpoint(directory: string): Checkpoint {
  const config = openConfig(directory);
  const { files, fileOf } = openWeights(directory);
  const location = (name: string): TensorLocation => {
    const file = fileOf.get(name);
    if (!file) throw invalid(`tensor "${name}" is missing`);
    return { path: file.path, ...file.tensors.info(name) };
  };

  const shapes = tensorShapes(config);
  for (const [name, expected] of shapes) {
    if (!fileOf.has(name)) throw invalid(`tensor "${name}" [${expected}] is missing`);
    const { shape, dtype } = location(name);
    if (shape.join() !== expected.join())
      throw invalid(`tensor "${name}" has shape [${shape}], expected [${expected}]`);
    if (dtype !== "F32" && dtype !== "F16" && dtype !== "BF16")
      throw new RosaError(
        "checkpoint_unsupported",
        `Cannot run checkpoint: tensor "${name}" has dtype "${dtype}" (supported: F32, F16, BF16)`,
        { param: name },
      );
  }

  let digest: string | undefined;
  return {
    directory,
    config,
    parameterCount: [...shapes.values()].reduce((sum, shape) => sum + product(shape), 0),
    get digest() {
      digest ??= digestFiles([join(directory, "config.json"), ...files.map(({ path }) => path)]);
      return digest;
    },
    has: (name) => fileOf.has(name),
    location,
    tensor: (name, part) => {
      const file = fileOf.get(name);
      if (!file) throw invalid(`tensor "${name}" is missing`);
      return file.tensors.readFloat32(name, part);
    },
  };
}

/** The configuration of the checkpoint in `directory`. Throws as `readModelConfig` does. */
export function openConfig(directory: string): ModelConfig {
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
    shapes.set(`${prefix}.input_layernorm.weight`, [hiddenSize]);
    addLinear(`${prefix}.self_attn.q_proj`, queries, hiddenSize, config.attentionBias.qkv);
    addLinear(`${prefix}.self_attn.k_proj`, keys, hiddenSize, config.attentionBias.qkv);
    addLinear(`${prefix}.self_attn.v_proj`, keys, hiddenSize, config.attentionBias.qkv);
    if (config.qkNorm) {
      shapes.set(`${prefix}.self_attn.q_norm.weight`, [headSize]);
      shapes.set(`${prefix}.self_attn.k_norm.weight`, [headSize]);
    }
    addLinear(`${prefix}.self_attn.o_proj`, hiddenSize, queries, config.attentionBias.output);
    shapes.set(`${prefix}.post_attention_layernorm.weight`, [hiddenSize]);
    if (config.sandwichNorms) {
      shapes.set(`${prefix}.pre_feedforward_layernorm.weight`, [hiddenSize]);
      shapes.set(`${prefix}.post_feedforward_layernorm.weight`, [hiddenSize]);
    }
    addLinear(`${prefix}.mlp.gate_proj`, intermediateSize, hiddenSize, config.mlpBias);
    addLinear(`${prefix}.mlp.up_proj`, intermediateSize, hiddenSize, config.mlpBias);
    addLinear(`${prefix}.mlp.down_proj`, hiddenSize, intermediateSize, config.mlpBias);
  }
  shapes.set("model.norm.weight", [hiddenSize]);
  if (!config.tiedEmbeddings) shapes.set("lm_head.weight", [vocabSize, hiddenSize]);
  return shapes;
}

interface WeightFile {
  path: string;
  tensors: TensorFile;
}

/** Weights in one file, which wins, and the index of weights in several. */
export const weightFileName = "model.safetensors";
export const weightIndexName = "model.safetensors.index.json";
/** A plain name: an index cannot point outside its directory. */
const shardName = z.string().regex(/^[A-Za-z0-9][\w.-]*\.safetensors$/, "is not a plain file name");
const indexSchema = z.object({ weight_map: z.record(z.string(), shardName) });

/** Which file holds which tensor, from the JSON of an index. Throws `checkpoint_invalid`. */
export function readWeightIndex(json: unknown): Record<string, string> {
  return parse(weightIndexName, indexSchema, json).weight_map;
}

function openWeights(directory: string): { files: WeightFile[]; fileOf: Map<string, WeightFile> } {
  const open = (name: string): WeightFile => {
    const path = join(directory, name);
    if (!existsSync(path)) throw invalid(`weight file "${name}" is missing`);
    return { path, tensors: openSafetensors(path) };
  };

  if (existsSync(join(directory, weightFileName))) {
    const file = open(weightFileName);
    return { files: [file], fileOf: new Map(file.tensors.names.map((name) => [name, file])) };
  }
  if (existsSync(join(directory, weightIndexName))) {
    const weightMap = readWeightIndex(readJson(directory, weightIndexName));
    const shards = new Map(
      [...new Set(Object.values(weightMap))].sort().map((name) => [name, open(name)]),
    );
    const fileOf = new Map<string, WeightFile>();
    for (const [name, shard] of Object.entries(weightMap)) {
      const file = shards.get(shard)!;
      if (!file.tensors.has(name))
        throw invalid(`tensor "${name}" is not in "${shard}", where the index puts it`);
      fileOf.set(name, file);
    }
    return { files: [...shards.values()], fileOf };
  }
  throw noWeights(readdirSync(directory), directory);
}

/** Why there is nothing to read among these files: weights in another format, or none. */
export function noWeights(names: readonly string[], place: string): RosaError {
  const foreign = names.find((name) => /\.(bin|pt|pth|ckpt|gguf|h5)$/.test(name));
  if (foreign)
    return new RosaError(
      "checkpoint_unsupported",
      `Cannot run checkpoint: weight file "${foreign}" is not supported (supported: ${weightFileName})`,
      { param: foreign },
    );
  return invalid(`neither ${weightFileName} nor ${weightIndexName} is in "${place}"`);
}

function readJson(directory: string, name: string): unknown {
  try {
    return JSON.parse(readFileSync(join(directory, name), "utf8"));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RosaError("checkpoint_invalid", `Cannot read ${name}: ${reason}`, { cause });
  }
}

function product(shape: readonly number[]): number {
  return shape.reduce((total, dimension) => total * dimension, 1);
}

function invalid(reason: string): RosaError {
  return new RosaError("checkpoint_invalid", `Cannot open checkpoint: ${reason}`);
}
