/**
 * Kinds of tokenizer.json that differ in how text is split, which added tokens count and how bytes become text,
 * against Hugging Face's `tokenizers` 0.23.
 */
import { describe, expect, it } from "vitest";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";
import { byteTokenizerFiles, endId } from "../support/byte-tokenizer.ts";
import golden from "./fixtures/kinds-golden.json" with { type: "json" };

/** A tokenizer whose prompt is exactly `text`; the name of every token counts in it. */
function withPrompt(tokenizer: unknown, text: string, vocabSize?: number): ChatTokenizer {
  const chatTemplate = `{% raw %}${text}{% endraw %}`;
  return new ChatTokenizer({ tokenizer, config: {}, chatTemplate }, [0], vocabSize);
}

const idsOf = (tokenizer: unknown, text: string, vocabSize?: number) => [
  ...withPrompt(tokenizer, text, vocabSize).promptIds([]),
];

describe.each(golden.files)("$name", ({ tokenizer, cases }) => {
  it.each(cases.filter(({ ids }) => ids.length > 0))("makes $ids of $text", ({ text, ids }) => {
    expect(idsOf(tokenizer, text)).toEqual(ids);
  });

  it.each(cases.filter(({ ids }) => ids.length === 0))("makes nothing of $text", ({ text }) => {
    expect(() => idsOf(tokenizer, text)).toThrow("the prompt has no tokens");
  });

  it.each(cases)("gives $decoded back", ({ text, ids, decoded }) => {
    expect(withPrompt(tokenizer, text).decode(ids)).toBe(decoded);
  });
});

describe("bytes", () => {
  const fileOf = (name: string) => golden.files.find((file) => file.name === name)!.tokenizer;
  const fallback = withPrompt(fileOf("added normalized, prefix space"), "a");
  const level = withPrompt(fileOf("single word"), "a");

  it.each(golden.bytes)("$bytes become the same text as with the reference", (sequence) => {
    expect(fallback.decode(sequence.bytes.map((byte) => byte + 1))).toBe(sequence.fallback);
    expect(level.decode(sequence.bytes)).toBe(sequence.level);
  });

  it.each(golden.bytes)("$bytes become the same text in a stream", ({ bytes, level: text }) => {
    const detokenizer = level.detokenizer();
    const pieces = bytes.map((byte) => detokenizer.push(byte));
    expect(pieces.join("") + detokenizer.flush()).toBe(text);
  });

  it("keep the space after U+FEFF in a stream", () => {
    const detokenizer = fallback.detokenizer();
    const ids = fallback.replyIds("a\ufeff b").slice(0, -1);
    expect([...ids].map((id) => detokenizer.push(id)).join("") + detokenizer.flush()).toBe(
      "a\ufeff b",
    );
  });
});

describe("ids without an embedding", () => {
  const { tokenizer } = golden.files.find(({ name }) => name === "single word")!;

  it("are never made: such a token's name stays text", () => {
    expect(idsOf(tokenizer, "a fox")).toContain(256);
    const ids = idsOf(tokenizer, "a fox", 256);
    expect(Math.max(...ids)).toBeLessThan(256);
    expect(withPrompt(tokenizer, "a", 256).decode(ids)).toBe("a fox");
  });

  it("are refused in the model's own vocabulary", () => {
    expect(() => withPrompt(tokenizer, "a", 200)).toThrow(
      expect.objectContaining({ code: "checkpoint_invalid", param: "tokenizer.json" }),
    );
  });
});

describe("tokens in a user's text", () => {
  const names = ["<b>", "</code>", "<h2>", "<tool_call>", "[INST]", "<|x|>", "zig", "»"];
  const first = 261;
  const tokenizer = {
    ...byteTokenizerFiles.tokenizer,
    added_tokens: [
      ...byteTokenizerFiles.tokenizer.added_tokens,
      ...names.map((content, i) => ({ id: first + i, content, special: false })),
    ],
  };
  const chatTemplate = `${byteTokenizerFiles.chatTemplate}{% if false %}»{% endif %}`;
  const chat = new ChatTokenizer({ ...byteTokenizerFiles, tokenizer, chatTemplate }, [endId]);

  it.each(names.map((name, i) => [name, first + i] as const))(
    "%s counts unless it may open or close something",
    (name, id) => {
      const isPlain = ["<b>", "</code>", "<h2>", "zig"].includes(name);
      expect(chat.promptIds([{ role: "user", content: `a ${name} b` }]).includes(id)).toBe(isPlain);
      expect(chat.promptIds([{ role: "assistant", content: `a ${name} b` }])).toContain(id);
    },
  );
});
