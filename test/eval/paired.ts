/**
 * What `both`, or else the words, gain over every other condition on exactly the same sessions, with confidence
 * intervals over sessions. Pure.
 */
import { type ConditionName, conditionNames } from "./conditions.ts";
import type { SessionRecord } from "./journal.ts";
import { type Interval, pairedInterval, share } from "./statistics.ts";

/** Figures that are compared session by session. */
export const pairedFigures = ["first_try", "late_first_try", "solved", "tries"] as const;
export type PairedFigure = (typeof pairedFigures)[number];

export interface PairedDifference extends Record<PairedFigure, Interval | null> {
  /** Suite, or "all" of them together. */
  suite: string;
  /** The first condition minus the second. */
  of: ConditionName;
  than: ConditionName;
}

const subjects = ["both", "words", "gpu"] as const satisfies ConditionName[];

type Held = Pick<SessionRecord, "suite" | "condition" | "seed" | "index" | "problems">;

/**
 * One entry for every suite and every condition other than `both` (`words`, or `gpu`, where it did not run), and one
 * over all suites where there are several. A pair is one session: the problems of a session depend on each other, so
 * sessions are counted.
 */
export function pairedDifferences(
  sessions: readonly Held[],
  lateFrom: (suite: string, length: number) => number,
): PairedDifference[] {
  const of = subjects.find((name) => sessions.some(({ condition }) => condition === name));
  if (of === undefined) return [];
  const suites = [...new Set(sessions.map(({ suite }) => suite))];
  const groups = [...suites.map((suite) => ({ name: suite, suites: [suite] }))];
  if (suites.length > 1) groups.push({ name: "all", suites });
  return groups.flatMap(({ name, suites: members }) => {
    const heldIn = (condition: string) =>
      new Map(
        sessions
          .filter((record) => members.includes(record.suite) && record.condition === condition)
          .map((record) => [`${record.suite}/${record.seed}/${record.index}`, record]),
      );
    const own = heldIn(of);
    return conditionNames.flatMap((than) => {
      const other = than === of ? new Map<string, Held>() : heldIn(than);
      const pairs = [...own].flatMap(([key, record]) => {
        const partner = other.get(key);
        return partner === undefined ? [] : [[record, partner] as const];
      });
      if (pairs.length === 0) return [];
      const intervals = pairedFigures.map((figure) => {
        const differences = pairs.map(([a, b]) => {
          const [x, y] = [figureOf(a, figure, lateFrom), figureOf(b, figure, lateFrom)];
          return x === null || y === null ? null : x - y;
        });
        return [figure, pairedInterval(differences)] as const;
      });
      const figures = Object.fromEntries(intervals) as Record<PairedFigure, Interval | null>;
      return { ...figures, suite: name, of, than };
    });
  });
}

function figureOf(
  { suite, problems }: Held,
  figure: PairedFigure,
  lateFrom: (suite: string, length: number) => number,
): number | null {
  const first = (some: Held["problems"]) =>
    share(some.map(({ solved, tries }) => solved && tries === 1));
  switch (figure) {
    case "first_try":
      return first(problems);
    case "late_first_try":
      return problems.length < 2 ? null : first(problems.slice(lateFrom(suite, problems.length)));
    case "solved":
      return share(problems.map(({ solved }) => solved));
    case "tries":
      return problems.reduce((sum, { tries }) => sum + tries, 0) / problems.length;
  }
}
