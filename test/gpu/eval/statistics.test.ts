import { tQuantile975 } from "@rosa2/shared/statistics";
import { expect, test } from "vitest";
import {
  estimate,
  estimateRatio,
  median,
  pairedInterval,
  ratio,
  relativeGain,
} from "../../eval/statistics.ts";

test("gives the mean and the sample standard error of the mean", () => {
  // Sample variance of 1, 2, 6 is 7; its root over √3 is 1.5275.
  expect(estimate([1, 2, 6])).toEqual({ mean: 3, se: expect.closeTo(1.527525, 6), count: 3 });
});

test("has no standard error for one value, and no mean for none", () => {
  expect(estimate([0.25])).toEqual({ mean: 0.25, se: null, count: 1 });
  expect(estimate([])).toBeNull();
});

test("leaves out what was not measured instead of counting it as zero", () => {
  expect(estimate([null, 4, null, 6])).toEqual({ mean: 5, se: 1, count: 2 });
});

test("takes the middle value, or the mean of the two", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 3, 9])).toBe(3.5);
  expect(median([])).toBeNull();
});

test("never divides by zero or by what is missing", () => {
  expect(relativeGain(0.8, 0.5)).toBeCloseTo(0.6, 12);
  expect(relativeGain(0.8, 0)).toBeNull();
  expect(ratio(null, 2)).toBeNull();
});

test("gives a ratio of means with an error that pairing makes smaller", () => {
  // a = 2 b in every pair. However b varies, the ratio is certain.
  expect(
    estimateRatio([
      [0.4, 0.2],
      [0.8, 0.4],
    ]),
  ).toEqual({ mean: 2, se: 0, count: 2 });
  // Residuals (0.6 − 0.4) / 0.4 = 0.5 and −0.5; their standard error is √(0.5 / 2) = 0.5.
  expect(
    estimateRatio([
      [0.6, 0.4],
      [0.2, 0.4],
    ]),
  ).toEqual({ mean: 1, se: expect.closeTo(0.5, 12), count: 2 });
  expect(estimateRatio([[0.5, 0]])).toBeNull();
  expect(estimateRatio([])).toBeNull();
});

test("gives Student's t quantiles as tables print them", () => {
  const printed = { 1: 12.706, 5: 2.571, 6: 2.447, 7: 2.365, 10: 2.228, 30: 2.042, 120: 1.98 };
  for (const [degrees, value] of Object.entries(printed)) {
    expect(tQuantile975(Number(degrees))).toBeCloseTo(value, 3);
  }
});

test("gives an interval to paired differences, and none to a single one", () => {
  // Standard error of .1, .2, .3: .1 / √3 = .057735; t of 2 degrees is 4.3027.
  expect(pairedInterval([0.1, null, 0.2, 0.3])).toEqual({
    mean: expect.closeTo(0.2, 12),
    low: expect.closeTo(0.2 - 4.3027 * 0.057735, 5),
    high: expect.closeTo(0.2 + 4.3027 * 0.057735, 5),
    count: 3,
  });
  expect(pairedInterval([0.5])).toEqual({ mean: 0.5, low: null, high: null, count: 1 });
  expect(pairedInterval([null])).toBeNull();
});
