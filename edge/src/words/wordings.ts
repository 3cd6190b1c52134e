/**
 * What a wording says differently from the request, stretch by stretch. It knows no language: common words are aligned,
 * and the text between them is the other way of saying it.
 */
import { nameOf, type Stretch, stretchesOf, type Token, tokensOf } from "./stretches.ts";

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
const alignedMax = 200;
const phraseCharsMax = 400;
const wholeCharsMax = 4_000;

/** A request and a wording of it, each with its tokens. */
interface Pair {
  request: string;
  wording: string;
  a: readonly Token[];
  b: readonly Token[];
}

/** For each wording, the request's stretches that it says differently; none if it says the same. */
export function sayingsOf(request: string, wordings: readonly string[]): Saying[][] {
  const a = tokensOf(request);
  const stretches = stretchesOf(a);
  const own = wholeName(request);
  const found = new Map<string, Saying[]>();
  return wordings.map((wording) => {
    const known = found.get(wording) ?? differences(wording);
    found.set(wording, known);
    return known;
  });

  function differences(wording: string): Saying[] {
    if (wholeName(wording) === own) return [];
    const pair = { request, wording, a, b: tokensOf(wording) };
    for (const ends of commonEnds(a, pair.b)) {
      const matches = align(a, pair.b, ends);
      const sayings = matches === null ? null : stretchwise(pair, stretches, matches);
      if (sayings !== null) return sayings;
    }
    // A free rewriting is kept for the very same request.
    const isShort = request.length <= wholeCharsMax && wording.length <= 2 * wholeCharsMax;
    return isShort ? [{ said: own, place: "whole", follows: "", phrase: wording.trim() }] : [];
  }
}

export function wholeName(request: string): string {
  return request.replace(/\s+/gu, " ").trim().toLowerCase();
}

/** Null if the wording is not the request with some stretches said differently. */
function stretchwise(
  { request, wording, a, b }: Pair,
  stretches: readonly Stretch[],
  matches: readonly number[],
): Saying[] | null {
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
  const isWording = wholeName(rebuilt + request.slice(at)) === wholeName(wording);
  return isShort && isWording ? sayings : null;
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

/** Tokens that two texts share at their beginning and at their end. */
interface Ends {
  head: number;
  tail: number;
}

/**
 * The common beginning and end. They overlap where an insertion repeats a neighbouring word: then either gives way in
 * turn, because only one of the two alignments may keep the stretches whole.
 */
function commonEnds(a: readonly Token[], b: readonly Token[]): Ends[] {
  const isSame = (i: number, j: number) => a[i]!.norm === b[j]!.norm;
  const common = Math.min(a.length, b.length);
  let head = 0;
  while (head < common && isSame(head, head)) head++;
  let tail = 0;
  while (tail < common && isSame(a.length - 1 - tail, b.length - 1 - tail)) tail++;
  if (head + tail <= common) return [{ head, tail }];
  return [
    { head: common - tail, tail },
    { head, tail: common - head },
  ];
}

/**
 * For each token of `a` its place in `b`, or −1: the longest common subsequence. Null if too many tokens lie between the
 * common beginning and end.
 */
function align(a: readonly Token[], b: readonly Token[], { head, tail }: Ends): number[] | null {
  const n = a.length - head - tail;
  const m = b.length - head - tail;
  if (n > alignedMax || m > alignedMax) return null;
  // Numbers compare quicker than strings.
  const numbers = new Map<string, number>();
  const numberOf = ({ norm }: Token) => {
    const known = numbers.get(norm) ?? numbers.size;
    numbers.set(norm, known);
    return known;
  };
  const inA = Int32Array.from(a.slice(head, head + n), numberOf);
  const inB = Int32Array.from(b.slice(head, head + m), numberOf);
  const width = m + 1;
  /** Length of the longest common subsequence of `a` from i on and `b` from j on. */
  const longest = new Uint16Array((n + 1) * width);
  for (let i = n - 1; i >= 0; i--) {
    for (let at = i * width + m - 1, j = m - 1; j >= 0; j--, at--) {
      const down = longest[at + width]!;
      const right = longest[at + 1]!;
      longest[at] = inA[i] === inB[j] ? longest[at + width + 1]! + 1 : Math.max(down, right);
    }
  }
  const matches = a.map((_, i) => (i < head ? i : i < head + n ? -1 : i - a.length + b.length));
  for (let i = 0, j = 0; i < n && j < m; ) {
    if (inA[i] === inB[j]) matches[head + i++] = head + j++;
    else if (longest[(i + 1) * width + j]! >= longest[i * width + j + 1]!) i++;
    else j++;
  }
  return matches;
}
