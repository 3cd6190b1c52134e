/**
 * Cuts a request into stretches: words between marks, connectives and runs of data. It does not know a request's
 * meaning: a stretch is a part that can be reworded by itself and can occur again in a later request.
 */

import { blankLiterals } from "./literals.ts";

export interface Token {
  /** Without the marks around it. */
  text: string;
  /** Lower case, for comparing. */
  norm: string;
  start: number;
  end: number;
  /** A mark or line break separates it from the next token; a mark that no list has between items `ends` it. */
  closes: boolean;
  ends: boolean;
}

/** Tokens [from, to) of a text, without a boundary inside. */
export interface Stretch {
  from: number;
  to: number;
}

/** Words that only connect parts of a request, in the languages that the words axis reads. */
const connectives = new Set(
  "and then next also please finally afterwards und dann danach bitte et puis ensuite y luego después e poi dopo".split(
    " ",
  ),
);

const endingMark = /[:;.!?]/u;
const marks = /^[\p{P}\p{S}]+|(?<![\p{P}\p{S}])[\p{P}\p{S}]+$/gu;

/** The words of a text, without those in quotations and code. */
export function tokensOf(written: string): Token[] {
  const text = blankLiterals(written);
  const tokens: Token[] = [];
  // Words come again, and marks take longest to find.
  const bares = new Map<string, string>();
  for (const { 0: word, index } of text.matchAll(/\S+/gu)) {
    const bare = bares.get(word) ?? word.replace(marks, "");
    bares.set(word, bare);
    // Marks alone belong to the token before them.
    const last = tokens.at(-1);
    if (bare === "") {
      if (last !== undefined) close(last, word);
      continue;
    }
    const at = word.indexOf(bare);
    const isNewLine = last !== undefined && text.slice(last.end, index).includes("\n");
    if (last !== undefined && (at > 0 || isNewLine)) close(last, isNewLine ? "." : "");
    tokens.push({
      text: bare,
      norm: bare.toLowerCase(),
      start: index + at,
      end: index + at + bare.length,
      closes: at + bare.length < word.length,
      ends: endingMark.test(word.slice(at + bare.length)),
    });
  }
  return tokens;
}

function close(token: Token, mark: string): void {
  token.closes = true;
  token.ends ||= endingMark.test(mark);
}

export function stretchesOf(tokens: readonly Token[]): Stretch[] {
  const stretches: Stretch[] = [];
  const isListed = listed(tokens);
  let from = 0;
  const close = (to: number) => {
    if (to > from) stretches.push({ from, to });
  };
  for (const [index, token] of tokens.entries()) {
    if (isListed[index] || connectives.has(token.norm)) {
      close(index);
      from = index + 1;
    } else if (token.closes) {
      close(index + 1);
      from = index + 1;
    }
  }
  close(tokens.length);
  return stretches;
}

/** For each token whether it belongs to a list. A list is two or more figures or single characters in a row. */
function listed(tokens: readonly Token[]): boolean[] {
  const isItem = tokens.map(({ text }) => text.length === 1 || /\d/u.test(text));
  const isNext = tokens.map(({ ends }, at) => isItem[at] && isItem[at + 1] && !ends);
  return tokens.map((_, at) => Boolean(isNext[at] || isNext[at - 1]));
}

/** How a stretch is stored and compared. */
export function nameOf(tokens: readonly Token[], { from, to }: Stretch): string {
  if (to === from + 1) return tokens[from]!.norm;
  return tokens
    .slice(from, to)
    .map(({ norm }) => norm)
    .join(" ");
}
