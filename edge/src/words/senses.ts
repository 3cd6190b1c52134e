/** What a sense is, wherever it comes from: a tenant, a user, or what the session has learnt. */
import type { LearntSense } from "./types.ts";

/** One way to understand an ambiguous span. */
export interface Reading {
  id: string;
  /** Words that, put in, make the request say this reading and no other; empty: as it is said. */
  phrase: string;
  /** Share of requests that mean this reading when nothing else is known; readings of a sense sum to 1. */
  prior: number;
  /** A request or feedback that matches a cue states the reading. */
  cues: readonly RegExp[];
}

/** One kind of ambiguity. */
export interface Sense {
  id: string;
  /** Name of what is unclear, as a person would say it: "the order". */
  label: string;
  /** Where a reading's phrase goes: right after the span, behind a comma, at the instruction's end, or in its place. */
  attach: "after" | "aside" | "end" | "replace";
  /** Say a reading only when something speaks for it. */
  shy: boolean;
  readings: Reading[];
  /** Of an own sense: what is looked for. Flags `giu`. */
  span: RegExp | null;
  /** Feedback that matches is about this sense, without saying which reading is right. */
  hints: RegExp[];
  /** What the session learnt, where it is a sense of that kind. */
  learnt?: LearntSense;
}

/** A place of the text that a sense is about. */
export interface Occurrence {
  sense: Sense;
  start: number;
  end: number;
  /** Where a reading's phrase goes. */
  insertAt: number;
  /** Reading that the text itself states here, if any. */
  stated: Reading | null;
}
