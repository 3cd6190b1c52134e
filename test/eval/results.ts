/** From finished sessions to figures: one row per suite, condition and seed, and their means. Pure. */
import type { Cell, SuiteSource } from "./cells.ts";
import type { ConditionName } from "./conditions.ts";
import type { MeterRecord, SessionRecord } from "./journal.ts";
import { type Estimate, estimate, mean, median, ratio, share } from "./statistics.ts";

/** Every column, in the order of the tables. Shares are 0…1; null where a figure does not exist. */
export const columnNames = [
  "first_try",
  "late_first_try",
  "second_try",
  "solved",
  "tries",
  "shift_at_success",
  "forgetting",
  "update_ms",
  "update_per_reply",
  "updates",
  "updates_refused",
  "words_changed",
  "proposals_adopted",
  "rejections",
  "wordings_drawn",
  "wording_tokens",
  "peak_mb",
  "learn_per_reply_gpu",
  "cost_usd",
  "prompt_tokens",
  "completion_tokens",
] as const;
export type ColumnName = (typeof columnNames)[number];
type Columns = Record<ColumnName, number | null>;

export interface Row extends Columns {
  suite: string;
  protocol: string;
  condition: ConditionName;
  seed: number;
  sessions: number;
  problems: number;
  /** Share right at first try, by position in the session. */
  curve: (number | null)[];
}

export interface MeanRow extends Record<ColumnName, Estimate | null> {
  suite: string;
  condition: ConditionName;
  seeds: number;
  /** Sessions and problems of all seeds together. */
  sessions: number;
  problems: number;
  curve: (Estimate | null)[];
}

/** One row per cell of which at least one session has finished. */
export function rowsOf(
  cells: readonly Cell[],
  sessions: readonly SessionRecord[],
  meters: readonly MeterRecord[],
): Row[] {
  return cells.flatMap((cell) => {
    const held = sessions.filter(
      (record) => isOf(cell, record) && record.index < cell.suite.sessionCount,
    );
    if (held.length === 0) return [];
    return rowOf(
      cell,
      held,
      meters.filter((record) => isOf(cell, record)),
    );
  });
}

/** Means over seeds. */
export function meansOf(rows: readonly Row[]): MeanRow[] {
  const groups = Object.groupBy(rows, ({ suite, condition }) => `${suite}/${condition}`);
  return Object.values(groups).map((group) => {
    const of = group!;
    const { suite, condition } = of[0]!;
    const columns = columnNames.map((name) => [name, estimate(of.map((row) => row[name]))]);
    const length = Math.max(...of.map(({ curve }) => curve.length));
    return {
      ...(Object.fromEntries(columns) as Record<ColumnName, Estimate | null>),
      suite,
      condition,
      seeds: of.length,
      sessions: sum(of.map(({ sessions }) => sessions)),
      problems: sum(of.map(({ problems }) => problems)),
      curve: Array.from({ length }, (_, i) => estimate(of.map(({ curve }) => curve[i] ?? null))),
    };
  });
}

/** The first problem of the late half. For a new word: its first use after the lessons. */
export function lateFrom({ protocol }: SuiteSource, length: number): number {
  return protocol.silentFrom ?? Math.floor(length / 2);
}

function rowOf(
  { suite, condition, seed }: Cell,
  held: readonly SessionRecord[],
  meters: readonly MeterRecord[],
): Row {
  const problems = held.flatMap((record) => record.problems);
  const isFirst = ({ solved, tries }: { solved: boolean; tries: number }) => solved && tries === 1;
  const late = held.flatMap((record) =>
    record.problems.length < 2
      ? []
      : record.problems.slice(lateFrom(suite, record.problems.length)),
  );
  const shifts = problems.flatMap(({ solved, shift }) => (solved && shift !== null ? shift : []));
  const probes = held.flatMap(({ probes }) => probes ?? []);
  const asked = sum(probes.map(({ count }) => count));
  const updateMs = held.flatMap(({ spent }) => spent.updateMs);
  const replyMs = held.flatMap(({ spent }) => spent.replyMs);
  const perSession = (of: (record: SessionRecord) => number) => mean(held.map(of));
  const length = Math.max(...held.map((record) => record.problems.length));
  return {
    suite: suite.name,
    protocol: suite.protocol.name,
    condition,
    seed,
    sessions: held.length,
    problems: problems.length,
    first_try: share(problems.map(isFirst)),
    late_first_try: share(late.map(isFirst)),
    second_try: share(problems.map(({ solved, tries }) => solved && tries <= 2)),
    solved: share(problems.map(({ solved }) => solved)),
    tries: mean(problems.map(({ tries }) => tries)),
    shift_at_success: mean(shifts),
    forgetting: asked === 0 ? null : sum(probes.map(({ after, before }) => after - before)) / asked,
    update_ms: median(updateMs),
    update_per_reply: ratio(mean(updateMs), mean(replyMs)),
    updates: perSession(({ spent }) => spent.updateMs.length),
    updates_refused: perSession(({ spent }) => spent.updatesRejected),
    words_changed: perSession(({ spent }) => spent.wordsChanged),
    proposals_adopted: perSession(({ spent }) => spent.proposalsAdopted),
    rejections: perSession(({ spent }) => spent.rejections),
    wordings_drawn: perSession(({ spent }) => spent.wordingsDrawn),
    wording_tokens: perSession(({ spent }) => spent.wordingTokens),
    peak_mb:
      meters.length === 0
        ? null
        : Math.max(...meters.map(({ peakBytes }) => peakBytes)) / 1_048_576,
    learn_per_reply_gpu: ratio(
      sum(meters.map(({ learnSeconds }) => learnSeconds)),
      sum(meters.map(({ replySeconds }) => replySeconds)),
    ),
    cost_usd: perSession(({ spent }) => spent.costUsd),
    prompt_tokens: perSession(({ spent }) => spent.promptTokens),
    completion_tokens: perSession(({ spent }) => spent.completionTokens),
    curve: Array.from({ length }, (_, i) =>
      share(held.flatMap((record) => record.problems[i] ?? []).map(isFirst)),
    ),
  };
}

function isOf(
  { suite, condition, seed }: Cell,
  record: { suite: string; condition: string; seed: number },
): boolean {
  return record.suite === suite.name && record.condition === condition && record.seed === seed;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
