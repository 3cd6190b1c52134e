/** A reply's tokens as a reader of log-probs gets them, with the tokenizers of real families. */
import { describe, expect, it } from "vitest";
import { independentDraws } from "../../../gpu-service/src/engine/batch/draws.ts";
import { Reply } from "../../../gpu-service/src/engine/batch/reply.ts";
import { ChatTokenizer } from "../../../gpu-service/src/tokenizer/tokenizer.ts";
import { samplingRules } from "../support/greedy.ts";
import { nextToken } from "../support/next-token.ts";

const fixtures = ["llama2", "llama3", "metaspace", "qwen"].map(
  (name) => `test/gpu/tokenizer/fixtures/${name}`,
);
const directories = ["gpu-service/models/rosa2-mini", ...fixtures];
const text = "Sort 3, 12 (twelve): naïve 🎉 漢字\n\n  Done. 1 2";

/** Gives a text token by token; `cutAt` ends it after this many tokens. */
function say(tokenizer: ChatTokenizer, options: { stop?: string[]; cutAt?: number } = {}) {
  const ids = [...tokenizer.replyIds(text)].slice(0, options.cutAt);
  const size = Math.max(...ids) + 2;
  const reply = new Reply(tokenizer, {
    sampling: samplingRules({ top_logprobs: 2, stop: options.stop ?? [] }),
    draws: independentDraws(1),
    eosIds: tokenizer.endIds,
    tokensMax: options.cutAt ?? 1_000,
  });
  const tokens = [];
  for (const id of ids) {
    const logits = new Float32Array(size);
    logits[id] = 9;
    const piece = reply.push(nextToken(logits));
    tokens.push(...(piece.logprobs ?? []));
    if (piece.finish !== null) break;
  }
  return { reply, tokens };
}

const bytesOf = (tokens: { bytes?: number[] | undefined }[]) =>
  Buffer.from(tokens.flatMap(({ bytes = [] }) => bytes)).toString();

describe.each(directories)("tokens of %s", (directory) => {
  const tokenizer = ChatTokenizer.load(directory, []);

  it("join to the text byte by byte, wherever a character is divided", () => {
    const { reply, tokens } = say(tokenizer);
    expect(bytesOf(tokens)).toBe(reply.text);
    const isWhole = tokens.every(({ token }) => !token.includes("\\x"));
    if (isWhole) expect(tokens.map(({ token }) => token).join("")).toBe(reply.text);
    for (const { token, top } of tokens) {
      expect(token + top.map((one) => one.token).join("")).not.toMatch(/[\u2060\u2581\ufffd]/u);
    }
    expect(tokens[0]?.top[0]?.token).toBe(tokens[0]?.token);
  });

  it("join to the rest of the text before a stop string, and when the reply is cut", () => {
    const stopped = say(tokenizer, { stop: ["welve"] });
    expect(stopped.reply.text).toMatch(/\(t$/);
    expect(bytesOf(stopped.tokens)).toBe(stopped.reply.text);
    for (const cutAt of [1, 2, 3, 5, 8, 13, 17, 21]) {
      const cut = say(tokenizer, { cutAt });
      expect(bytesOf(cut.tokens)).toBe(cut.reply.text);
      expect(cut.reply.text).not.toMatch(/[\u2060\u2581]/u);
    }
  });
});
