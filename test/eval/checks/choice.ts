/** Multiple choice: the letter that a reply chooses. */

/** @throws Error when the answer is not one letter. */
export function choiceCheck(answer: string): (reply: string) => boolean {
  const wanted = /^\(?([A-Z])\)?\.?$/u.exec(answer.trim())?.[1];
  if (wanted === undefined) throw new Error(`"${answer}" is not one capital letter`);
  return (reply) => chosenLetter(reply) === wanted;
}

/**
 * Places where a reply may state its letter, the most reliable first. Of several letters in the same place the last
 * counts.
 */
const places = [
  /\\boxed\{\\?(?:text\{)?\(?([A-Z])\)?\}/gu,
  /\b(?:answer|choice|option)(?:\s+is|:|\s*=)?\s*:?\s*\**\(?([A-Z])\b(?!')/giu,
  /^\s*\**\(?([A-Z])(?:\)|\.|:|\*|\s*$)/gmu,
  /\(([A-Z])\)/gu,
];

/** The letter that a reply chooses; null when it names none, or several without saying which. */
export function chosenLetter(reply: string): string | null {
  for (const place of places) {
    const found = [...reply.matchAll(place)].flatMap(([, letter]) =>
      /[A-Z]/u.test(letter!) ? letter! : [],
    );
    if (found.length > 0) return isSure(place, found) ? found.at(-1)! : null;
  }
  // "I" and "A" are words as well.
  const alone = new Set([...reply.matchAll(/(?<![\w'])([B-HJ-Z])(?![\w'])/gu)].map(([, l]) => l!));
  return alone.size === 1 ? [...alone][0]! : null;
}

/** A list of all options in the reply is no choice. */
function isSure(place: RegExp, letters: readonly string[]): boolean {
  return place === places[0] || place === places[1] || new Set(letters).size === 1;
}
