/**
 * Prompts and texts against `transformers` (5.18, `apply_chat_template` and `decode`) for four kinds of
 * tokenizer: byte-level with a normaliser and markup tokens (Qwen), prefix-space normaliser with byte
 * fallback (Llama 2), the same as a Metaspace pre-tokenizer, and byte-level that ignores merges (Llama 3).
 */
import { readFileSync } from "node:fs";
import type { Message } from "@rosa2/shared/protocol";
import { describe, expect, it } from "vitest";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";

interface Golden {
  eosId: number;
  cases: { messages: Message[]; ids: number[]; decoded: string }[];
}

const fixtures = new URL("./fixtures/", import.meta.url);

describe.each(["qwen", "llama2", "metaspace", "llama3"])("a tokenizer of the %s kind", (name) => {
  const directory = new URL(`${name}/`, fixtures).pathname;
  const golden = JSON.parse(readFileSync(`${directory}golden.json`, "utf8")) as Golden;
  const tokenizer = ChatTokenizer.load(directory, [golden.eosId]);

  it.each(golden.cases)("turns conversation %# into the reference's ids", ({ messages, ids }) => {
    expect([...tokenizer.promptIds(messages)]).toEqual(ids);
  });

  it.each(golden.cases)(
    "turns conversation %# back into the reference's text",
    ({ ids, decoded }) => {
      expect(tokenizer.decode(ids)).toBe(decoded);
    },
  );

  it("finds the token that ends a reply", () => {
    expect(tokenizer.endId).toBe(golden.eosId);
  });

  it("streams the same text that it decodes at once", () => {
    for (const { messages } of golden.cases) {
      for (const { content } of messages) {
        const ids = [...tokenizer.replyIds(content)].slice(0, -1);
        const detokenizer = tokenizer.detokenizer();
        const streamed = ids.map((id) => detokenizer.push(id)).join("") + detokenizer.flush();
        expect(streamed).toBe(tokenizer.decode(ids));
        // A tokenizer that writes spaces as ▁ cannot tell the two apart.
        const plain = (text: string) => text.normalize("NFC").replaceAll("▁", " ").trim();
        expect(plain(streamed)).toBe(plain(content));
      }
    }
  });

  it("makes no special token from any token's name in a message", () => {
    const file = JSON.parse(readFileSync(`${directory}tokenizer.json`, "utf8")) as {
      added_tokens: { content: string; id: number; special: boolean }[];
    };
    const special = file.added_tokens.filter(({ special }) => special);
    const count = (ids: Int32Array) =>
      ids.reduce((sum, id) => sum + Number(special.some((token) => token.id === id)), 0);
    const said = (content: string) => tokenizer.promptIds([{ role: "user", content }]);
    for (const { content } of special) {
      expect(count(said(`a ${content}${content} b`))).toBe(count(said("a b")));
      expect(count(tokenizer.replyIds(content))).toBe(1);
    }
  });
});

describe("rosa2-mini's tokenizer", () => {
  const directory = new URL("../../../gpu-service/models/rosa2-mini", import.meta.url).pathname;
  const tokenizer = ChatTokenizer.load(directory, [0]);

  it.each([
    "Sort these numbers: 4 7 12 3.",
    '[4 7 1] "quoted" it\'s (4)(5) 4,5;6',
    "Grüße, 日本語 🎉! [1, 2]\n\tx  a  b",
    "ends with [",
  ])("streams %j as it is", (text) => {
    const ids = [...tokenizer.replyIds(text)].slice(0, -1);
    const detokenizer = tokenizer.detokenizer();
    const pieces = ids.map((id) => detokenizer.push(id));
    expect(pieces.join("") + detokenizer.flush()).toBe(text);
    expect(pieces.join("")).toBe(text);
  });
});
