/** Other ways to say the same: spans, synonyms of the senses' phrases, and clauses without ambiguity. */
import type { Family } from "./operations.ts";

interface Nouns {
  noun: string;
  markedNames: readonly string[];
}

/** Vague spans of a family, in lower case, the canonical one first. */
export function vagueSpans(family: Family, { noun, markedNames }: Nouns, numeral: string) {
  const spans: Record<Family, string[]> = {
    sort: ["sort them", "order them", "arrange them", "sort these", `sort the ${noun}s`],
    shift: [
      `shift each ${noun} by ${numeral}`,
      `move each ${noun} by ${numeral}`,
      `shift each one by ${numeral}`,
    ],
    rotate: [
      `rotate them by ${numeral}`,
      `rotate the list by ${numeral}`,
      `turn them by ${numeral}`,
      `cycle them by ${numeral}`,
    ],
    flip: ["flip them", "swap them", "flip the list", "switch them around"],
    take: [`take ${numeral}`, `pick ${numeral}`, `give me ${numeral}`, `take ${numeral} of them`],
    dedupe: [
      "remove duplicates",
      "remove the duplicates",
      "drop the duplicates",
      "remove repeats",
      "delete the repeats",
    ],
    double: ["repeat them", "double them", "repeat the list", "duplicate them"],
    filter: markedNames.map((name) => `filter the ${name}`),
    trim: ["trim them", "trim the list"],
    halve: ["halve them", "halve the list"],
  };
  return spans[family];
}

/** Clauses that mean one reading and do not use the family's span, by reading id. */
export function unambiguous(
  family: Family,
  { markedNames }: Nouns,
  numeral: string,
): Record<string, string[]> {
  const clauses: Record<Family, Record<string, string[]>> = {
    sort: {},
    shift: {},
    rotate: { left: [`rotate left by ${numeral}`], right: [`rotate right by ${numeral}`] },
    flip: {
      order: ["reverse them", "reverse the list"],
      halves: ["swap the two halves"],
      ends: ["swap the first and last"],
    },
    take: {
      first: [`take the first ${numeral}`],
      last: [`take the last ${numeral}`],
      largest: [`take the ${numeral} largest`],
      smallest: [`take the ${numeral} smallest`],
    },
    dedupe: {
      first: ["keep the first copy of each"],
      last: ["keep the last copy of each"],
    },
    double: { each: ["repeat each one"], whole: ["repeat the whole list"] },
    filter: {
      keep: markedNames.map((name) => `keep only the ${name}`),
      drop: markedNames.map((name) => `drop the ${name}`),
    },
    trim: { start: ["drop the first one"], end: ["drop the last one"], both: ["drop both ends"] },
    halve: { front: ["keep the front half"], back: ["keep the back half"] },
  };
  return clauses[family];
}

/** Phrases that say a reading as well as the sense's own, by reading id. */
export const synonyms: Record<Family | "format", Record<string, string[]>> = {
  sort: {
    up: ["smallest first", "in ascending order", "lowest first"],
    down: ["largest first", "in descending order", "highest first"],
  },
  shift: { forward: ["forwards", "upwards"], back: ["backwards", "downwards"] },
  rotate: { left: ["leftwards"], right: ["rightwards"] },
  flip: { order: ["back to front"], halves: ["by halves"], ends: ["only the ends"] },
  take: {
    first: ["from the front", "from the beginning"],
    last: [],
    largest: ["that are the largest", "that are highest"],
    smallest: ["that are the smallest", "that are lowest"],
  },
  dedupe: { first: ["and keep the first"], last: ["and keep the last"] },
  double: { each: ["each one twice"], whole: ["the whole list twice"] },
  filter: { keep: ["and keep them"], drop: ["and drop them"] },
  trim: { start: ["in front"], end: [], both: ["on both sides"] },
  halve: { front: [], back: [], others: [] },
  format: {
    plain: ["in plain text"],
    brackets: ["with brackets", "in square brackets"],
    quotes: ["with quotes", "in double quotes"],
  },
};

/** What a user says to state a reading in feedback, besides the sense's phrase. */
export const statements: Record<Family | "format", Record<string, string[]>> = {
  sort: { up: ["smallest first", "ascending"], down: ["largest first", "descending"] },
  shift: { forward: ["forwards"], back: ["backwards"] },
  rotate: { left: ["left"], right: ["rightwards"] },
  flip: { order: ["back to front"], halves: ["the halves"], ends: ["only the ends"] },
  take: {
    first: ["from the front"],
    last: ["from the end"],
    largest: ["the largest ones"],
    smallest: ["the smallest ones"],
  },
  dedupe: { first: ["keep the first"], last: ["keep the last"] },
  double: { each: ["each one twice"], whole: ["the whole list twice"] },
  filter: { keep: ["keep them"], drop: ["drop them"] },
  trim: { start: ["at the start"], end: ["at the end"], both: ["at both ends"] },
  halve: { front: ["the front half"], back: ["the back half"], others: ["every other one"] },
  format: { plain: ["plain please"], brackets: ["with brackets"], quotes: ["with quotes"] },
};

