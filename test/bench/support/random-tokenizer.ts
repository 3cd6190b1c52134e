/** A byte-level BPE tokenizer as large as Qwen2.5's, with made-up words: loading it costs what a real one does. */
import { randomInt, seededRandom } from "@rosa2/shared/random";
import { byteCharacters } from "../../gpu/support/byte-tokenizer.ts";

/** Words below the special tokens, as in Qwen2.5. */
const wordCount = 151_643;

const chatTemplate =
  "{%- for message in messages -%}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{%- endfor -%}" +
  "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}";

/** Contents of a checkpoint's tokenizer files by their names; `endId` ends a turn. */
export function randomTokenizerFiles(endId: number): Record<string, string> {
  const { words, merges } = randomMerges();
  const special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"];
  const firstSpecial = endId - special.length + 1;
  return {
    "tokenizer.json": JSON.stringify({
      version: "1.0",
      added_tokens: special.map((content, i) => ({ id: firstSpecial + i, content, special: true })),
      normalizer: { type: "NFC" },
      pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: true },
      post_processor: null,
      decoder: { type: "ByteLevel" },
      model: {
        type: "BPE",
        vocab: Object.fromEntries(words.map((word, id) => [word, id])),
        merges,
      },
    }),
    "tokenizer_config.json": JSON.stringify({ eos_token: "<|im_end|>" }),
    "chat_template.jinja": chatTemplate,
  };
}

/** Bytes first; then each word joins two earlier ones. */
function randomMerges(): { words: string[]; merges: [string, string][] } {
  const random = seededRandom("tokenizer");
  const words = byteCharacters();
  const known = new Set(words);
  const merges: [string, string][] = [];
  while (words.length < wordCount) {
    const pair: [string, string] = [
      words[randomInt(random, 0, Math.min(words.length, 4096))]!,
      words[randomInt(random, 0, Math.min(words.length, 4096))]!,
    ];
    const word = pair.join("");
    if (known.has(word) || word.length > 16) continue;
    known.add(word);
    words.push(word);
    merges.push(pair);
  }
  return { words, merges };
}
