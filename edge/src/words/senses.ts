/** The definition of a sense, whether from a tenant, a user, or learnt in the session. */
import type { LearntSense } from "./types.ts";

/** One way to understand an ambiguous span. */
export interface Reading {
  id: string;
  /** Words that make the request say only this reading when inserted; empty means as it is said. */
  phrase: string;
  /** Share of requests that mean this reading when nothing else is known; the readings of a sense sum to 1. */
  prior: number;
  /** A request or feedback that matches a cue states the reading. */
  cues: readonly RegExp[];
}

/** One kind of ambiguity. */
export interface Sense {
  id: string;
  /** Name of what is unclear, as a person would say it: "the order". */
  label: string;
  /** Where a reading's phrase goes: right after the span, after a comma, at the instruction's end, or in its place. */
  attach: "after" | "aside" | "end" | "replace";
  /** The reading is used only if something supports it. */
  shy: boolean;
  readings: Reading[];
  /** For an own sense: the pattern to find. Flags `giu`. */
  span: RegExp | null;
  /** Feedback that matches concerns this sense, without saying which reading is right. */
  hints: RegExp[];
  /** What the session learnt, where it is a sense of that kind. */
  learnt?: LearntSense;
}

/** A place of the text that a sense is about. */
export interface Occurrence {
  sense: Sense;
  start: number;
  end: number;
  /** Where a reading's phrase is inserted. */
  insertAt: number;
  /** The reading that the text itself states here, if any. */
  stated: Reading | null;
}
