/** Puts readings and constraints into a request; whatever the user wrote stays, in order and byte for byte. */
import type { CompiledSense, Occurrence } from "./lexicon.ts";
import { neutraliseRequest } from "./neutralise.ts";
import type { Constraint } from "./types.ts";

/** Characters that all constraints together may add. */
const constraintsCharsMax = 2_000;

/**
 * The request with the chosen readings' phrases inserted and the constraints appended.
 *
 * Where a span repeats so often that phrases would outgrow the request itself, only the first occurrence
 * of each sense gets one: the result is at most twice the request, a phrase per sense and the constraints.
 */
export function compose(
  request: string,
  occurrences: readonly Occurrence[],
  chosen: ReadonlyMap<CompiledSense, string>,
  constraints: readonly Constraint[],
): string {
  const open = occurrences.filter((o) => o.stated === null && chosen.has(o.compiled));
  const insertions = open.map((o) => ({ at: o.insertAt, text: phraseOf(o, chosen) }));
  const firstOnly = insertions.filter((_, i) => {
    const sense = open[i]?.compiled;
    return open.findIndex((o) => o.compiled === sense) === i;
  });
  const length = insertions.reduce((sum, { text }) => sum + text.length, 0);
  const used = length <= request.length ? insertions : firstOnly;
  let text = "";
  let from = 0;
  for (const { at, text: phrase } of [...used].sort((a, b) => a.at - b.at)) {
    text += request.slice(from, at) + phrase;
    from = at;
  }
  return appendConstraints(neutraliseRequest(text + request.slice(from)), constraints);
}

function phraseOf(occurrence: Occurrence, chosen: ReadonlyMap<CompiledSense, string>): string {
  const id = chosen.get(occurrence.compiled);
  const phrase = occurrence.compiled.sense.readings.find((r) => r.id === id)?.phrase;
  if (phrase === undefined) return "";
  return occurrence.compiled.sense.attach === "end" ? `, ${phrase}` : ` ${phrase}`;
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
