/** A checkpoint with the shapes of Qwen2.5-0.5B and random weights, made once and kept in the cache folder. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomInt, randomNormal, seededRandom } from "@rosa2/shared/random";
import { tensorShapes } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import { readModelConfig } from "../../../gpu-service/src/checkpoint/model-config.ts";
import { encodeSafetensors } from "../../../gpu-service/src/checkpoint/safetensors.ts";
import { randomTokenizerFiles } from "./random-tokenizer.ts";

const endId = 151_645;

const config = {
  architectures: ["Qwen2ForCausalLM"],
  model_type: "qwen2",
  dtype: "float32",
  vocab_size: 151_936,
  hidden_size: 896,
  intermediate_size: 4864,
  num_hidden_layers: 24,
  num_attention_heads: 14,
  num_key_value_heads: 2,
  hidden_act: "silu",
  max_position_embeddings: 32_768,
  rms_norm_eps: 1e-6,
  rope_theta: 1_000_000,
  tie_word_embeddings: true,
  use_sliding_window: false,
  bos_token_id: null,
  eos_token_id: endId,
};

/** Standard deviation of the weights, as fresh models of this family have it. */
const deviation = 0.02;
/** Weights are copied from a pool in pieces of this length at random places: fast, and rows stay different. */
const poolLength = 1 << 20;
const pieceLength = 1 << 12;

/** Directory of the fp32 checkpoint (2 GB), in Hugging Face's files. */
export function randomCheckpoint05b(cache: string): string {
  const directory = join(cache, "qwen2.5-0.5b-random");
  if (existsSync(directory)) return directory;
  const part = `${directory}.${process.pid}.part`;
  mkdirSync(part, { recursive: true });
  const write = (name: string, content: string | Uint8Array) =>
    writeFileSync(join(part, name), content);
  write("config.json", JSON.stringify(config, null, 2));
  write("model.safetensors", randomWeights());
  for (const [name, content] of Object.entries(randomTokenizerFiles(endId))) write(name, content);
  try {
    renameSync(part, directory);
  } catch (error) {
    // Another run may have been first.
    if (!existsSync(directory)) throw error;
    rmSync(part, { recursive: true });
  }
  return directory;
}

function randomWeights(): Uint8Array {
  const random = seededRandom("Qwen2.5-0.5B");
  const pool = Float32Array.from({ length: poolLength }, () => deviation * randomNormal(random));
  const tensors = [...tensorShapes(readModelConfig(config))].map(([name, shape]) => {
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    if (name.endsWith("norm.weight")) values.fill(1);
    else {
      for (let at = 0; at < values.length; at += pieceLength) {
        const length = Math.min(pieceLength, values.length - at);
        const from = randomInt(random, 0, poolLength - length);
        values.set(pool.subarray(from, from + length), at);
      }
    }
    return { name, dtype: "F32" as const, shape: [...shape], data: values };
  });
  return encodeSafetensors(tensors, { format: "pt" });
}
