/** Results as tables of plain text for a terminal. */
import type { Comparison } from "../comparison.ts";
import type { LostComparison } from "../lost.ts";
import { type PairedDifference, type PairedFigure, pairedFigures } from "../paired.ts";
import type { ColumnName, MeanRow } from "../results.ts";
import type { Estimate, Interval } from "../statistics.ts";
import type { WordingGain } from "../wordings.ts";

interface Shown {
  title: string;
  column: ColumnName;
  digits: number;
  scale?: number;
}

/** What a table shows of the columns; the JSON result has them all. */
export const shownColumns: readonly Shown[] = [
  { title: "first", column: "first_try", digits: 3 },
  { title: "late", column: "late_first_try", digits: 3 },
  { title: "by 2nd", column: "second_try", digits: 3 },
  { title: "solved", column: "solved", digits: 3 },
  { title: "tries", column: "tries", digits: 2 },
  { title: "‖Δθ‖", column: "shift_at_success", digits: 2 },
  { title: "forgot", column: "forgetting", digits: 3 },
  { title: "update ms", column: "update_ms", digits: 0 },
  { title: "upd/reply", column: "update_per_reply", digits: 2 },
  { title: "updates", column: "updates", digits: 1 },
  { title: "refused", column: "updates_refused", digits: 1 },
  { title: "rejected", column: "rejections", digits: 1 },
  { title: "drawn", column: "wordings_drawn", digits: 1 },
  { title: "peak MB", column: "peak_mb", digits: 0 },
  { title: "m$/session", column: "cost_usd", digits: 3, scale: 1000 },
];

/** Mean ± standard error over seeds. */
export function renderTable(means: readonly MeanRow[]): string {
  const head = ["suite", "condition", "seeds", "n", ...shownColumns.map(({ title }) => title)];
  const body = means
    .toSorted((a, b) => a.suite.localeCompare(b.suite))
    .map((row) => [
      row.suite,
      row.condition,
      String(row.seeds),
      showCount(row),
      ...shownColumns.map(({ column, digits, scale }) => showEstimate(row[column], digits, scale)),
    ]);
  return align([head, ...body]);
}

export function renderComparisons(comparisons: readonly Comparison[]): string {
  const head = [
    "both against",
    "late: best axis",
    "words",
    "tries: best axis",
    "none",
    "‖Δθ‖ / weights",
    "memory / off",
  ];
  return align([head, ...comparisons.map(comparisonCells)]);
}

/** Cells of a row of comparisons. */
export function comparisonCells(row: Comparison): string[] {
  return [
    row.suite,
    showPercent(row.late_over_best_axis),
    showPercent(row.late_over_words),
    showPercent(row.tries_over_best_axis),
    showPercent(row.tries_over_none),
    showNumber(row.shift_ratio, 2),
    showNumber(row.memory_ratio, 2),
  ];
}

const pairedTitles: Record<PairedFigure, string> = {
  first_try: "first",
  late_first_try: "late",
  solved: "solved",
  tries: "tries",
};
export const pairedHead = [
  "suite",
  "difference",
  "sessions",
  ...pairedFigures.map((figure) => `${pairedTitles[figure]} [95 %]`),
];

/** Cells of a row of paired differences. */
export function pairedCells(difference: PairedDifference): string[] {
  const { suite, of, than } = difference;
  const pairs = Math.max(0, ...pairedFigures.map((figure) => difference[figure]?.count ?? 0));
  return [
    suite,
    `${of} − ${than}`,
    String(pairs),
    ...pairedFigures.map((figure) => showInterval(difference[figure], figure === "tries" ? 2 : 3)),
  ];
}

export function renderPaired(differences: readonly PairedDifference[]): string {
  return align([pairedHead, ...differences.map(pairedCells)]);
}

export const lostHead = [
  "told in shards",
  "sessions",
  "shards",
  "whole",
  "shards / whole",
  "− concatenated [95 %]",
];

/** Cells of a row of `lost`. */
export function lostCells(comparison: LostComparison): string[] {
  const { condition, sessions, shards, whole, over_whole, over_concatenated } = comparison;
  return [
    condition,
    String(sessions),
    shards.toFixed(3),
    whole.toFixed(3),
    showNumber(over_whole, 2),
    showInterval(over_concatenated, 3),
  ];
}

export function renderLost(comparisons: readonly LostComparison[]): string {
  return align([lostHead, ...comparisons.map(lostCells)]);
}

/** "48×12": sessions, and problems a session where all are as long. */
export function showCount({ sessions, problems }: { sessions: number; problems: number }): string {
  return problems % sessions === 0
    ? `${sessions}×${problems / sessions}`
    : `${sessions} (${problems})`;
}

/** "+0.147 [+0.121 +0.173]". */
function showInterval(value: Interval | null, digits: number): string {
  if (value === null) return "–";
  const signed = (number: number) => (number > 0 ? "+" : "") + number.toFixed(digits);
  const { mean, low, high } = value;
  return low === null || high === null
    ? signed(mean)
    : `${signed(mean)} [${signed(low)} ${signed(high)}]`;
}

/** How the columns of `WordingGain` are called, with what stands in them. */
export const shownGains = (
  [
    ["by 2nd", "second_try", ["said", "appended", "none"]],
    ["solved", "solved", ["said", "appended", "none"]],
    ["repaired", "repaired", ["appended", "none"]],
  ] as const
).flatMap(([title, measure, baselines]) =>
  baselines.map((baseline) => ({
    title: `${title} / ${baseline}`,
    of: (gain: WordingGain) => showEstimate(gain[measure][baseline], 2),
  })),
);

export function renderWordingGains(gains: readonly WordingGain[]): string {
  const head = ["suite", "rewritten by", ...shownGains.map(({ title }) => title)];
  const body = gains.map((gain) => [
    gain.suite,
    gain.rewriter,
    ...shownGains.map(({ of }) => of(gain)),
  ]);
  return align([head, ...body]);
}

export function showEstimate(value: Estimate | null, digits: number, scale = 1): string {
  if (value === null) return "–";
  const se = value.se === null ? "" : ` ±${(value.se * scale).toFixed(digits)}`;
  return (value.mean * scale).toFixed(digits) + se;
}

function showPercent(value: number | null): string {
  if (value === null) return "–";
  const percent = (value * 100).toFixed(0);
  return `${value > 0 ? "+" : ""}${percent} %`;
}

function showNumber(value: number | null, digits: number): string {
  return value === null ? "–" : value.toFixed(digits);
}

function align(rows: readonly string[][]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i < 2 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
