/**
 * Writes a checkpoint as the file that llama.cpp reads, in f32, q8_0 or q4_0, so that both engines compute the
 * same model. The tokenizer is left out: tokens go in and out as ids.
 *
 * Source: the GGUF specification, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
 */
import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import { type Checkpoint, tensorShapes } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import { toFloat16 } from "../../../gpu-service/src/checkpoint/tensor-types.ts";

export type GgufType = "f32" | "q8_0" | "q4_0";

const typeIds = { f32: 0, q4_0: 2, q8_0: 8 } as const;
const valueTypes = { u32: 4, f32: 6, string: 8 } as const;
const fileVersion = 3;
const alignment = 32;
/** Weights that share a scale in q8_0 and q4_0. */
const blockSize = 32;

interface GgufTensor {
  name: string;
  type: GgufType;
  /** [rows, columns] or [columns], as in the checkpoint. */
  shape: readonly number[];
  read(): Float32Array;
}

/** Writes the file at `path`, whole or not at all. Matrices get `type`, vectors stay f32. */
export function writeGguf(checkpoint: Checkpoint, type: GgufType, path: string): void {
  const tensors = ggufTensors(checkpoint, type);
  const part = `${path}.${process.pid}.part`;
  const file = openSync(part, "w");
  try {
    const header = encodeHeader(metadataOf(checkpoint), tensors);
    writeSync(file, header);
    writePadding(file, header.length);
    for (const { type, shape, read } of tensors) {
      const values = read();
      const bytes = type === "f32" ? bytesOf(values) : quantize(values, type);
      if (bytes.length !== byteLength(type, shape)) throw new Error(`Cannot write [${shape}]`);
      writeSync(file, bytes);
      writePadding(file, bytes.length);
    }
  } finally {
    closeSync(file);
  }
  renameSync(part, path);
}

function ggufTensors(checkpoint: Checkpoint, type: GgufType): GgufTensor[] {
  const { config } = checkpoint;
  return [...tensorShapes(config)].map(([name, shape]) => {
    const isQueryOrKey = /\.(q|k)_proj\./.test(name);
    const heads = name.includes(".q_proj.") ? config.headCount : config.kvHeadCount;
    return {
      name: ggufName(name),
      type: shape.length === 2 ? type : "f32",
      shape,
      read: () => {
        const values = checkpoint.tensor(name);
        return isQueryOrKey && config.architecture === "llama"
          ? interleaveHalves(values, heads, config.headSize)
          : values;
      },
    };
  });
}

function ggufName(name: string): string {
  return name
    .replace("model.embed_tokens", "token_embd")
    .replace("model.norm", "output_norm")
    .replace("lm_head", "output")
    .replace("model.layers.", "blk.")
    .replace("input_layernorm", "attn_norm")
    .replace("post_attention_layernorm", "ffn_norm")
    .replace(/self_attn\.(q|k|v)_proj/, "attn_$1")
    .replace("self_attn.o_proj", "attn_output")
    .replace(/mlp\.(gate|up|down)_proj/, "ffn_$1");
}

/** In Llama-type models llama.cpp rotates neighbouring rows and Hugging Face rotates halves, so the rows are interleaved. */
function interleaveHalves(values: Float32Array, heads: number, headSize: number): Float32Array {
  const rowLength = values.length / (heads * headSize);
  const half = headSize / 2;
  const out = new Float32Array(values.length);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < headSize; i++) {
      const from = head * headSize + i;
      const to = head * headSize + (i < half ? 2 * i : 2 * (i - half) + 1);
      out.set(values.subarray(from * rowLength, (from + 1) * rowLength), to * rowLength);
    }
  }
  return out;
}

type Metadata = [key: string, type: keyof typeof valueTypes, value: number | string][];

