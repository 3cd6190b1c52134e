/**
 * The tokenizer's files in plain Hugging Face format, built from the vocabulary. Knows no sample.
 *
 * Words and digits are tokens with a leading space. So the text is normalised first: it gets a space at its start, and
 * letters and digits after punctuation get a joiner and a space. The decoder removes both. `4 7`, `[4 7` and `"4 7`
 * therefore hold the same two tokens for their items. Words of the vocabulary are one token each (`ignore_merges`, no
 * merges), so segmentation never depends on the text around a word.
 */
import { buildVocabulary, joiner, space, specialTokens } from "./vocabulary.ts";

/** Longest conversation in tokens, prompt and reply. */
export const contextLength = 512;

/** `<|user|>…<|assistant|>…<|end|>`: a role token opens each turn; only the model's own turns have an end token. */
export const chatTemplate =
  "{%- for message in messages -%}" +
  "{%- if message['role'] == 'system' -%}{{ '<|system|>' + message['content'] }}" +
  "{%- elif message['role'] == 'user' -%}{{ '<|user|>' + message['content'] }}" +
  "{%- elif message['role'] == 'assistant' -%}{{ '<|assistant|>' + message['content'] + '<|end|>' }}" +
  "{%- endif -%}" +
  "{%- endfor -%}" +
  "{%- if add_generation_prompt -%}{{ '<|assistant|>' }}{%- endif -%}";

/** Contents of `tokenizer.json`. */
export function tokenizerJson() {
  const tokens = buildVocabulary();
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: Object.values(specialTokens).map((content) => ({
      id: tokens.indexOf(content),
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: space },
        { type: "Replace", pattern: { String: " " }, content: space },
        {
          type: "Replace",
          pattern: { Regex: "(?<=[\\t\\n!-/:-@\\[-`{-~])(?=[A-Za-z0-9])" },
          content: joiner + space,
        },
      ],
    },
    pre_tokenizer: {
      type: "Split",
      pattern: {
        Regex: `${space}?[A-Za-z]+|${space}[0-9]{2}(?![0-9])|${space}?[0-9]|${space}?[^A-Za-z0-9${space}]${joiner}?|${space}`,
      },
      behavior: "Isolated",
      invert: false,
    },
    post_processor: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Replace", pattern: { String: joiner + space }, content: "" },
        { type: "Replace", pattern: { String: space }, content: " " },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: true,
      ignore_merges: true,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: [],
    },
  };
}

/** Contents of `tokenizer_config.json`. */
export function tokenizerConfig() {
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    model_max_length: contextLength,
    pad_token: specialTokens.pad,
    eos_token: specialTokens.end,
    bos_token: null,
    unk_token: null,
    clean_up_tokenization_spaces: false,
    add_bos_token: false,
    add_eos_token: false,
    chat_template: chatTemplate,
  };
}
