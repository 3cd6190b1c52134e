/** The quantile that intervals need. It knows numbers only. */

/** Exact quantiles where the expansion below is off by more than .001. */
const tQuantilesSmall = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.306];

/**
 * 97.5 % quantile of Student's t for at least one degree of freedom, by the Cornish–Fisher expansion (Abramowitz and
 * Stegun 26.7.5). Few degrees are rounded down to a whole number, which widens an interval.
 */
export function tQuantile975(degrees: number): number {
  const exact = tQuantilesSmall[Math.floor(degrees) - 1];
  if (exact !== undefined) return exact;
  const z = 1.959964;
  return (
    z +
    (z ** 3 + z) / (4 * degrees) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * degrees ** 3)
  );
}
