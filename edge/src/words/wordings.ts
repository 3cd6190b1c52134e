/**
 * What a wording says differently from the request, stretch by stretch. It knows no language: common words are aligned,
 * and the text between them is the other way of saying it.
 */
import { blankLiterals } from "./literals.ts";
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
const alignedMax = 400;
const phraseCharsMax = 400;
const wholeCharsMax = 4_000;

/** The request's stretches that a wording says differently; none if it says the same. */
export function sayingsOf(request: string, wording: string): Saying[] {
  if (sameText(request, wording)) return [];
  return stretchwise(request, wording) ?? whole(request, wording);
}

/** A free rewriting: kept for the very same request. */
function whole(request: string, wording: string): Saying[] {
  const isShort = request.length <= wholeCharsMax && wording.length <= 2 * wholeCharsMax;
  return isShort
    ? [{ said: wholeName(request), place: "whole", follows: "", phrase: wording.trim() }]
    : [];
}

export function wholeName(request: string): string {
  return request.replace(/\s+/gu, " ").trim().toLowerCase();
}

/** Null if the wording is not the request with some stretches said differently. */
function stretchwise(request: string, wording: string): Saying[] | null {
  const a = tokensOf(blankLiterals(request));
  const b = tokensOf(blankLiterals(wording));
  // An insertion may repeat a neighbouring word; then only one of the two alignments keeps the stretches whole.
  return (
    alignedSayings(request, wording, a, b, align(a, b, "tail")) ??
    alignedSayings(request, wording, a, b, align(a, b, "head"))
  );
}

function alignedSayings(
  request: string,
  wording: string,
  a: readonly Token[],
  b: readonly Token[],
  matches: readonly number[] | null,
): Saying[] | null {
  if (matches === null) return null;
  const stretches = stretchesOf(a);
  const stretchAt = new Map<number, Stretch>();
  for (const one of stretches) for (let i = one.from; i < one.to; i++) stretchAt.set(i, one);
  // The text between the stretches must be the same in both.
  for (const i of a.keys()) if (!stretchAt.has(i) && matches[i] === -1) return null;
  const sayings: Saying[] = [];
  let rebuilt = "";
  let at = 0;
  for (const stretch of stretches) {
    const range = rangeOf(stretch, matches, stretchAt, b.length);
    if (range === null) return null;
    const found = readStretch(request, a, stretch, wording, b, range, matches);
    if (found === null) return null;
    sayings.push(...found);
    rebuilt += request.slice(at, a[stretch.from]!.start) + rebuild(request, a, stretch, found);
    at = a[stretch.to - 1]!.end;
  }
  rebuilt += request.slice(at);
  return sameText(rebuilt, wording) ? sayings : null;
}

/** Tokens [from, to) of the wording that stand for a stretch. */
function rangeOf(
  { from, to }: Stretch,
  matches: readonly number[],
  stretchAt: ReadonlyMap<number, Stretch>,
  length: number,
): { from: number; to: number } | null {
  const before = from === 0 ? -1 : matches[from - 1]!;
  const after = to === matches.length ? length : matches[to]!;
  if (after === -1 || (from > 0 && before === -1)) return null;
  // Text added between two stretches belongs to the first.
  const first = from > 0 && stretchAt.has(from - 1) ? matches[from]! : before + 1;
  return first === -1 || first > after ? null : { from: first, to: after };
}

function readStretch(
  request: string,
  a: readonly Token[],
  stretch: Stretch,
  wording: string,
  b: readonly Token[],
  range: { from: number; to: number },
  matches: readonly number[],
): Saying[] | null {
  if (range.to === range.from) return null;
  const lastMatch = Math.max(...matches.slice(stretch.from, stretch.to));
  let split = range.to;
  for (let i = Math.max(lastMatch, range.from); i < range.to - 1 && lastMatch >= 0; i++) {
    if (!/^[^\p{L}\p{N}]*,/u.test(wording.slice(b[i]!.end, b[i + 1]!.start))) continue;
    split = i + 1;
    break;
  }
  const said = nameOf(a, stretch);
  const textOf = (from: number, to: number) => wording.slice(b[from]!.start, b[to - 1]!.end);
  const head = textOf(range.from, split);
  const sayings: Saying[] = [];
  if (head.toLowerCase() !== said) {
    sayings.push({
      said,
      place: "instead",
      follows: "",
      phrase: uncapital(request, a, stretch, head),
    });
  }
  if (split < range.to) {
    const last = a[stretch.to - 1]!;
    const follows = /^[^\s\p{L}\p{N}]/u.exec(request.slice(last.end))?.[0] ?? "";
    sayings.push({ said, place: "after", follows, phrase: textOf(split, range.to) });
  }
  return sayings.some(({ phrase }) => phrase.length > phraseCharsMax) ? null : sayings;
}

/** With a small letter, if it had a capital only as the beginning of the request. */
function uncapital(
  request: string,
  a: readonly Token[],
  { from }: Stretch,
  phrase: string,
): string {
  const isCapital = /^\p{Lu}\p{Ll}/u.test(request.slice(a[from]!.start)) && /^\p{Lu}/u.test(phrase);
  return isCapital ? phrase.charAt(0).toLowerCase() + phrase.slice(1) : phrase;
}

function rebuild(
  request: string,
  a: readonly Token[],
  { from, to }: Stretch,
  sayings: readonly Saying[],
): string {
  const instead = sayings.find(({ place }) => place === "instead");
  const after = sayings.find(({ place }) => place === "after");
  const head = instead?.phrase ?? request.slice(a[from]!.start, a[to - 1]!.end);
  return after === undefined ? head : `${head}, ${after.phrase}`;
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
