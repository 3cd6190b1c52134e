/** Means and their uncertainty. Knows numbers only; a figure that does not exist is null, never NaN. */
import { tQuantile975 } from "@rosa2/shared/statistics";

export interface Estimate {
  mean: number;
  /** Standard error of the mean; null below two values. */
  se: number | null;
  count: number;
}

/** Mean ± sample standard deviation / √n of the values that exist; null when none does. */
export function estimate(values: readonly (number | null)[]): Estimate | null {
  const known = values.filter((value) => value !== null);
  const average = mean(known);
  if (average === null) return null;
  if (known.length < 2) return { mean: average, se: null, count: known.length };
  const squares = known.reduce((sum, value) => sum + (value - average) ** 2, 0);
  const deviation = Math.sqrt(squares / (known.length - 1));
  return { mean: average, se: deviation / Math.sqrt(known.length), count: known.length };
}

export function mean(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The middle value, or the mean of the two middle ones. */
export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Share of the values that are true. */
export function share(values: readonly boolean[]): number | null {
  return mean(values.map(Number));
}

/**
 * Mean of a / mean of b over pairs. The standard error of the ratio is found by linearisation: that of the residuals a
 * − ratio·b, divided by the mean of b. Null without pairs or where b's mean is 0.
 */
export function estimateRatio(
  pairs: readonly (readonly [a: number, b: number])[],
): Estimate | null {
  const [a, b] = [mean(pairs.map(([a]) => a)), mean(pairs.map(([, b]) => b))];
  if (a === null || b === null || b === 0) return null;
  const residuals = estimate(pairs.map(([one, other]) => (one - (a / b) * other) / b));
  return { mean: a / b, se: residuals?.se ?? null, count: pairs.length };
}

/** a / b − 1, "how much more"; null where it means nothing. */
export function relativeGain(a: number | null, b: number | null): number | null {
  return a === null || b === null || b === 0 ? null : a / b - 1;
}

/** a / b; null where it means nothing. */
export function ratio(a: number | null, b: number | null): number | null {
  return a === null || b === null || b === 0 ? null : a / b;
}

export interface Interval {
  mean: number;
  /** Bounds of the 95 % confidence interval of the mean; null below two values. */
  low: number | null;
  high: number | null;
  count: number;
}

/** Mean of paired differences with its 95 % interval by Student's t; null when no pair has both figures. */
export function pairedInterval(differences: readonly (number | null)[]): Interval | null {
  const of = estimate(differences);
  if (of === null) return null;
  const { mean: middle, se, count } = of;
  if (se === null) return { mean: middle, low: null, high: null, count };
  const reach = tQuantile975(count - 1) * se;
  return { mean: middle, low: middle - reach, high: middle + reach, count };
}
