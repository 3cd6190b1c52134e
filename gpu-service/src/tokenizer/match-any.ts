/** One pattern for many words. */

/** Matches any of the words, the longest if several begin at the same place; null for no words. */
export function matchAny(words: readonly string[]): RegExp | null {
  if (words.length === 0) return null;
  const longestFirst = [...words].sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map(escapePattern).join("|"), "gu");
}

function escapePattern(word: string): string {
  return word.replace(/[\\^$.*+?()[\]{}|/-]/g, (character) => `\\x${hex(character)}`);
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).padStart(2, "0");
}
