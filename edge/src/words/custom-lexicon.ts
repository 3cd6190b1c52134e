/** A tenant's or session's own senses in the words axis's form: phrases become patterns. */
import type { OwnLexicon } from "../contract/lexicon.ts";
import { neutraliseNote } from "./neutralise.ts";
import type { CompiledSense } from "./senses.ts";

/** A tenant's or session's own senses as patterns. Where spans overlap, earlier senses come first. */
export function lexiconOf(own: OwnLexicon): CompiledSense[] {
  return own.map((sense) => {
    const priorSum = sense.readings.reduce((sum, { prior }) => sum + prior, 0);
    const readings = sense.readings.map(({ id, phrase, prior }) => ({
      id,
      phrase: neutraliseNote(phrase, 80),
      prior: prior / priorSum,
    }));
    const compile = (phrases: readonly string[]) =>
      phrases.map((phrase) => new RegExp(phrasePattern(phrase), "giu"));
    return {
      sense: {
        id: sense.id,
        label: neutraliseNote(sense.label, 80),
        attach: sense.attach,
        shy: sense.shy,
        readings,
      },
      span: new RegExp(sense.spans.map(phrasePattern).join("|"), "giu"),
      hints: compile(sense.hints),
      readings: sense.readings.map(({ phrase, cues }, index) => ({
        reading: readings[index]!,
        cues: compile([phrase, ...cues]),
      })),
    };
  });
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
