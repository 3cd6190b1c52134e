/** Finds the parts of a text that are quoted or code: no rule may read them as instructions, or change them. */

/** Fenced and inline code, then quotations; a quotation ends on its own line and begins at a word's edge. */
const literal =
  /```[\s\S]*?(?:```|$)|`[^`\n]{1,500}`|"[^"\n]{0,500}"|“[^“”\n]{0,500}”|«[^«»\n]{0,500}»|(?<![\p{L}\p{N}])'[^'\n]{0,500}'(?![\p{L}\p{N}])/gu;

/** The same text with quotations and code blanked out, offsets unchanged. */
export function blankLiterals(text: string): string {
  return text.replace(literal, (match) => " ".repeat(match.length));
}
