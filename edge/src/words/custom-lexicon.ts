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

/** Finds each phrase wherever it is said; "*" is any word. */
function patternsOf(phrases: readonly string[]): RegExp[] {
  return phrases.map((phrase) => new RegExp(phrasePattern(phrase), "giu"));
}

function phrasePattern(phrase: string): string {
  return sequence(
    wordsOf(phrase).map((word) => (word === "*" ? "[\\p{L}\\p{N}]+" : escaped(word))),
  );
}

/** Finds a text wherever it is said, every sign as it is. */
export function literalPattern(text: string): RegExp {
  return new RegExp(sequence(wordsOf(text).map(escaped)), "giu");
}

const wordsOf = (text: string) => text.trim().split(/\s+/u);
const escaped = (word: string) => word.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&");

/** Words in order, any white space between them, at word edges. */
function sequence(words: readonly string[]): string {
  return `(?<![\\p{L}\\p{N}])${words.join("\\s+")}(?![\\p{L}\\p{N}])`;
}
