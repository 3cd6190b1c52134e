import { describe, expect, it } from "vitest";
import { families } from "../../../gpu-service/language/operations.ts";
import {
  heldOutPairs,
  isTrained,
  pairs,
  trainedPairs,
  triples,
} from "../../../gpu-service/language/skills.ts";

describe("held-out compositions", () => {
  it("holds out 20 of the 56 ordered pairs and trains the others", () => {
    expect(pairs).toHaveLength(56);
    expect(heldOutPairs).toHaveLength(20);
    expect(trainedPairs).toHaveLength(36);
    expect(new Set([...heldOutPairs, ...trainedPairs].map(String)).size).toBe(56);
  });

  it("holds no family out more than three times in either place of a pair", () => {
    for (const place of [0, 1]) {
      for (const family of families) {
        const held = heldOutPairs.filter((pair) => pair[place] === family).length;
        expect([2, 3]).toContain(held);
      }
    }
  });

  it("trains single operations and trained pairs, but no triple", () => {
    expect(isTrained(["sort"])).toBe(true);
    expect(trainedPairs.every(isTrained)).toBe(true);
    expect(heldOutPairs.some(isTrained)).toBe(false);
    expect(triples).toHaveLength(336);
    expect(triples.some(isTrained)).toBe(false);
  });

  it("stays the same, since a trained model depends on it", () => {
    expect(heldOutPairs.map((pair) => pair.join("+")).sort()).toMatchInlineSnapshot(`
      [
        "dedupe+filter",
        "dedupe+shift",
        "double+dedupe",
        "double+sort",
        "filter+dedupe",
        "filter+double",
        "filter+flip",
        "flip+double",
        "flip+filter",
        "flip+take",
        "rotate+shift",
        "rotate+sort",
        "shift+filter",
        "shift+rotate",
        "shift+take",
        "sort+shift",
        "sort+take",
        "take+flip",
        "take+rotate",
        "take+sort",
      ]
    `);
  });
});
