/** Reads and writes training checkpoints and the Hugging Face folder; it knows files, not steps. */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { type ModelConfig, tensorShapes } from "../src/checkpoint/checkpoint.ts";
import { openSafetensors } from "../src/checkpoint/safetensors.ts";
import { encodeSafetensors } from "../src/checkpoint/write-safetensors.ts";
import { contextLength } from "./tokenizer.ts";

/** Weights and optimiser state by name. */
export type TrainingState = Map<string, Float32Array>;

/** A saved run, from which training can resume. */
export interface SavedRun {
  state: TrainingState;
  step: number;
  /** What the run was started with; resuming with anything else is an error. */
  settings: string;
}

export function saveRun(path: string, { state, step, settings }: SavedRun): void {
  writeTensors(path, [...state], (_, data) => [data.length], { step: String(step), settings });
}

export function loadRun(path: string): SavedRun {
  const file = openSafetensors(path);
  return {
    state: new Map(file.names.map((name) => [name, file.readFloat32(name)])),
    step: Number(file.metadata.step),
    settings: file.metadata.settings ?? "",
  };
}

/** Writes config.json, generation_config.json and model.safetensors; the tokenizer is already there. */
export function saveModel(directory: string, config: ModelConfig, state: TrainingState): void {
  mkdirSync(directory, { recursive: true });
  const shapes = tensorShapes(config);
  const weights = [...state].filter(([name]) => shapes.has(name));
  writeTensors(`${directory}/model.safetensors`, weights, (name) => [...shapes.get(name)!], {
    format: "pt",
  });
  const [eosId] = config.eosIds;
  writeJson(`${directory}/config.json`, {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    dtype: "float32",
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layerCount,
    num_attention_heads: config.headCount,
    num_key_value_heads: config.kvHeadCount,
    head_dim: config.headSize,
    hidden_act: config.activation,
    max_position_embeddings: contextLength,
    rms_norm_eps: config.rmsNormEps,
    rope_theta: config.rope.theta,
    tie_word_embeddings: config.tiedEmbeddings,
    attention_bias: false,
    mlp_bias: false,
    bos_token_id: config.bosId,
    eos_token_id: eosId,
    pad_token_id: 0,
    use_cache: true,
  });
  writeJson(`${directory}/generation_config.json`, {
    eos_token_id: eosId,
    pad_token_id: 0,
    do_sample: false,
  });
}

function writeTensors(
  path: string,
  tensors: [string, Float32Array][],
  shapeOf: (name: string, data: Float32Array) => number[],
  metadata: Record<string, string>,
): void {
  const bytes = encodeSafetensors(
    tensors.map(([name, data]) => ({
      name,
      dtype: "F32" as const,
      shape: shapeOf(name, data),
      data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    })),
    metadata,
  );
  mkdirSync(dirname(path), { recursive: true });
  // A crash while writing leaves the previous file complete.
  writeFileSync(`${path}.part`, bytes);
  renameSync(`${path}.part`, path);
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}
