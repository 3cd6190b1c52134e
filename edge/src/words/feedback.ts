/** Compares feedback with the senses of a request: what it hints at, states or denies. Constraints keep the rest. */
import type { Occurrence, Sense } from "./senses.ts";

/** What feedback says about one sense of the request. */
export interface SenseFeedback {
  sense: Sense;
  /** The reading that the user states, if any. */
  stated: string | null;
  /** Readings that the user calls wrong. */
  denied: string[];
  /** The user mentions this sense without saying which reading is right. */
  hinted: boolean;
}

/** Words just before a cue that reverse it: "not", "instead of the". */
const negation =
  /\b(?:not|no longer|never|isn['’]t|wasn['’]t|aren['’]t|don['’]t|do not|without|instead of|rather than|other than)\s+(?:(?:in|from|to|by|as|with|the|a|be|being|want|sort|put)\s+){0,3}$/iu;

/**
 * What `text` says about each sense, and `text` with the understood parts blanked out.
 *
 * For a sense that the request itself states, feedback counts only if it agrees: a contradiction is new information,
 * which a constraint keeps.
 */
export function readFeedback(
  text: string,
  occurrences: readonly Occurrence[],
): { senses: SenseFeedback[]; rest: string } {
  const rest = text.split("");
  const consume = (at: number, length: number) => rest.fill(" ", at, at + length);
  const senses: SenseFeedback[] = [];
  for (const sense of new Set(occurrences.map((o) => o.sense))) {
    const own = occurrences.filter((o) => o.sense === sense);
    const said = own.every((o) => o.stated !== null) ? (own[0]?.stated?.id ?? null) : null;
    const heard: SenseFeedback = { sense, stated: null, denied: [], hinted: false };
    for (const { id, cues } of sense.readings) {
      for (const match of cues.flatMap((cue) => [...text.matchAll(cue)])) {
        const denied = negation.test(text.slice(Math.max(0, match.index - 48), match.index));
        if (said !== null && (id === said) === denied) continue;
        if (denied) heard.denied.push(id);
        else heard.stated = id;
        consume(match.index, match[0].length);
      }
    }
    for (const match of sense.hints.flatMap((hint) => [...text.matchAll(hint)])) {
      heard.hinted = true;
      consume(match.index, match[0].length);
    }
    if (heard.stated !== null || heard.denied.length > 0 || heard.hinted) senses.push(heard);
  }
  return { senses, rest: rest.join("") };
}
