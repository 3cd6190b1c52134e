/**
 * The tokens that a tokenizer adds to its model's vocabulary: where they stand in a text, and who may write them. It
 * knows no ids of ordinary text.
 */
import { z } from "zod";
import { trimEnd, trimStart } from "./library-fixes.ts";
import { matchAny } from "./match-any.ts";

/** An entry of `added_tokens` in tokenizer.json. */
export const addedTokenSchema = z.looseObject({
  id: z.number().int().min(0),
  content: z.string().min(1),
  special: z.boolean().default(false),
  /** Takes the white space before it, or after it. */
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  /** Counts only if no word continues before or after it. */
  single_word: z.boolean().default(false),
  /** Searched for in normalised text. */
  normalized: z.boolean().default(false),
});
export type AddedToken = z.infer<typeof addedTokenSchema>;

/** Plain text, and tokens between. */
export type Section = { text: string; token: null } | { text: ""; token: AddedToken };

export class TokenMatcher {
  readonly #tokens: ReadonlyMap<string, AddedToken>;
  readonly #pattern: RegExp | null;

  /** Tokens by their text; if several match at one place, the longest counts. */
  constructor(tokens: ReadonlyMap<string, AddedToken>) {
    this.#tokens = tokens;
    this.#pattern = matchAny([...tokens.keys()]);
  }

  /** Divides the text at its tokens; empty parts are left out. */
  divide(text: string): Section[] {
    if (this.#pattern === null) return text === "" ? [] : [{ text, token: null }];
    const sections: Section[] = [];
    let end = 0;
    const addText = (from: number, to: number, before?: AddedToken, after?: AddedToken) => {
      let plain = text.slice(from, to);
      if (before?.rstrip) plain = trimStart(plain);
      if (after?.lstrip) plain = trimEnd(plain);
      if (plain !== "") sections.push({ text: plain, token: null });
    };
    let last: AddedToken | undefined;
    for (const { 0: found, index } of text.matchAll(this.#pattern)) {
      const token = this.#tokens.get(found)!;
      const after = index + found.length;
      if (token.single_word && (isWord(before(text, index)) || isWord(text.codePointAt(after))))
        continue;
      addText(end, index, last, token);
      sections.push({ text: "", token });
      last = token;
      end = after;
    }
    addText(end, text.length, last);
    return sections;
  }
}

const word = /[\p{L}\p{N}\p{M}\p{Pc}]/u;

function isWord(code: number | undefined): boolean {
  return code !== undefined && word.test(String.fromCodePoint(code));
}

/** The code point that ends at an index. */
function before(text: string, index: number): number | undefined {
  const pair = text.codePointAt(index - 2);
  return pair !== undefined && pair > 0xffff ? pair : text.codePointAt(index - 1);
}

/** Elements of HTML, which some vocabularies (Gemma's) hold as tokens of ordinary text. */
const html =
  /^<\/?(?:a|b|blockquote|br|caption|code|div|em|h[1-6]|hr|i|img|li|ol|p|pre|s|small|span|strong|sub|sup|table|tbody|td|tfoot|th|thead|tr|u|ul)>$/;

/**
 * Markup that may open or close something in a conversation: names in angle or square brackets except HTML's, and
 * everything the template writes itself.
 */
export function isMarkup(content: string, template: string): boolean {
  if (template.includes(content) && /[^\p{L}\p{N}\s]/u.test(content)) return true;
  return /^(<.*>|\[.*\])$/su.test(content) && !html.test(content);
}
