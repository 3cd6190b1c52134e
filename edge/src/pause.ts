/** The pause before a failed action is repeated. */

const pauseMsMin = 2_000;
const pauseMsMax = 5 * 60_000;

/** Pause before attempt n + 1: 2 s, 4 s, 8 s … 5 min. */
export function pauseMs(attempts: number): number {
  return Math.min(pauseMsMax, pauseMsMin * 2 ** Math.max(0, attempts - 1));
}
