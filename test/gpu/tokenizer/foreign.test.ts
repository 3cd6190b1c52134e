/** The parts of a reply that a tokenizer has no token for, by the kind of tokenizer. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";
import { byteTokenizer } from "../support/byte-tokenizer.ts";

const mini = ChatTokenizer.load(
  join(import.meta.dirname, "../../../gpu-service/models/rosa2-mini"),
  [14],
);

/** Words and pieces; nothing else can be written. */
function withVocabulary(model: object, vocab: string[]): ChatTokenizer {
  const added_tokens = [{ id: vocab.length, content: "<end>", special: true }];
  const entries = Object.fromEntries(vocab.map((token, id) => [token, id]));
  return new ChatTokenizer(
    {
      tokenizer: {
        added_tokens,
        pre_tokenizer: { type: "Whitespace" },
        model: { ...model, vocab: entries },
      },
      config: {},
      chatTemplate: "{{ messages[0]['content'] }}<end>",
    },
    [vocab.length],
  );
}

describe("foreign text", () => {
  it("is nothing where the alphabet is bytes", () => {
    expect(byteTokenizer().foreign("naïve 漢字 😀")).toEqual({ in_bytes: [], unwritable: [] });
  });

  it("is spelled in bytes by a tokenizer that falls back on them, each character once", () => {
    expect(mini.foreign("[5 3 1]\nsort")).toEqual({ in_bytes: [], unwritable: [] });
    expect(mini.foreign("café é 😀")).toEqual({ in_bytes: ["é", "😀"], unwritable: [] });
  });

  it("cannot be written where a character has no token", () => {
    const tokenizer = withVocabulary({ type: "BPE", merges: [] }, ["a", "b", "c"]);
    expect(tokenizer.foreign("abc cab")).toEqual({ in_bytes: [], unwritable: [] });
    expect(tokenizer.foreign("abc xé x")).toEqual({ in_bytes: [], unwritable: ["x", "é"] });
  });

  it("is a word where its characters can be written and the whole word cannot", () => {
    const vocab = ["[UNK]", "a", "b", "##b", "ab"];
    const model = { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##" };
    const tokenizer = withVocabulary({ ...model, max_input_chars_per_word: 100 }, vocab);
    expect(tokenizer.foreign("ab abb")).toEqual({ in_bytes: [], unwritable: [] });
    expect(tokenizer.foreign("ab aba")).toEqual({ in_bytes: [], unwritable: ["aba"] });
  });

  it("is reported up to eight characters", () => {
    expect(mini.foreign("áéíóúàèìòù").in_bytes).toEqual([..."áéíóúàèì"]);
  });
});
