/** What a lexicon of senses is made of: ambiguous spans of everyday requests and the readings each can have. */

/** One way to understand an ambiguous span. */
export interface Reading {
  id: string;
  /** Words that, attached to the span, make the request say this reading and no other; empty: as it is said. */
  phrase: string;
  /** Regular expressions (flags `iu`): a request or feedback that matches states this reading. */
  cues: string[];
  /** Share of requests that mean this reading when nothing else is known; readings of a sense sum to 1. */
  prior: number;
}

/** One kind of ambiguity. */
export interface Sense {
  id: string;
  /** Name of what is unclear, as a person would say it: "the order". */
  label: string;
  /**
   * Regular expression (flags `iu`) of the ambiguous span, without the clarifying phrase.
   * Empty: the sense is about the whole request (its format, say) and applies whenever `applies` does.
   */
  span: string;
  /** Lower-case strings of which the span holds one: a quick look before the regular expression. */
  anchors?: string[];
  /** Regular expression that the request must match for the sense to be considered at all. */
  applies?: string;
  /** Regular expressions: feedback that matches is about this sense, without saying which reading is right. */
  hints: string[];
  /** Where a reading's phrase goes: right after the span, at the end of the instruction, or in the span's place. */
  attach: "after" | "end" | "replace";
  /** Each word that the span's first group finds is a sense of its own. */
  perWord?: boolean;
  readings: Reading[];
  /** Say a reading only when something speaks for it: ordinary text has such spans without being unclear. */
  shy?: boolean;
}

/** A reading in one line. */
export function reading(id: string, phrase: string, prior: number, ...cues: string[]): Reading {
  return { id, phrase, prior, cues };
}

/** A sense that is said only when something speaks for it. */
export function shy(sense: Omit<Sense, "shy" | "attach"> & { attach?: Sense["attach"] }): Sense {
  return { attach: "after", shy: true, ...sense };
}
