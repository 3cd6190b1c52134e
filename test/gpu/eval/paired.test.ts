import { expect, test } from "vitest";
import { pairedDifferences } from "../../eval/paired.ts";
import { renderPaired } from "../../eval/report/table.ts";

type Held = Parameters<typeof pairedDifferences>[0][number];

/** A session by the tries of its problems; 0 is unsolved after three. */
function session(condition: string, index: number, tries: number[], suite = "MIX"): Held {
  const problems = tries.map((count) => ({ solved: count > 0, tries: count || 3, shift: null }));
  return { suite, condition, seed: 7, index, problems };
}

const half = (_suite: string, length: number) => Math.floor(length / 2);

const held = [
  session("both", 0, [3, 2, 1, 1]),
  session("both", 1, [0, 1, 1, 2]),
  session("weights", 0, [0, 0, 2, 1]),
  session("weights", 1, [0, 1, 2, 0]),
  // A session that the other condition has not held yet forms no pair.
  session("both", 2, [1, 1, 1, 1]),
];

test("compares the same sessions only, and counts them", () => {
  const [difference, ...others] = pairedDifferences(held, half);
  expect(others).toEqual([]);
  expect(difference).toMatchObject({
    suite: "MIX",
    of: "both",
    than: "weights",
    // Late halves: 1 against .5, and .5 against 0.
    late_first_try: { mean: 0.5, low: 0.5, high: 0.5, count: 2 },
    // (3+2+1+1)/4 − (3+3+2+1)/4 = −.5; (3+1+1+2)/4 − (3+1+2+3)/4 = −.5
    tries: { mean: -0.5, count: 2 },
    first_try: { mean: 0.25, low: 0.25, high: 0.25, count: 2 },
  });
});

test("pools several suites under the name all", () => {
  const more = [session("both", 0, [1, 1], "AMB"), session("weights", 0, [1, 0], "AMB")];
  const names = pairedDifferences([...held, ...more], half).map(({ suite, than }) => [suite, than]);
  expect(names).toEqual([
    ["MIX", "weights"],
    ["AMB", "weights"],
    ["all", "weights"],
  ]);
});

test("compares words with the other conditions where both did not run", () => {
  const worded = held.map((one) =>
    one.condition === "both" ? { ...one, condition: "words" } : one,
  );
  expect(pairedDifferences(worded, half)).toMatchObject([
    { of: "words", than: "weights", tries: { mean: -0.5, count: 2 } },
  ]);
});

test("is printed with n and its interval", () => {
  const [head, row] = renderPaired(pairedDifferences(held, half)).split("\n");
  expect(head).toMatch(/^suite +difference +sessions +first \[95 %\] +late \[95 %\]/);
  expect(row).toMatch(/^MIX +both − weights +2 +\+0\.250 \[\+0\.250 \+0\.250\] +\+0\.500 \[/);
});
