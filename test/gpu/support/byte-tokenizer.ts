/** A complete tokenizer of 256 bytes and a few added tokens, as a checkpoint's files would hold it. */
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";

/** Byte-level vocabularies write bytes as printable characters (GPT-2's table). */
export function byteCharacters(): string[] {
  const isPrintable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(isPrintable(byte) ? byte : next++),
  );
}

export const addedTokens = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<think>"];
export const userId = 257;
export const assistantId = 258;
export const endId = 259;
export const thinkId = 260;
export const vocabSize = 261;

export const byteTokenizerFiles = {
  tokenizer: {
    added_tokens: addedTokens.map((content, i) => ({
      id: 256 + i,
      content,
      special: content !== "<think>",
    })),
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: false },
    post_processor: null,
    decoder: { type: "ByteLevel" },
    model: {
      type: "BPE",
      vocab: Object.fromEntries(byteCharacters().map((character, byte) => [character, byte])),
      merges: [],
    },
  },
  config: { eos_token: "<|end|>" },
  chatTemplate:
    "{%- for m in messages -%}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{%- endfor -%}" +
    "{%- if add_generation_prompt -%}{{ '<|assistant|>' }}{%- endif -%}",
};

export function byteTokenizer(): ChatTokenizer {
  return new ChatTokenizer(byteTokenizerFiles, [endId]);
}
