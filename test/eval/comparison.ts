/** What `both` gains over the other conditions, suite by suite: the figures behind the product's claim. Pure. */
import type { SessionRecord } from "./journal.ts";
import type { MeanRow } from "./results.ts";
import { mean, ratio, relativeGain } from "./statistics.ts";

export interface Comparison {
  suite: string;
  /** Late-half first-try of both against the better single axis, and against words; 0.3 is + 30 %. */
  late_over_best_axis: number | null;
  late_over_words: number | null;
  /** Tries of both against the better single axis, and against none; −0.2 is 20 % fewer. */
  tries_over_best_axis: number | null;
  tries_over_none: number | null;
  /** ‖Δθ‖ at success, both / weights, over the problems that both conditions solved. */
  shift_ratio: number | null;
  /** Peak memory of the GPU service, both / the conditions without adaptation. */
  memory_ratio: number | null;
}

/** One comparison for every suite in which `both` ran. */
export function compare(
  means: readonly MeanRow[],
  sessions: readonly SessionRecord[],
): Comparison[] {
  return means
    .filter(({ condition }) => condition === "both")
    .map((both) => {
      const { suite } = both;
      const of = (condition: string) =>
        means.find((row) => row.suite === suite && row.condition === condition);
      const single = [of("words"), of("weights")].flatMap((row) => row ?? []);
      // The better of two axes is known only when both were run.
      const axes = single.length === 2 ? single : [];
      const late = axes.flatMap((row) => row.late_first_try?.mean ?? []);
      const tries = axes.flatMap((row) => row.tries?.mean ?? []);
      const triesOfBoth = both.tries?.mean ?? null;
      const lateOfBoth = both.late_first_try?.mean ?? null;
      const memory = ["none", "history", "never"].flatMap((name) => of(name)?.peak_mb?.mean ?? []);
      return {
        suite,
        late_over_best_axis: relativeGain(lateOfBoth, largest(late)),
        late_over_words: relativeGain(lateOfBoth, of("words")?.late_first_try?.mean ?? null),
        tries_over_best_axis: relativeGain(triesOfBoth, smallest(tries)),
        tries_over_none: relativeGain(triesOfBoth, of("none")?.tries?.mean ?? null),
        shift_ratio: shiftRatio(sessions.filter((record) => record.suite === suite)),
        memory_ratio: ratio(both.peak_mb?.mean ?? null, largest(memory)),
      };
    });
}

function shiftRatio(sessions: readonly SessionRecord[]): number | null {
  const shiftsOf = (condition: string) =>
    new Map(
      sessions
        .filter((record) => record.condition === condition)
        .flatMap(({ seed, index, problems }) =>
          problems.map(({ solved, shift }, i): [string, number | null] => [
            `${seed}/${index}/${i}`,
            solved ? shift : null,
          ]),
        ),
    );
  const both = shiftsOf("both");
  const weights = shiftsOf("weights");
  const pairs = [...both].flatMap(([problem, shift]) => {
    const other = weights.get(problem) ?? null;
    return shift === null || other === null ? [] : [[shift, other] as const];
  });
  return ratio(mean(pairs.map(([shift]) => shift)), mean(pairs.map(([, other]) => other)));
}

function largest(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values);
}

function smallest(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.min(...values);
}
