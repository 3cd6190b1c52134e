/** The part of a run that the README quotes: its figures without their detail, and the rows of its table. Pure. */
import type { Estimate, Interval } from "../statistics.ts";

interface QuotedMean {
  suite: string;
  condition: string;
  sessions: number;
  first_try: Estimate;
  late_first_try: Estimate;
  solved: Estimate;
  tries: Estimate;
  shift_at_success: Estimate | null;
  forgetting: Estimate | null;
}

export interface Quoted {
  model: string;
  settings: { suites: string[]; conditions: string[]; seeds: number[]; sessions: number };
  means: QuotedMean[];
  paired: { suite: string; than: string; late_first_try: Interval | null }[];
  comparisons: { suite: string; shift_ratio: number | null }[];
}

/** The README's name for each condition, in the order of its rows. */
const names: Record<string, string> = {
  none: "dialogue only",
  never: "no learning, no reply twice",
  history: "whole session in view",
  composed: "remarks below the request",
  plan: "one operation at a time",
  best_of: "best of several draws",
  words: "words",
  weights: "weights",
  both: "both",
  oracle_weights: "weights on perfect words",
  oracle: "perfect words",
  oracle_plan: "perfect words, one operation at a time",
};

export const tableHead = [
  "| suite | condition | right at once | late half | solved | tries | ‖Δθ‖ | forgetting | both − it, late half |",
  "|---|---|---|---|---|---|---|---|---|",
];

const settingNames = [
  ...["suites", "conditions", "seeds", "sessions", "maxTokens", "context", "temperature"],
] as const;
const meanNames = [
  ...["suite", "condition", "seeds", "sessions", "problems", "first_try", "late_first_try"],
  ...["solved", "tries", "shift_at_success", "forgetting", "update_ms", "cost_usd"],
  ...["prompt_tokens", "completion_tokens"],
] as const;

/** The part of a report that is kept beside the README, numbers to four places. */
export function quoteOf(report: object): Quoted {
  const { model, settings, means, paired, comparisons } = report as Quoted;
  const quoted = {
    model,
    settings: only(settings, settingNames),
    means: means.map((mean) => only(mean, meanNames)),
    paired,
    comparisons,
  };
  return JSON.parse(
    JSON.stringify(quoted, (_, value) =>
      typeof value === "number" ? Number(value.toFixed(4)) : value,
    ),
  );
}

function only(from: object, wanted: readonly string[]) {
  return Object.fromEntries(Object.entries(from).filter(([name]) => wanted.includes(name)));
}

/** The lines of the README's table, without its head; a suite's name stands in its first row. */
export function rowsOfQuote({ means, paired, settings }: Quoted): string[] {
  return settings.suites.flatMap((suite) =>
    Object.entries(names)
      .flatMap(([condition, name]) => {
        const mean = means.find((m) => m.suite === suite && m.condition === condition);
        const pair = paired.find((p) => p.suite === suite && p.than === condition);
        return mean === undefined ? [] : [cellsOf(name, mean, pair?.late_first_try ?? null)];
      })
      .map((cells, index) => `| ${[index === 0 ? suite : "", ...cells].join(" | ")} |`),
  );
}

function cellsOf(name: string, mean: QuotedMean, gain: Interval | null): string[] {
  const cells = [
    name,
    share(mean.first_try.mean),
    `${share(mean.late_first_try.mean)} ± ${(mean.late_first_try.se ?? 0).toFixed(2).replace(/^0/, "")}`,
    share(mean.solved.mean),
    mean.tries.mean.toFixed(2),
    mean.shift_at_success?.mean.toFixed(2) ?? "",
  ];
  return [
    ...(mean.condition === "both" ? cells.map((cell) => `**${cell}**`) : cells),
    mean.forgetting === null ? "" : share(mean.forgetting.mean),
    gain === null ? "" : intervalOf(gain),
  ];
}

/** "+.125 [−.015 +.265]"; without bounds nothing. */
export function intervalOf({ mean, low, high }: Interval): string {
  return low === null || high === null ? "" : `${signed(mean)} [${signed(low)} ${signed(high)}]`;
}

/** ".104", "−.031": shares are all below 1. */
function share(value: number): string {
  return value
    .toFixed(3)
    .replace(/^(-?)0/, "$1")
    .replace("-", "−");
}

function signed(value: number): string {
  return (value < 0 ? "" : "+") + share(value);
}

/** Conditions that are not told what the user means, besides both. */
const untold = ["words", "weights", "history", "composed", "plan"];

/**
 * What both gain over the best untold condition, in hundredths: `late` first tries that are right more often in the
 * late half, `tries` that are saved. Over several suites the first is that of their sum.
 */
export function gainsOf({ means }: Quoted, suites: readonly string[]) {
  const of = (suite: string, condition: string) =>
    means.filter((mean) => mean.suite === suite && mean.condition === condition);
  const sum = (value: (suite: string) => number) =>
    suites.reduce((total, suite) => total + value(suite), 0);
  const late = sum((suite) => of(suite, "both")[0]!.late_first_try.mean);
  const lateOfBest = sum((suite) =>
    Math.max(...untold.flatMap((one) => of(suite, one)).map((mean) => mean.late_first_try.mean)),
  );
  const tries = sum((suite) => of(suite, "both")[0]!.tries.mean);
  const triesOfBest = sum((suite) =>
    Math.min(...untold.flatMap((one) => of(suite, one)).map((mean) => mean.tries.mean)),
  );
  return {
    late: Math.round(100 * (late / lateOfBest - 1)),
    tries: Math.round(100 * (1 - tries / triesOfBest)),
  };
}

/** The command that made it, as the README has it. */
export function commandOfQuote({ settings }: Quoted): string {
  const { suites, conditions, seeds, sessions } = settings;
  return `--suite ${suites.join(",")} --conditions ${conditions.join(",")} --seeds ${seeds[0]}-${seeds.at(-1)} --sessions ${sessions}`;
}
