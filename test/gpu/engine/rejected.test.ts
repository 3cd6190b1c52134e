import { describe, expect, it } from "vitest";
import { RejectedReplies } from "../../../gpu-service/src/engine/batch/rejected.ts";

const end = 9;

describe("RejectedReplies", () => {
  it("weighs each token as the distribution without the rejected replies does", () => {
    // Two tokens, each 1 or 2 with these probabilities, then the end: four replies.
    const first = { 1: 0.6, 2: 0.4 } as Record<number, number>;
    const second: Record<number, Record<number, number>> = {
      1: { 1: 0.7, 2: 0.3 },
      2: { 1: 0.2, 2: 0.8 },
    };
    const reply = (a: number, b: number) => ({
      ids: [a, b, end],
      logprobs: [Math.log(first[a]!), Math.log(second[a]![b]!), 0],
    });
    const rejected = new RejectedReplies([reply(1, 1), reply(2, 2)]);

    // What is left has mass 0.6·0.3 + 0.4·0.2 = 0.26.
    const weigh = (p: number, bias: number | undefined) => p * Math.exp(bias ?? 0);
    const bias = rejected.bias();
    const one = weigh(0.6, bias.get(1));
    const two = weigh(0.4, bias.get(2));
    expect(one / (one + two)).toBeCloseTo(0.18 / 0.26, 9);
    rejected.accept(1);
    expect(weigh(0.7, rejected.bias().get(1))).toBeCloseTo(0, 9);
    expect(rejected.bias().get(2)).toBeUndefined();
  });

  it("forbids the token that would complete a rejected reply, and only after its beginning", () => {
    const rejected = new RejectedReplies([{ ids: [4, end], logprobs: [-1, -1] }]);
    expect(rejected.bias().get(end)).toBeUndefined();
    rejected.accept(4);
    expect(rejected.bias().get(end)).toBe(-Infinity);
  });

  it("leaves everything as it is once the reply has gone another way", () => {
    const rejected = new RejectedReplies([{ ids: [4, 5, end], logprobs: [0, 0, 0] }]);
    rejected.accept(7);
    expect(rejected.bias().size).toBe(0);
    rejected.accept(4);
    expect(rejected.bias().size).toBe(0);
  });
});
