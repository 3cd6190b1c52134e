import { describe, expect, test } from "vitest";
import { lastNumber, makeCheck } from "../../eval/checkers.ts";

describe("exact", () => {
  test("forgives white space and nothing else", () => {
    const check = makeCheck("exact", "[7 4 1]");
    expect(check(" [7  4\n1] ")).toBe(true);
    expect(check("[7 4 1].")).toBe(false);
    expect(check("[7 41]")).toBe(false);
  });
});

describe("numeric", () => {
  test.each([
    ["#### 1,234", 1234],
    ["so the answer is -3.5e2.", -350],
    ["\\boxed{\\frac{3}{4}}", 0.75],
    ["12 of 48, that is 1/4", 0.25],
    ["7-3", 3],
    ["from 7 to −3", -3],
    ["$40", 40],
    ["x = .5", 0.5],
    ["1,2 and 3", 3],
  ])("reads the last number of %j", (text, number) => {
    expect(lastNumber(text)).toBe(number);
  });

  test("rejects a reply without a number, and division by zero", () => {
    const check = makeCheck("numeric", "6");
    expect(check("six")).toBe(false);
    expect(check("6/0")).toBe(false);
  });

  test("allows the tolerance it is given", () => {
    expect(makeCheck("numeric", "3.14159")("3.14")).toBe(false);
    expect(makeCheck("numeric", "3.14159", { tolerance: 0.01 })("3.14")).toBe(true);
  });

  test("refuses an answer that is no number", () => {
    expect(() => makeCheck("numeric", "many")).toThrow('"many" holds no number');
  });
});

describe("regex", () => {
  test("finds its pattern anywhere in the reply", () => {
    const check = makeCheck("regex", "\\b2024-03-05\\b");
    expect(check("It is 2024-03-05.")).toBe(true);
    expect(check("It is 12024-03-05.")).toBe(false);
  });

  test("refuses what is no pattern", () => {
    expect(() => makeCheck("regex", "(")).toThrow(/Invalid regular expression/);
  });
});
