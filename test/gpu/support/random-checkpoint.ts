/** A small Llama-type checkpoint with random weights and a byte tokenizer, in Hugging Face's files. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { tensorShapes } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import { readModelConfig } from "../../../gpu-service/src/checkpoint/model-config.ts";
import { encodeSafetensors } from "../../../gpu-service/src/checkpoint/safetensors.ts";
import { byteTokenizerFiles, endId, vocabSize } from "./byte-tokenizer.ts";

/** Writes the checkpoint into a new temporary directory and returns its path. */
export function writeRandomCheckpoint({ contextLength = 256 } = {}): string {
  const directory = mkdtempSync(join(tmpdir(), "rosa2-checkpoint-"));
  const config = {
    model_type: "llama",
    architectures: ["LlamaForCausalLM"],
    vocab_size: vocabSize,
    hidden_size: 64,
    intermediate_size: 128,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 16,
    hidden_act: "silu",
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    max_position_embeddings: contextLength,
    tie_word_embeddings: false,
    eos_token_id: endId,
  };
  const random = seededRandom("random checkpoint");
  const tensors = [...tensorShapes(readModelConfig(config, undefined))].map(([name, shape]) => {
    const length = shape.reduce((product, size) => product * size, 1);
    const isNorm = name.endsWith("norm.weight");
    const values = Float32Array.from({ length }, () => (isNorm ? 1 : 0.15 * randomNormal(random)));
    return { name, dtype: "F32" as const, shape: [...shape], data: new Uint8Array(values.buffer) };
  });
  const write = (name: string, content: string | Uint8Array) =>
    writeFileSync(join(directory, name), content);
  write("config.json", JSON.stringify(config));
  write("model.safetensors", encodeSafetensors(tensors, { format: "pt" }));
  write("tokenizer.json", JSON.stringify(byteTokenizerFiles.tokenizer));
  write("tokenizer_config.json", JSON.stringify(byteTokenizerFiles.config));
  write("chat_template.jinja", byteTokenizerFiles.chatTemplate);
  return directory;
}
