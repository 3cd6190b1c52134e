/** A tenant's or session's own senses as the words axis uses them: phrases become patterns. */
import type { Sense } from "@rosa2/shared/lexicon/sense";
import type { OwnLexicon } from "../contract/lexicon.ts";
import { type CompiledSense, compileLexicon, shippedSenses } from "./lexicon.ts";
import { neutraliseNote } from "./neutralise.ts";

/** The lexicon with a tenant's own senses before those that ship; an own sense replaces a shipped one of its id. */
export function lexiconWith(own: OwnLexicon): CompiledSense[] {
  const senses = own.map(toSense);
  const ids = new Set(senses.map(({ id }) => id));
  const shipped = shippedSenses.filter(({ id }) => !ids.has(id));
  return compileLexicon([...senses, ...shipped]);
}

function toSense(own: OwnLexicon[number]): Sense {
  const priorSum = own.readings.reduce((sum, { prior }) => sum + prior, 0);
  return {
    id: own.id,
    label: neutraliseNote(own.label, 80),
    span: own.spans.map(phrasePattern).join("|"),
    hints: own.hints.map(phrasePattern),
    attach: own.attach,
    shy: own.shy,
    readings: own.readings.map(({ id, phrase, cues, prior }) => ({
      id,
      phrase: neutraliseNote(phrase, 80),
      cues: [phrase, ...cues].map(phrasePattern),
      prior: prior / priorSum,
    })),
  };
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