function metadataOf({ config }: Checkpoint): Metadata {
  const { architecture } = config;
  if (architecture !== "llama" && architecture !== "qwen2")
    throw new Error(`Cannot write ${architecture} for llama.cpp`);
  const own = (key: string) => `${architecture}.${key}`;
  return [
    ["general.architecture", "string", architecture],
    [own("block_count"), "u32", config.layerCount],
    [own("context_length"), "u32", config.contextLength],
    [own("embedding_length"), "u32", config.hiddenSize],
    [own("feed_forward_length"), "u32", config.intermediateSize],
    [own("attention.head_count"), "u32", config.headCount],
    [own("attention.head_count_kv"), "u32", config.kvHeadCount],
    [own("attention.key_length"), "u32", config.headSize],
    [own("attention.value_length"), "u32", config.headSize],
    [own("attention.layer_norm_rms_epsilon"), "f32", config.rmsNormEps],
    [own("rope.freq_base"), "f32", config.rope.theta],
    [own("rope.dimension_count"), "u32", config.headSize],
    [own("vocab_size"), "u32", config.vocabSize],
    ["tokenizer.ggml.model", "string", "no_vocab"],
  ];
}

function encodeHeader(metadata: Metadata, tensors: readonly GgufTensor[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const u32 = (value: number) => parts.push(bytesOf(Uint32Array.of(value)));
  const u64 = (value: number) => parts.push(bytesOf(BigUint64Array.of(BigInt(value))));
  const text = (value: string) => {
    const bytes = new TextEncoder().encode(value);
    u64(bytes.length);
    parts.push(bytes);
  };
  parts.push(new TextEncoder().encode("GGUF"));
  u32(fileVersion);
  u64(tensors.length);
  u64(metadata.length);
  for (const [key, type, value] of metadata) {
    text(key);
    u32(valueTypes[type]);
    if (typeof value === "string") text(value);
    else parts.push(bytesOf(type === "u32" ? Uint32Array.of(value) : Float32Array.of(value)));
  }
  let offset = 0;
  for (const { name, type, shape } of tensors) {
    text(name);
    u32(shape.length);
    for (const size of shape.toReversed()) u64(size);
    u32(typeIds[type]);
    u64(offset);
    offset += Math.ceil(byteLength(type, shape) / alignment) * alignment;
  }
  return Buffer.concat(parts);
}

function byteLength(type: GgufType, shape: readonly number[]): number {
  const length = shape.reduce((product, size) => product * size, 1);
  if (type === "f32") return 4 * length;
  return (length / blockSize) * (2 + (type === "q8_0" ? blockSize : blockSize / 2));
}

/**
 * Blocks of one fp16 scale and 32 integers. q8_0 has a byte for each. q4_0 has four bits for each, with offset 8: the
 * first sixteen in the low halves of bytes, the others in the high halves.
 */
function quantize(values: Float32Array, type: "q8_0" | "q4_0"): Uint8Array {
  const blocks = values.length / blockSize;
  const bytesPerBlock = byteLength(type, [blockSize]);
  const out = new Uint8Array(blocks * bytesPerBlock);
  const scales = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const weights = values.subarray(block * blockSize, (block + 1) * blockSize);
    let extreme = 0;
    for (const weight of weights) if (Math.abs(weight) > Math.abs(extreme)) extreme = weight;
    const scale = type === "q8_0" ? Math.abs(extreme) / 127 : extreme / -8;
    scales[block] = scale;
    const integer = (i: number) => (scale === 0 ? 0 : Math.round(weights[i]! / scale));
    const at = block * bytesPerBlock + 2;
    if (type === "q8_0") {
      for (let i = 0; i < blockSize; i++) out[at + i] = integer(i);
    } else {
      const half = (i: number) => Math.min(15, integer(i) + 8);
      for (let i = 0; i < blockSize / 2; i++) out[at + i] = half(i) | (half(i + 16) << 4);
    }
  }
  const bits = toFloat16(scales);
  const view = new DataView(out.buffer);
  for (const [block, scale] of bits.entries()) view.setUint16(block * bytesPerBlock, scale, true);
  return out;
}

function writePadding(file: number, length: number): void {
  const rest = length % alignment;
  if (rest > 0) writeSync(file, new Uint8Array(alignment - rest));
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
