import { describe, expect, it } from "vitest";
import { independentDraws } from "../../../gpu-service/src/engine/batch/draws.ts";
import type { RejectedReply } from "../../../gpu-service/src/engine/batch/rejected.ts";
import { Reply } from "../../../gpu-service/src/engine/batch/reply.ts";
import type { NextToken } from "../../../gpu-service/src/language-model.ts";
import { byteTokenizer, endId, vocabSize } from "../support/byte-tokenizer.ts";
import { samplingRules } from "../support/greedy.ts";
import { nextToken } from "../support/next-token.ts";

const tokenizer = byteTokenizer();

/** A model's next token: these ids have these probabilities, and the others share the rest. */
function tokenOf(probabilities: Record<number, number>): NextToken {
  const given = Object.values(probabilities).reduce((sum, p) => sum + p, 0);
  const rest = Math.max(1 - given, 1e-9) / (vocabSize - Object.keys(probabilities).length);
  const logit = (_: unknown, id: number) => Math.log(probabilities[id] ?? rest);
  return nextToken(Float32Array.from({ length: vocabSize }, logit));
}

function replyOf(
  sampling: object,
  options: { tokensMax?: number; rejected?: { texts: string[]; scored: RejectedReply[] } } = {},
): Reply {
  return new Reply(tokenizer, {
    sampling: samplingRules(sampling),
    draws: independentDraws(1),
    eosIds: [endId],
    tokensMax: options.tokensMax ?? 100,
    ...(options.rejected ? { rejected: options.rejected } : {}),
  });
}

/** Makes the model say these characters (null is the end) until the reply finishes. */
function say(reply: Reply, script: (string | null)[], probability = 0.9) {
  const pieces = [];
  for (const character of script) {
    const id = character === null ? endId : character.charCodeAt(0);
    const piece = reply.push(tokenOf({ [id]: probability }));
    pieces.push(piece);
    if (piece.finish !== null) break;
  }
  return pieces;
}

describe("Reply", () => {
  it("ends at the end token and sums the log-probs of every token, the end included", () => {
    const reply = replyOf({});
    const pieces = say(reply, ["h", "i", null]);
    expect(pieces.map(({ text }) => text)).toEqual(["h", "i", ""]);
    expect(pieces.at(-1)?.finish).toBe("stop");
    expect(reply.text).toBe("hi");
    expect(reply.tokenCount).toBe(3);
    expect(reply.logprob).toBeCloseTo(3 * Math.log(0.9), 3);
  });

  it("ends after max_tokens with finish reason length", () => {
    const reply = replyOf({}, { tokensMax: 2 });
    expect(say(reply, ["a", "b", "c"]).map(({ finish }) => finish)).toEqual([null, "length"]);
    expect(reply.text).toBe("ab");
  });

  it("cuts at a stop string across tokens and shows nothing of it", () => {
    const reply = replyOf({ stop: ["\n-"] });
    const pieces = say(reply, ["a", "\n", "b", "\n", "-", "c"]);
    expect(pieces.map(({ text }) => text)).toEqual(["a", "", "\nb", "", ""]);
    expect(pieces.at(-1)?.finish).toBe("stop");
    expect(reply.text).toBe("a\nb");
  });

  it("gives out the held-back text when the reply ends on the beginning of a stop string", () => {
    const reply = replyOf({ stop: ["\n-"] });
    expect(say(reply, ["a", "\n", null]).at(-1)?.text).toBe("\n");
    expect(reply.text).toBe("a\n");
  });

  it("reports the log-probs of exactly the tokens whose text was given out", () => {
    const reply = replyOf({ stop: ["\n-"], top_logprobs: 1 });
    const names = say(reply, ["a", "\n", "b", "\n", "-"]).map(({ logprobs }) =>
      logprobs?.map(({ token }) => token),
    );
    expect(names).toEqual([["a"], [], ["\n", "b"], [], []]);
    const plain = replyOf({});
    expect(say(plain, ["a"])[0]?.logprobs).toBeUndefined();
  });

  it("keeps a character together whose bytes come as several tokens", () => {
    const reply = replyOf({ top_logprobs: 0 });
    const euro = [...new TextEncoder().encode("€")];
    const pieces = euro.map((id) => reply.push(tokenOf({ [id]: 0.9 })));
    expect(pieces.map(({ text }) => text)).toEqual(["", "", "€"]);
    expect(pieces.map(({ logprobs }) => logprobs?.length)).toEqual([0, 0, 3]);
  });

  it("takes the next best reply instead of a rejected one", () => {
    const scored = { ids: [65, endId], logprobs: [Math.log(0.9), Math.log(0.9)] };
    const reply = replyOf({}, { rejected: { texts: ["A"], scored: [scored] } });
    // "A" is likelier. But among replies that are not rejected "B" is: 0.9·(1 − 0.9) < 0.095.
    expect(reply.push(tokenOf({ 65: 0.9, 66: 0.095 })).text).toBe("B");
  });

  it("goes another way at the last token where other replies too are likely to begin like this", () => {
    const scored = { ids: [65, 66, endId], logprobs: [Math.log(0.9), Math.log(0.5), 0] };
    const reply = replyOf({}, { rejected: { texts: ["AB"], scored: [scored] } });
    expect(reply.push(tokenOf({ 65: 0.9, 67: 0.1 })).text).toBe("A");
    expect(reply.push(tokenOf({ 66: 0.5, 67: 0.4 })).text).toBe("C");
  });

  it("recognises a rejected text however it arises: with other spaces, at a stop string, at the length", () => {
    const rejected = { texts: ["ab"], scored: [] };
    const spaced = replyOf({}, { rejected });
    say(spaced, ["a", "b", " "]);
    expect(spaced.push(tokenOf({ [endId]: 0.9, 33: 0.05 })).text).toBe("!");

    const stopped = replyOf({ stop: [";"] }, { rejected });
    say(stopped, ["a", "b"]);
    expect(stopped.push(tokenOf({ 59: 0.9, 33: 0.05 })).text).toBe("!");

    const cut = replyOf({}, { rejected, tokensMax: 2 });
    say(cut, ["a"]);
    expect(cut.push(tokenOf({ 98: 0.9, 33: 0.05 })).text).toBe("!");
  });

  it("counts its own tokens only in penalties, so neighbours cannot change it", () => {
    const one = replyOf({ presence_penalty: 2 });
    const other = replyOf({ presence_penalty: 2 });
    say(one, ["a"]);
    const token = tokenOf({ 97: 0.6, 98: 0.3 });
    expect(one.push(token).text).toBe("b");
    expect(other.push(token).text).toBe("a");
  });
});
