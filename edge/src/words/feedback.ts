/** Reads what a person says about a reply: which senses it hints at, which readings it states, what else it asks. */
import type { CompiledSense } from "./lexicon.ts";

/** What feedback says of one sense of the request. */
export interface SenseFeedback {
  compiled: CompiledSense;
  /** Reading that the user states, if any. */
  stated: string | null;
  /** Readings that the user says are wrong. */
  denied: string[];
  /** The user speaks of this sense without saying which reading is right. */
  hinted: boolean;
}

export interface FeedbackReading {
  senses: SenseFeedback[];
  /** What no sense explains, as said; empty when nothing of substance is left. */
  rest: string;
}

/** Words just before a cue that turn it around. */
const negation =
  /(?:\b(?:not|no longer|never|isn't|wasn't|aren't|don't|do not|without|instead of|rather than|other than)\s+(?:\S+\s+){0,2})$/iu;

/** Words that carry no request of their own. */
const filler =
  /\b(?:no|nope|not that|wrong|incorrect|that's|that is|this is|it's|it is|is|was|were|are|not right|not correct|not what i (?:meant|wanted|asked(?: for)?)|try again|again|please|sorry|actually|but|and|then|the|a|an|it|that|this|them|these|those|i|you|we|meant|mean|want|wanted|need|said|asked|for|should|be|been|have|has|had|must|to|so|well|hmm|ok|okay|still|instead|rather|do|did|make|just|my|your|of|use|in|on|with|as|answer|reply|one|ones|thanks|thank|good|great|right|yes|perfect|exactly|bad|nice)\b/giu;

/** Reads feedback against the senses that the request leaves open or states. */
export function readFeedback(text: string, senses: readonly CompiledSense[]): FeedbackReading {
  let rest = text;
  const consume = (match: RegExpMatchArray) => {
    const at = match.index ?? 0;
    rest = rest.slice(0, at) + " ".repeat(match[0].length) + rest.slice(at + match[0].length);
  };
  const read: SenseFeedback[] = [];
  for (const compiled of senses) {
    const heard: SenseFeedback = { compiled, stated: null, denied: [], hinted: false };
    for (const { reading, cues } of compiled.readings) {
      for (const cue of cues) {
        for (const match of text.matchAll(cue)) {
          if (negation.test(text.slice(Math.max(0, match.index - 40), match.index))) {
            heard.denied.push(reading.id);
          } else heard.stated = reading.id;
          consume(match);
        }
      }
    }
    for (const hint of compiled.hints) {
      for (const match of text.matchAll(hint)) {
        heard.hinted = true;
        consume(match);
      }
    }
    if (heard.stated !== null || heard.denied.length > 0 || heard.hinted) read.push(heard);
  }
  const substance = rest
    .replace(filler, " ")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
  return { senses: read, rest: substance === "" ? "" : rest.replace(/\s+/gu, " ").trim() };
}
