/** Whether a long reply repeats a rejected one in substance: one changed letter is no new answer. It knows tokens. */

/** From this many tokens on, a near copy counts as a repeat. Shorter rejected replies are ruled out exactly. */
export const longTokensMin = 16;
const gramTokens = 5;
/** A near copy has at least this share of its 5-grams from the rejected reply. */
const sharedMin = 0.8;

/** `rejected` are the token ids of answers; short ones are ignored here. */
export function isNearCopy(
  reply: ArrayLike<number>,
  rejected: readonly ArrayLike<number>[],
): boolean {
  const grams = gramsOf(reply);
  if (grams.length === 0) return false;
  return rejected.some((other) => {
    if (other.length < longTokensMin) return false;
    const known = new Set(gramsOf(other));
    return grams.filter((gram) => known.has(gram)).length >= sharedMin * grams.length;
  });
}

function gramsOf(ids: ArrayLike<number>): string[] {
  const count = Math.max(0, ids.length - gramTokens + 1);
  return Array.from({ length: count }, (_, at) =>
    Array.from({ length: gramTokens }, (_, i) => ids[at + i]).join(),
  );
}
