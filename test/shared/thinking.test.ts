import { answerOf, splitThought } from "@rosa2/shared/thinking";
import { describe, expect, it } from "vitest";

describe("a thinking model's reply", () => {
  const reply = "<think>\nfirst 3, then 4\n</think>\n\n    3\n4";

  it("is a block with the line breaks after it, and an answer with its indentation", () => {
    expect(splitThought(reply)).toEqual({
      thought: "<think>\nfirst 3, then 4\n</think>\n\n",
      answer: "    3\n4",
    });
    expect(splitThought("3 4")).toEqual({ thought: "", answer: "3 4" });
    expect(splitThought("<think>\nnot done")).toEqual({ thought: "", answer: "<think>\nnot done" });
  });

  it("is compared by its answer", () => {
    expect(answerOf(reply)).toBe("3\n4");
    expect(answerOf("3 4")).toBe("3 4");
  });
});
