/** A tenant's or session's own senses in the words axis's form: phrases become patterns. */
import type { OwnLexicon } from "../contract/lexicon.ts";
import { neutraliseNote } from "./neutralise.ts";
import type { Sense } from "./senses.ts";

/** A tenant's or session's own senses as patterns. Where spans overlap, earlier senses come first. */
export function lexiconOf(own: OwnLexicon): Sense[] {
  return own.map(({ label, spans, hints, readings, ...sense }) => {
    const priorSum = readings.reduce((sum, { prior }) => sum + prior, 0);
    return {
      ...sense,
      label: neutraliseNote(label, 80),
      span: new RegExp(spans.map(phrasePattern).join("|"), "giu"),
      hints: patternsOf(hints),
      readings: readings.map(({ id, phrase, prior, cues }) => ({
        id,
        phrase: neutraliseNote(phrase, 80),
        prior: prior / priorSum,
        cues: patternsOf([phrase, ...cues]),
      })),
    };
  });
}

/** Finds each phrase wherever it is said. */
export function patternsOf(phrases: readonly string[]): RegExp[] {
  return phrases.map((phrase) => new RegExp(phrasePattern(phrase), "giu"));
}

/** Words in order, any white space between them, at word edges. */
function phrasePattern(phrase: string): string {
  const words = phrase
    .trim()
    .split(/\s+/u)
    .map((word) =>
      word === "*" ? "[\\p{L}\\p{N}]+" : word.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&"),
    );
  return `(?<![\\p{L}\\p{N}])${words.join("\\s+")}(?![\\p{L}\\p{N}])`;
}
