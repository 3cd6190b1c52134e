/**
 * What a wording says differently from the request, stretch by stretch. It knows no language: common words are aligned,
 * and the text between them is the other way of saying it.
 */
import { blankLiterals } from "./literals.ts";
import { nameOf, stretchesOf, type Token, tokensOf } from "./stretches.ts";

/** One stretch of a request, said differently. */
export interface Saying {
  /** The stretch as it was said, in lower case. */
  said: string;
  /** `instead` stands in its place, `after` follows it after a comma, `whole` stands for the whole request. */
  place: "instead" | "after" | "whole";
  /** What follows the stretch in the request if the saying comes after it: one mark, or nothing at the end. */
  follows: string;
  phrase: string;
}

/** Tokens that are aligned at most, between the common beginning and end. */
const alignedMax = 400;
const phraseCharsMax = 400;
const wholeCharsMax = 4_000;

/** A request and a wording of it, each with its tokens. */
interface Pair {
  request: string;
  wording: string;
  a: readonly Token[];
  b: readonly Token[];
}

/** The request's stretches that a wording says differently; none if it says the same. */
export function sayingsOf(request: string, wording: string): Saying[] {
  if (sameText(request, wording)) return [];
  const [a, b] = [tokensOf(blankLiterals(request)), tokensOf(blankLiterals(wording))];
  // An insertion may repeat a neighbouring word; then only one of the two alignments keeps the stretches whole.
  for (const first of ["tail", "head"] as const) {
    const sayings = stretchwise({ request, wording, a, b }, align(a, b, first));
    if (sayings !== null) return sayings;
  }
  // A free rewriting is kept for the very same request.
  const isShort = request.length <= wholeCharsMax && wording.length <= 2 * wholeCharsMax;
  return isShort
    ? [{ said: wholeName(request), place: "whole", follows: "", phrase: wording.trim() }]
    : [];
}

export function wholeName(request: string): string {
  return request.replace(/\s+/gu, " ").trim().toLowerCase();
}

/** Null if the wording is not the request with some stretches said differently. */
function stretchwise(
  { request, wording, a, b }: Pair,
  matches: readonly number[] | null,
): Saying[] | null {
  if (matches === null) return null;
  const stretches = stretchesOf(a);
  const isInside = a.map(() => false);
  for (const { from, to } of stretches) isInside.fill(true, from, to);
  // The text between the stretches must be the same in both.
  if (a.some((_, i) => !isInside[i] && matches[i] === -1)) return null;
  const sayings: Saying[] = [];
  let rebuilt = "";
  let at = 0;
  for (const { from, to } of stretches) {
    const before = from === 0 ? -1 : matches[from - 1]!;
    // Text added between two stretches belongs to the first.
    const start = isInside[from - 1] ? matches[from]! : before + 1;
    const end = to === a.length ? b.length : matches[to]!;
    if ((from > 0 && before === -1) || start === -1 || end <= start) return null;
    const split = commaAfter(wording, b, Math.max(...matches.slice(from, to)), start, end);
    const textOf = (i: number, j: number) => wording.slice(b[i]!.start, b[j - 1]!.end);
    const said = nameOf(a, { from, to });
    const own = request.slice(a[from]!.start, a[to - 1]!.end);
    const head = textOf(start, split);
    const isSame = head.toLowerCase() === said;
    const phrase = isSame ? own : uncapital(own, head);
    rebuilt += request.slice(at, a[from]!.start) + phrase;
    at = a[to - 1]!.end;
    if (!isSame) sayings.push({ said, place: "instead", follows: "", phrase });
    if (split === end) continue;
    const added = textOf(split, end);
    const follows = /^[^\s\p{L}\p{N}]/u.exec(request.slice(at))?.[0] ?? "";
    sayings.push({ said, place: "after", follows, phrase: added });
    rebuilt += `, ${added}`;
  }
  const isShort = sayings.every(({ phrase }) => phrase.length <= phraseCharsMax);
  return isShort && sameText(rebuilt + request.slice(at), wording) ? sayings : null;
}

/** The token in [start, end) of a wording that follows the first comma after token `last`; `end` if there is none. */
function commaAfter(
  wording: string,
  b: readonly Token[],
  last: number,
  start: number,
  end: number,
): number {
  for (let i = Math.max(last, start); last >= 0 && i < end - 1; i++) {
    if (/^[^\p{L}\p{N}]*,/u.test(wording.slice(b[i]!.end, b[i + 1]!.start))) return i + 1;
  }
  return end;
}

/** With a small letter, if the request's own words had a capital only as a sentence's beginning. */
function uncapital(own: string, phrase: string): string {
  const isCapital = /^\p{Lu}\p{Ll}/u.test(own) && /^\p{Lu}/u.test(phrase);
  return isCapital ? phrase.charAt(0).toLowerCase() + phrase.slice(1) : phrase;
}

/** For each token of `a` its place in `b`, or −1: the longest common subsequence. */
function align(a: readonly Token[], b: readonly Token[], first: "head" | "tail"): number[] | null {
  const matches = new Array<number>(a.length).fill(-1);
  const common = Math.min(a.length, b.length);
  let head = 0;
  let tail = 0;
  const matchHead = () => {
    while (head < common - tail && a[head]!.norm === b[head]!.norm) {
      matches[head] = head;
      head++;
    }
  };
  const matchTail = () => {
    while (tail < common - head && a.at(-1 - tail)!.norm === b.at(-1 - tail)!.norm) {
      tail++;
      matches[a.length - tail] = b.length - tail;
    }
  };
  if (first === "head") matchHead();
  matchTail();
  matchHead();
  const n = a.length - head - tail;
  const m = b.length - head - tail;
  if (n > alignedMax || m > alignedMax) return null;
  const longest = Array.from({ length: n + 1 }, () => new Uint16Array(m + 1));
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      longest[i]![j] =
        a[head + i]!.norm === b[head + j]!.norm
          ? longest[i + 1]![j + 1]! + 1
          : Math.max(longest[i + 1]![j]!, longest[i]![j + 1]!);
    }
  }
  for (let i = 0, j = 0; i < n && j < m; ) {
    if (a[head + i]!.norm === b[head + j]!.norm) matches[head + i++] = head + j++;
    else if (longest[i + 1]![j]! >= longest[i]![j + 1]!) i++;
    else j++;
  }
  return matches;
}

function sameText(a: string, b: string): boolean {
  return wholeName(a) === wholeName(b);
}
