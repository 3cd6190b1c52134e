/** Medians of repeats. */
import { median } from "../../eval/statistics.ts";

export function medianOf(values: readonly number[]): number {
  const middle = median(values);
  if (middle === null) throw new Error("Cannot take the median of nothing");
  return middle;
}
