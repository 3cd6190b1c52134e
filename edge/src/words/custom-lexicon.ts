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
      span: new RegExp(spans.map((span) => phrasePattern(span, true)).join("|"), "giu"),
      hints: patternsOf(hints, true),
      readings: readings.map(({ id, phrase, prior, cues }) => ({
        id,
        phrase: neutraliseNote(phrase, 80),
        prior: prior / priorSum,
        cues: patternsOf([phrase, ...cues], true),
      })),
    };
  });
}

/** Finds each phrase wherever it is said, every sign as it is; in `wild` ones "*" is any word. */
export function patternsOf(phrases: readonly string[], wild = false): RegExp[] {
  return phrases.map((phrase) => new RegExp(phrasePattern(phrase, wild), "giu"));
}

/** Words in order, any white space between them, at word edges. */
function phrasePattern(phrase: string, wild: boolean): string {
  const words = phrase
    .trim()
    .split(/\s+/u)
    .map((word) =>
      wild && word === "*" ? "[\\p{L}\\p{N}]+" : word.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&"),
    );
  return `(?<![\\p{L}\\p{N}])${words.join("\\s+")}(?![\\p{L}\\p{N}])`;
}
