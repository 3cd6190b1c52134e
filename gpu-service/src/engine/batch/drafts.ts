/**
 * Guesses the next tokens of a reply that repeats parts of its prompt (prompt lookup). A guess is checked by the model
 * and never changes what is drawn: each position is drawn as always, and a wrong guess only ends the step.
 */

import type { Sequence } from "./sequence.ts";

/** Tokens that are guessed at most: more would cost a small model more than they spare. */
export const draftMax = 3;

/** Drafts of the rows' next tokens; null where too few rows have one to be worth a longer step, or one has no room. */
export function draftsOf(
  sequences: readonly Sequence[],
  tokensMax: number,
): (readonly number[])[] | null {
  const hasRoom = ({ slot }: Sequence) => slot.tokens.length + 1 + draftMax <= tokensMax;
  if (!sequences.every(hasRoom)) return null;
  const drafts = sequences.map(({ source, voices, slot, nextId }) => {
    const isFree = source !== undefined && voices.every(({ reply }) => reply.isFree);
    return isFree ? draftOf(source, slot.tokens.at(-1), nextId) : [];
  });
  const drafted = drafts.filter((draft) => draft.length > 0).length;
  return 2 * drafted > drafts.length ? drafts : null;
}

/** What followed the reply's last two tokens in the source, or its last one; empty if it does not occur there. */
function draftOf(source: Int32Array, before: number | undefined, last: number): readonly number[] {
  let at = -1;
  for (let i = 0; i < source.length - 1; i++) {
    if (source[i] !== last) continue;
    if (i > 0 && source[i - 1] === before) {
      at = i;
      break;
    }
    if (at < 0) at = i;
  }
  return at < 0 ? [] : [...source.subarray(at + 1, at + 1 + draftMax)];
}
