/** A remark that only gives another number for one in the request: "I want 5 names" on "Give me 3 names". */
import { asks, type Draft } from "./plain.ts";

const number =
  "\\d{1,6}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty";
const opening =
  "(?:no,? |sorry,? |actually,? |please,? )*(?:(?:i (?:want|need|wanted|meant|said)|give me|make it|make that|use|list|only|just|exactly) )*";
/** "I want 5 names", "only 2 bullets please", "make it 5". */
const restated = new RegExp(
  `^${opening}(${number})(?: ([\\p{L}-]{2,24}))?(?:,? (?:please|instead|now|only))*$`,
  "iu",
);
/** "5, not 3", "5 instead of 3", "5 names, not 3". */
const contrasted = new RegExp(
  `^${opening}(${number})(?: ([\\p{L}-]{2,24}))?,? (?:not|instead of|rather than) (${number})(?: [\\p{L}-]{2,24})?$`,
  "iu",
);

/**
 * The change of the request's number in a short remark; null if the remark is more than that, or the request has no
 * single place for it.
 */
export function restatedNumber(remark: string, request: string): Draft | null {
  const match = contrasted.exec(remark) ?? restated.exec(remark);
  const [, to = "", noun, old] = match ?? [];
  if (match === null || (noun === undefined && old === undefined && !/^\d+$/u.test(to)))
    return null;
  const places = [
    ...request.matchAll(
      new RegExp(`(?<![\\p{L}\\p{N}.,])(?:${number})(?![\\p{L}\\p{N}]|[.,]\\d)`, "giu"),
    ),
  ]
    .filter(({ 0: said }) => old === undefined || said.toLowerCase() === old.toLowerCase())
    .filter(
      ({ 0: said, index }) =>
        noun === undefined || sameNoun(request.slice(index + said.length), noun),
    );
  const [place] = places;
  if (places.length !== 1 || place === undefined || place[0].toLowerCase() === to.toLowerCase())
    return null;
  const after = /^ [\p{L}-]+/u.exec(request.slice(place.index + place[0].length))?.[0] ?? "";
  const from = place[0] + after;
  return {
    ...asks(`number:${from.toLowerCase()}`, to, remark),
    replaces: { from, to: to + after },
  };
}

function sameNoun(after: string, noun: string): boolean {
  const next = /^ ([\p{L}-]+)/u.exec(after)?.[1] ?? "";
  return stem(next) === stem(noun);
}

function stem(noun: string): string {
  return noun.toLowerCase().replace(/(?:es|s)$/u, "");
}
