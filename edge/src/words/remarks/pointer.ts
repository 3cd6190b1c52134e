/** Short remarks that say no fact of their own: they point at what was misread, and the reading that answers them says it. */
import type { Constraint } from "../types.ts";

const wordsMax = 6;
/** Words that compare with the reply, or turn it down. */
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
 * Whether a remark is said by the phrases that a reading puts into the request: it holds no fact, and it only points, or
 * half of its own longer words at least are among theirs.
 */
export function isAbsorbed(remark: Constraint, phrases: readonly string[]): boolean {
  if (isPointer(remark)) return true;
  const { topic, scope, text } = remark;
  if (topic !== "note" || scope !== "turn" || factual.test(text)) return false;
  if (text.split(/\s+/u).length > wordsMax) return false;
  const own = wordsOf(text);
  const said = new Set(phrases.flatMap(wordsOf));
  return own.length > 0 && 2 * own.filter((word) => said.has(word)).length >= own.length;
}
