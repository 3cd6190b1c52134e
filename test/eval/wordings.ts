/** The gain of rewriting a request over repeating it and over appending the remarks: the claim of the words axis. Pure. */
import type { ConditionName } from "./conditions.ts";
import type { Row } from "./results.ts";
import { type Estimate, estimateRatio } from "./statistics.ts";

const rewriters = ["compose", "gpu", "proposed"] as const satisfies ConditionName[];
const baselines = ["said", "appended", "none"] as const satisfies ConditionName[];

/** Success of a rewriter / success of a baseline; null where either did not run or the baseline had none. */
type Times = Record<(typeof baselines)[number], Estimate | null>;

export interface WordingGain {
  suite: string;
  rewriter: (typeof rewriters)[number];
  /** Of all problems, after one remark at most. */
  second_try: Times;
  /** Of all problems, within all tries. */
  solved: Times;
  /** Of the problems that were wrong at first, within all tries; `said` has none. */
  repaired: Times;
}
type Measure = "second_try" | "solved" | "repaired";

/** One entry for every suite and rewriter that ran; the seeds that both sides have are paired. */
export function wordingGains(rows: readonly Row[]): WordingGain[] {
  const suites = [...new Set(rows.map(({ suite }) => suite))];
  return suites.flatMap((suite) => {
    const of = (condition: ConditionName) =>
      rows.filter((row) => row.suite === suite && row.condition === condition);
    return rewriters.flatMap((rewriter) => {
      const rewritten = of(rewriter);
      if (rewritten.length === 0) return [];
      const timesOf = (measure: Measure) =>
        Object.fromEntries(
          baselines.map((name) => [name, times(rewritten, of(name), measure)]),
        ) as Times;
      return {
        suite,
        rewriter,
        second_try: timesOf("second_try"),
        solved: timesOf("solved"),
        repaired: timesOf("repaired"),
      };
    });
  });
}

function times(
  rewritten: readonly Row[],
  baseline: readonly Row[],
  measure: Measure,
): Estimate | null {
  const pairs = rewritten.flatMap((row) => {
    const other = baseline.find(({ seed }) => seed === row.seed);
    const [a, b] = [shareOf(row, measure), other === undefined ? null : shareOf(other, measure)];
    return a === null || b === null ? [] : [[a, b] as const];
  });
  return estimateRatio(pairs);
}

function shareOf(row: Row, measure: Measure): number | null {
  if (measure !== "repaired") return row[measure];
  const { first_try: first, solved } = row;
  return first === null || solved === null || first === 1 ? null : (solved - first) / (1 - first);
}
