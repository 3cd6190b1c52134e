/** What a benchmark measures and what comes out of it; knows neither the engine nor its peers. */

export interface Figure {
  id: string;
  /** What is measured, in a few words for the table. */
  what: string;
  unit: string;
  target: number;
  /** Which side of the target is good. */
  bound: "at least" | "at most";
}

/** One row of the JSON result. */
export interface Result {
  id: string;
  value: number;
  unit: string;
  target: number;
  /** What the value is relative to; null for an absolute figure. */
  peer: string | null;
  /** The measured numbers behind the value, and how they were measured. */
  note: string;
}

/** A figure's value, or why there is none. */
export type Outcome =
  | { figure: Figure; value: number; peer: string | null; note: string }
  | { figure: Figure; missing: string };

export interface Context {
  /** Fewer and shorter repeats: for trying the benchmark out, not for figures to quote. */
  isQuick: boolean;
  /** Threads of every contender. */
  threads: number;
  /** Folder for peers, random checkpoints and converted weights; may be deleted at any time. */
  cache: string;
  /** Shows what is going on. */
  say(text: string): void;
}

/** Figures that are measured together. */
export interface Family {
  figures: readonly Figure[];
  /** Yields one outcome for each of the wanted figures. */
  measure(wanted: readonly Figure[], context: Context): AsyncIterable<Outcome>;
}

export function meetsTarget({ target, bound }: Figure, value: number): boolean {
  return bound === "at least" ? value >= target : value <= target;
}
