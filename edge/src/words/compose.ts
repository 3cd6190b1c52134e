/** Puts readings and constraints into a request; whatever the user wrote stays, in order and byte for byte. */
import type { CompiledSense, Occurrence } from "./lexicon.ts";
import { neutraliseRequest } from "./neutralise.ts";
import type { Constraint } from "./types.ts";

/** Characters that all constraints together may add. */
const constraintsCharsMax = 2_000;

/** A request in pieces, between which the phrases go: one piece more than there are occurrences. */
export interface CutRequest {
  length: number;
  /** In the order in which their phrases stand in the text. */
  occurrences: readonly Occurrence[];
  pieces: readonly string[];
}

export function cutRequest(request: string, occurrences: readonly Occurrence[]): CutRequest {
  const ordered = [...occurrences].sort((a, b) => a.insertAt - b.insertAt);
  const pieces: string[] = [];
  let from = 0;
  for (const { insertAt } of ordered) {
    pieces.push(neutraliseRequest(request.slice(from, insertAt)));
    from = insertAt;
  }
  pieces.push(neutraliseRequest(request.slice(from)));
  return { length: request.length, occurrences: ordered, pieces };
}

/**
 * The request with the chosen readings' phrases inserted and the constraints appended.
 *
 * Where a span repeats so often that phrases would outgrow the request itself, only the first occurrence
 * of each sense gets one: the result is at most twice the request, a phrase per sense and the constraints.
 */
export function compose(
  { length, occurrences, pieces }: CutRequest,
  chosen: ReadonlyMap<CompiledSense, string>,
  constraints: readonly Constraint[],
): string {
  const phrases = occurrences.map((occurrence) => phraseOf(occurrence, chosen));
  const added = phrases.reduce((sum, phrase) => sum + phrase.length, 0);
  const said = new Set<CompiledSense>();
  let text = pieces[0] ?? "";
  for (const [i, { compiled }] of occurrences.entries()) {
    if (added <= length || !said.has(compiled)) text += phrases[i];
    said.add(compiled);
    text += pieces[i + 1] ?? "";
  }
  return appendConstraints(text, constraints);
}

/** What goes in at an occurrence: nothing where the request states the reading or none is chosen. */
function phraseOf(
  { compiled, stated }: Occurrence,
  chosen: ReadonlyMap<CompiledSense, string>,
): string {
  const id = stated === null ? chosen.get(compiled) : undefined;
  const phrase = compiled.sense.readings.find((r) => r.id === id)?.phrase;
  if (phrase === undefined) return "";
  return compiled.sense.attach === "end" ? `, ${phrase}` : ` ${phrase}`;
}

function appendConstraints(request: string, constraints: readonly Constraint[]): string {
  const sentences: string[] = [];
  let length = 0;
  for (const { text } of constraints.toReversed()) {
    length += text.length + 1;
    if (length > constraintsCharsMax) break;
    sentences.unshift(text);
  }
  return sentences.length === 0 ? request : `${request.trimEnd()}\n\n${sentences.join(" ")}`;
}
