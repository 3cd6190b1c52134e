import { describe, expect, it } from "vitest";
import type { Kind } from "../../../gpu-service/language/items.ts";
import {
  applyOperation,
  type Family,
  families,
  readingsOf,
} from "../../../gpu-service/language/operations.ts";
import { answer, isRight, render, type Task } from "../../../gpu-service/language/task.ts";

function apply(
  family: Family,
  count: number,
  reading: string,
  list: string,
  kind: Kind = "digits",
) {
  return applyOperation({ family, count }, reading, list.split(" "), kind).join(" ");
}

describe("operations", () => {
  it.each([
    ["sort", 0, "up", "4 7 1 4", "1 4 4 7"],
    ["sort", 0, "down", "4 7 1 4", "7 4 4 1"],
    ["shift", 3, "forward", "8 0 7", "1 3 0"],
    ["shift", 2, "back", "1 0 9", "9 8 7"],
    ["rotate", 1, "left", "4 7 1 9", "7 1 9 4"],
    ["rotate", 2, "right", "4 7 1 9 5", "9 5 4 7 1"],
    ["rotate", 2, "left", "4", "4"],
    ["flip", 0, "order", "4 7 1", "1 7 4"],
    ["flip", 0, "halves", "4 7 1 9 5", "1 9 5 4 7"],
    ["flip", 0, "ends", "4 7 1 9", "9 7 1 4"],
    ["take", 2, "first", "4 7 1", "4 7"],
    ["take", 2, "last", "4 7 1", "7 1"],
    ["take", 2, "largest", "4 7 1", "7 4"],
    ["take", 3, "smallest", "4 7 1 9", "1 4 7"],
    ["take", 3, "last", "4 7", "4 7"],
    ["dedupe", 0, "first", "4 7 4 1 7", "4 7 1"],
    ["dedupe", 0, "last", "4 7 4 1 7", "4 1 7"],
    ["double", 0, "each", "4 7", "4 4 7 7"],
    ["double", 0, "whole", "4 7", "4 7 4 7"],
    ["filter", 0, "keep", "4 7 0 1", "4 0"],
    ["filter", 0, "drop", "4 7 0 1", "7 1"],
  ] as const)("%s %i %s turns %s into %s", (family, count, reading, list, expected) => {
    expect(apply(family, count, reading, list)).toBe(expected);
  });

  it("wraps letters from z to a and orders words by the alphabet", () => {
    expect(apply("shift", 3, "forward", "y a", "letters")).toBe("b d");
    expect(apply("shift", 1, "back", "a m", "letters")).toBe("z l");
    expect(apply("sort", 0, "up", "tree ant lemon", "words")).toBe("ant lemon tree");
    expect(apply("filter", 0, "keep", "a b e", "letters")).toBe("a e");
    expect(apply("filter", 0, "drop", "cake apple sun", "words")).toBe("apple");
  });

  it("leaves an empty list empty under every reading", () => {
    for (const family of families) {
      for (const reading of readingsOf(family)) {
        expect(applyOperation({ family, count: 2 }, reading, [], "digits")).toEqual([]);
      }
    }
  });

  it("keeps the list it was given", () => {
    const items = ["4", "7", "1"];
    for (const family of families) {
      for (const reading of readingsOf(family)) {
        applyOperation({ family, count: 2 }, reading, items, "digits");
      }
    }
    expect(items).toEqual(["4", "7", "1"]);
  });
});

describe("a task's answer", () => {
  const task: Task = {
    kind: "digits",
    items: ["4", "7", "1", "9"],
    operations: [
      { family: "sort", count: 0 },
      { family: "rotate", count: 1 },
    ],
    hidden: ["up", "left", "brackets"],
    stated: [false, false, false],
  };

  it("applies the operations in order and formats the list", () => {
    expect(answer(task)).toBe("[4 7 9 1]");
    expect(answer(task, ["down", "right", "quotes"])).toBe('"1 9 7 4"');
    expect(render([], "brackets")).toBe("[none]");
    expect(render([], "plain")).toBe("none");
  });

  it("accepts white space around a right reply and nothing else", () => {
    expect(isRight(task, " [4 7 9 1]\n")).toBe(true);
    expect(isRight(task, "4 7 9 1")).toBe(false);
    expect(isRight(task, "[4, 7, 9, 1]")).toBe(false);
  });
});