/** More ways in which people state a reading; `{n}` is a numeral. A few are met by no other reading's words. */
export const spoken: Record<Family | "format", Record<string, string[]>> = {
  sort: {
    up: [
      "lowest first",
      "from small to large",
      "in rising order",
      "start with the smallest",
      "small ones first",
      "increasing",
      "the smallest at the front",
    ],
    down: [
      "highest first",
      "from large to small",
      "in falling order",
      "start with the largest",
      "large ones first",
      "decreasing",
      "the largest at the front",
    ],
  },
  shift: {
    forward: ["up", "upwards", "to the next one", "to what comes after"],
    back: ["down", "downwards", "to the one before", "to what comes before"],
  },
  rotate: {
    left: ["to the left", "leftwards", "the first ones go to the end"],
    right: ["right", "to the right", "the last ones go to the front"],
  },
  flip: {
    order: ["reverse the order", "the other way round", "all of them reversed", "backwards"],
    halves: ["swap the halves", "second half first", "exchange the two halves"],
    ends: ["swap the first and the last", "just the two ends", "only the first and the last"],
  },
  take: {
    first: ["the first ones", "the first {n}", "from the beginning", "those at the front"],
    last: ["the last ones", "the last {n}", "from the back", "those at the end"],
    largest: ["the biggest", "the largest {n}", "the {n} highest", "the big ones"],
    smallest: ["the lowest", "the smallest {n}", "the {n} lowest", "the small ones"],
  },
  dedupe: {
    first: ["keep the first copy", "drop the later ones", "the first of each stays"],
    last: ["keep the last copy", "drop the earlier ones", "the last of each stays"],
  },
  double: {
    each: ["every one twice", "each of them two times", "one after the other"],
    whole: ["all of it again", "the list again at the end", "everything twice in a row"],
  },
  filter: {
    keep: ["only those", "only these stay", "just these", "leave only them", "they should stay"],
    drop: [
      "remove them",
      "without them",
      "take them out",
      "leave them out",
      "they should go",
      "I want them removed",
    ],
  },
  trim: { start: [], end: [], both: [] },
  halve: { front: [], back: [], others: [] },
  format: {
    plain: ["plain text", "no brackets and no quotes", "just the items", "plain"],
    brackets: ["in brackets", "put brackets around it", "square brackets please", "brackets"],
    quotes: ["in quotes", "put it in quotes", "quotation marks around it", "quotes"],
  },
};

/** Around what people state: `{S}`. */
export const statementFrames: readonly string[] = [
  "I meant {S}",
  "I mean {S}",
  "I wanted {S}",
  "I want {S}",
  "it should be {S}",
  "{S} please",
  "{S}, please",
  "{S} instead",
  "no, {S}",
  "that is wrong, {S}",
  "not like that, {S}",
  "I said {S}",
];

/** Remarks about which the model can do nothing. `{W}` is a made-up word. */
export const beyondRemarks: readonly string[] = [
  "be more friendly",
  "Be more friendly.",
  "more formal please",
  "shorter",
  "Keep it short.",
  "too long",
  "Go into detail.",
  "with more details",
  "explain why",
  "why?",
  "I do not understand",
  "that is not what I asked for",
  "in French",
  "Answer in German.",
  "in a table",
  "Write it as a table.",
  "as bullet points",
  "with commas",
  "use commas between them",
  "one on each line",
  "in capital letters",
  "longest word first",
  "by length",
  "like my teacher does it",
  "as you did yesterday",
  "more {W}",
  "use {W} and {W}",
  "not so {W}",
  "make it {W}",
  "the {W} ones",
  "think about {W} first",
];

/** Hints at a family, without saying which reading is right; the first is the canonical one. */
export const hints: Record<Family | "format", readonly [string, ...string[]]> = {
  sort: ["other order", "wrong order"],
  shift: ["other direction", "wrong direction"],
  rotate: ["other way", "wrong way"],
  flip: ["other kind of flip", "wrong flip"],
  take: ["other ones", "wrong ones"],
  dedupe: ["other copy", "wrong copy"],
  double: ["other repeat", "wrong repeat"],
  filter: ["other filter", "wrong filter"],
  trim: ["other trim", "wrong trim"],
  halve: ["other half", "wrong half"],
  format: ["other format", "wrong format"],
};

/** Feedback that says only that the reply is wrong. */
export const vagueFeedback: readonly string[] = ["wrong", "no", "not that", "try again"];
