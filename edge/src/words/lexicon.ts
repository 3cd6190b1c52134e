/** Finds where a text leaves a sense open. Senses come from a tenant, a session, or what it has learnt; none is built in. */
import { findLearnt } from "./learnt.ts";
import { blankLiterals } from "./literals.ts";
import type { Occurrence, Reading, Sense } from "./senses.ts";

const occurrencesMax = 32;

/** The reading whose cue a stretch of text contains; the caller handles a "not" after the cue. */
function statedReading({ readings }: Sense, text: string): Reading | null {
  return readings.find(({ cues }) => cues.some((cue) => text.search(cue) >= 0)) ?? null;
}

/** Occurrences of the lexicon's senses in a request, in text order. */
export function findOccurrences(text: string, lexicon: readonly Sense[]): Occurrence[] {
  if (lexicon.length === 0) return [];
  const found: Occurrence[] = [];
  const visible = blankLiterals(text);
  for (const sense of lexicon) {
    if (sense.span === null) continue;
    for (const match of visible.matchAll(sense.span)) {
      const [start, end] = [match.index, match.index + match[0].length];
      if (end > start) found.push({ sense, start, end, insertAt: end, stated: null });
      if (found.length >= occurrencesMax) break;
    }
  }
  const spans = withoutOverlaps(found);
  if (spans.length > 0) findStated(visible, spans);
  for (const span of spans) if (span.sense.attach === "end") span.insertAt = instructionEnd(text);
  const learnt = findLearnt(
    text,
    lexicon.filter((one) => one.learnt !== undefined),
  );
  // What the user or the team defined precedes what was learnt.
  const free = learnt.filter((one) => !spans.some((own) => overlap(own, one)));
  return [...spans, ...free].sort((a, b) => a.start - b.start);
}

/**
 * Notes the reading that the text itself states for each span. It is searched from the span to the next one ("then", or
 * the end of its sentence), before the first span of a sentence, and in sentences without any span. Listed data after a
 * colon is never searched, so that the words of a list are not mistaken for instructions.
 */
function findStated(visible: string, spans: readonly Occurrence[]): void {
  const instruction = blankData(visible, spans);
  const sentences = splitSentences(instruction);
  const elsewhere = sentences
    .filter(([from, to]) => !spans.some((span) => span.start >= from && span.start < to))
    .map(([from, to]) => instruction.slice(from, to))
    .join("\n");
  const statedElsewhere = new Map<Sense, Reading | null>();
  for (const [index, span] of spans.entries()) {
    // Sentences cover the text.
    const [from, to] = sentences.find(([a, b]) => span.start >= a && span.start < b)!;
    const next = spans[index + 1];
    const previous = spans[index - 1];
    const isFirst = previous === undefined || previous.start < from;
    const nextStep = instruction.slice(span.end, to).search(/\b(?:then|next)\b/iu);
    const windowEnd = Math.min(to, next?.start ?? to, nextStep < 0 ? to : span.end + nextStep);
    const local = instruction.slice(isFirst ? from : span.start, windowEnd);
    if (!statedElsewhere.has(span.sense)) {
      statedElsewhere.set(span.sense, statedReading(span.sense, elsewhere));
    }
    span.stated = statedReading(span.sense, local) ?? statedElsewhere.get(span.sense) ?? null;
  }
}

function overlap(a: Occurrence, b: Occurrence): boolean {
  return a.start < b.end && b.start < a.end;
}

function withoutOverlaps(found: Occurrence[]): Occurrence[] {
  const sorted = [...found].sort((a, b) => a.start - b.start || b.end - a.end);
  const kept: Occurrence[] = [];
  for (const occurrence of sorted) {
    const last = kept.at(-1);
    if (last === undefined || occurrence.start >= last.end) kept.push(occurrence);
  }
  return kept;
}

/** Listed data: the text after a colon on the same line, up to the end of the sentence. */
const data = /:[ \t]*[^\n:.!?]*/gu;

/** The same text with listed data blanked out, offsets unchanged; text with a span is not data. */
function blankData(text: string, spans: readonly Occurrence[]): string {
  return text.replace(data, (match, at: number) => {
    const holdsSpan = spans.some((span) => span.start >= at && span.start < at + match.length);
    return holdsSpan ? match : `:${" ".repeat(match.length - 1)}`;
  });
}

/** Sentences as [from, to) offsets that cover the text. */
function splitSentences(text: string): [from: number, to: number][] {
  const sentences: [number, number][] = [];
  let from = 0;
  for (const match of text.matchAll(/[.!?](?=\s|$)|\n/gu)) {
    const to = match.index + 1;
    sentences.push([from, to]);
    from = to;
  }
  if (from < text.length) sentences.push([from, text.length]);
  return sentences;
}

/** Index before the last colon, which opens the data, or before the closing punctuation. */
function instructionEnd(text: string): number {
  const colon = text.lastIndexOf(":");
  let end = colon > 0 ? colon : text.length;
  while (end > 0 && /[\s.!?]/u.test(text.charAt(end - 1))) end--;
  return end === 0 ? text.length : end;
}
