/** Short remarks without facts: they point at the misreading, and the reading that answers them replaces them. */
import type { Constraint } from "../types.ts";

const wordsMax = 6;
/** Words that compare with the reply, or reject it. */
const pointing =
  /\b(?:other|others|another|wrong|opposite|different|incorrect|not (?:that|those|these|this)|andere[rsnm]?|falsch\w*|autres?|mauvais\w*|otr[oa]s?|equivocad\w+|altr[oaie]|sbagliat\w+)\b/iu;
/** What a wording may never leave out: figures, quotations, code, links, names. */
const factual = /[\d"“”«»`@]|https?:|(?<=[\p{L}\p{N},;:)]\s)\p{Lu}/u;
const wordsOf = (text: string) => text.toLowerCase().match(/\p{L}{4,}/gu) ?? [];

/** Whether a remark holds no fact and compares with a reply that no later prompt shows. */
export function isPointer({ topic, scope, text }: Constraint): boolean {
  if (topic !== "note" || scope !== "turn" || factual.test(text)) return false;
  return text.split(/\s+/u).length <= wordsMax && pointing.test(text);
}

/**
 * Whether the phrases that a reading inserts replace a remark or an instruction: it holds no fact and forbids nothing, and
 * it only points, or shares at least half of its longer words with them.
 */
export function isAbsorbed(remark: Constraint, phrases: readonly string[]): boolean {
  if (isPointer(remark)) return true;
  const { scope, text, negated } = remark;
  if (scope !== "turn" || negated || factual.test(text)) return false;
  if (text.split(/\s+/u).length > wordsMax) return false;
  const own = wordsOf(text);
  const said = new Set(phrases.flatMap(wordsOf));
  return own.length > 0 && 2 * own.filter((word) => said.has(word)).length >= own.length;
}
