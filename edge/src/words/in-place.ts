/**
 * A remark that repeats a part of the request and says more ("take three" … "Take three from the end."): what was said
 * belongs in that part's place. It knows no language.
 */
import { inPlace, learnWordings } from "./learnt.ts";
import { neutraliseNote } from "./neutralise.ts";
import { stretchesOf, tokensOf } from "./stretches.ts";
import type { GradientInput, WordsState } from "./types.ts";

/** Words of the request that a remark must repeat: a single one may be chance. */
const repeatedMin = 2;

const ownCharsMax = 400;

/** The request with the remark in the place of the part that it begins with; null if it repeats none. */
export function putInPlace(request: string, remark: string): string | null {
  const said = tokensOf(remark);
  // If a remark has several sentences, it is not clear which of them belongs there.
  if (said.slice(0, -1).some(({ ends }) => ends)) return null;
  const tokens = tokensOf(request);
  const repeated = stretchesOf(tokens).filter(({ from, to }) => {
    const length = to - from;
    if (length < repeatedMin || length >= said.length) return false;
    return said.slice(0, length).every(({ norm }, i) => norm === tokens[from + i]!.norm);
  });
  const [stretch, ...others] = repeated;
  if (stretch === undefined || others.length > 0) return null;
  const [start, end] = [tokens[stretch.from]!.start, tokens[stretch.to - 1]!.end];
  const own = remark.slice(said[0]!.start, said.at(-1)!.end);
  // What is too long for a part of a request stays a remark, and so does what cannot stand there as it is.
  if (neutraliseNote(own, ownCharsMax) !== own.normalize("NFC")) return null;
  const isSmall = /^\p{Ll}/u.test(request.slice(start));
  const text = isSmall ? own.charAt(0).toLowerCase() + own.slice(1) : own;
  return request.slice(0, start) + text + request.slice(end);
}

/**
 * The state with such a wording among the session's own, which the remark states. A remark on a right reply asks for
 * nothing.
 */
export function learnInPlace(state: WordsState, input: GradientInput): WordsState {
  const { request, turnId, feedback } = input;
  if (feedback.reward > 0) return state;
  const wording = putInPlace(request, feedback.text ?? "");
  if (wording === null) return state;
  return learnWordings(state, request, { by: inPlace, turnId, wordings: [wording], drawn: 0 });
}
