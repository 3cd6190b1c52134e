/**
 * Puts readings and constraints into a request. The user's text stays, in order and byte for byte, except for new words
 * whose meaning is known.
 */

import { neutraliseRequest } from "./neutralise.ts";
import type { Occurrence, Sense } from "./senses.ts";
import type { Constraint } from "./types.ts";

/** Characters that standing constraints may add together, and a turn's own remarks. */
const standingCharsMax = 2_000;
const remarksCharsMax = 16_384;

/** A request in pieces, with phrases between them: one piece more than there are occurrences. */
export interface CutRequest {
  length: number;
  /** In the order of their phrases in the text. */
  occurrences: readonly Occurrence[];
  /** The text that each occurrence's phrase replaces; empty if it is added. */
  replaced: readonly string[];
  pieces: readonly string[];
}

export function cutRequest(request: string, occurrences: readonly Occurrence[]): CutRequest {
  const places = occurrences
    .map((occurrence) => {
      const { sense, start, end, insertAt } = occurrence;
      const isReplaced = sense.attach === "replace";
      return { occurrence, from: isReplaced ? start : insertAt, to: isReplaced ? end : insertAt };
    })
    .sort((a, b) => a.from - b.from);
  const pieces: string[] = [];
  let at = 0;
  for (const { from, to } of places) {
    pieces.push(neutraliseRequest(request.slice(at, from)));
    at = to;
  }
  pieces.push(neutraliseRequest(request.slice(at)));
  return {
    length: request.length,
    occurrences: places.map(({ occurrence }) => occurrence),
    replaced: places.map(({ from, to }) => neutraliseRequest(request.slice(from, to))),
    pieces,
  };
}

/**
 * The request with the chosen readings' phrases inserted and the constraints appended.
 *
 * If a span repeats so often that phrases would outgrow the request, only the first occurrence of each sense gets one.
 * So the result is at most twice the request, one phrase per sense, and the constraints.
 */
export function compose(
  { length, occurrences, replaced, pieces }: CutRequest,
  chosen: ReadonlyMap<Sense, string>,
  constraints: readonly Constraint[],
): string {
  const phrases = occurrences.map((occurrence) => phraseOf(occurrence, chosen));
  const added = phrases.reduce((sum, phrase) => sum + phrase.length, 0);
  const said = new Set<Sense>();
  let text = pieces[0] ?? "";
  for (const [i, { sense }] of occurrences.entries()) {
    const isSaid = added <= length || !said.has(sense);
    const phrase = isSaid ? (phrases[i] ?? "") : "";
    text += phrase === "" ? replaced[i] : inCaseOf(replaced[i] ?? "", phrase);
    said.add(sense);
    text += pieces[i + 1] ?? "";
  }
  return withConstraints(text, constraints);
}

/** The text to insert at an occurrence: nothing if the request states the reading, or none is chosen. */
function phraseOf({ sense, stated }: Occurrence, chosen: ReadonlyMap<Sense, string>): string {
  const id = stated === null ? chosen.get(sense) : undefined;
  const phrase = sense.readings.find((r) => r.id === id)?.phrase;
  if (phrase === undefined || phrase === "") return "";
  const { attach } = sense;
  if (attach === "replace") return phrase;
  return attach === "after" ? ` ${phrase}` : `, ${phrase}`;
}

/** With a capital if the replaced text has one. */
function inCaseOf(replaced: string, phrase: string): string {
  const isCapital = /^\p{Lu}/u.test(replaced);
  return isCapital ? phrase.charAt(0).toUpperCase() + phrase.slice(1) : phrase;
}

/** Remarks in the order in which they were made; if they are too long, the oldest are left out. */
function withConstraints(request: string, constraints: readonly Constraint[]): string {
  let text = request;
  const sentences: string[] = [];
  const left = { session: standingCharsMax, turn: remarksCharsMax };
  for (const { text: said, scope, replaces } of constraints.toReversed()) {
    const replaced = replaces === undefined ? null : replaceStretch(text, replaces);
    if (replaced !== null) {
      text = replaced;
      continue;
    }
    left[scope] -= said.length + 1;
    if (left[scope] >= 0) sentences.unshift(said);
  }
  return sentences.length === 0 ? text : `${text.trimEnd()}\n\n${sentences.join("\n")}`;
}

function replaceStretch(text: string, { from, to }: { from: string; to: string }): string | null {
  const at = text.indexOf(from);
  return at < 0 ? null : text.slice(0, at) + to + text.slice(at + from.length);
}
