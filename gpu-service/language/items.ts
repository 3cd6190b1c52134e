/** The kinds of items in lists: their order, and which items are marked. Knows nothing of operations or wording. */
import { pick, type Random, randomInt, shuffled } from "@rosa2/shared/random";

export type Kind = "digits" | "letters" | "words" | "numbers" | "nouns";

/** The kinds of the evaluation's lists; the others are met in everyday requests only. */
export const listKinds = ["digits", "letters", "words"] as const satisfies readonly Kind[];

interface KindOfItem {
  /** One item as requests call it: "each digit". */
  noun: string;
  /** Every item, in rising order. */
  items: readonly string[];
  /** The items a filter picks: even digits, vowels, words of at most four letters. */
  marked: ReadonlySet<string>;
  /** What requests call the marked items; the first is the canonical one. */
  markedNames: readonly [string, ...string[]];
}

const digits = [..."0123456789"];
const letters = [..."abcdefghijklmnopqrstuvwxyz"];
const words = (
  "ant apple bear boat bread cake cat chair cloud dog fish grape hat horse house " +
  "key lamp lemon moon mouse nut ocean piano river rose stone sun table tree zebra"
).split(" ");

const numbers = Array.from({ length: 1000 }, (_, number) => String(number));
/** Words that people list, the thirty above among them. */
const nouns = [
  ...new Set(
    words.concat(
      (
        "banana cherry mango peach pear plum kiwi orange lime melon berry fig date olive onion potato tomato carrot " +
        "pea corn rice milk tea coffee juice water wine beer salt sugar honey butter cheese egg soup meat pizza " +
        "red green blue yellow pink purple black white brown gray gold silver cow pig sheep goat duck hen goose " +
        "lion tiger wolf fox deer rabbit snake frog bee fly spider whale shark eagle owl crow monkey camel " +
        "alice bob carol david emma frank george helen ivan julia kate leo mary nina oscar paul rosa sara tom " +
        "monday tuesday wednesday thursday friday saturday sunday spring summer autumn winter paris london berlin " +
        "rome madrid tokyo car bus train plane bike ship door window bed lamp desk pen paper phone clock shoe shirt " +
        "coat ball game song dance queen king prince doctor teacher farmer baker north south east west hill lake " +
        "forest garden island beach snow rain wind storm fire earth gate bridge road city town school church " +
        "zoo yard wall tower violin guitar drum flute"
      ).split(" "),
    ),
  ),
].sort();

export const kinds: Record<Kind, KindOfItem> = {
  digits: {
    noun: "digit",
    items: digits,
    marked: new Set(digits.filter((digit) => Number(digit) % 2 === 0)),
    markedNames: ["even ones", "even digits", "even numbers"],
  },
  letters: {
    noun: "letter",
    items: letters,
    marked: new Set("aeiou"),
    markedNames: ["vowels"],
  },
  words: {
    noun: "word",
    items: words,
    marked: new Set(words.filter((word) => word.length <= 4)),
    markedNames: ["short ones", "short words"],
  },
  numbers: {
    noun: "number",
    items: numbers,
    marked: new Set(numbers.filter((number) => Number(number) % 2 === 0)),
    markedNames: ["even ones", "even numbers"],
  },
  nouns: {
    noun: "word",
    items: nouns,
    marked: new Set(nouns.filter((word) => word.length <= 4)),
    markedNames: ["short ones", "short words"],
  },
};

const ranks: Record<Kind, Map<string, number>> = {
  digits: rankItems("digits"),
  letters: rankItems("letters"),
  words: rankItems("words"),
  numbers: rankItems("numbers"),
  nouns: rankItems("nouns"),
};

/** Position of an item in its kind's rising order, from 0. */
export function rankOf(kind: Kind, item: string): number {
  const rank = ranks[kind].get(item);
  if (rank === undefined) throw new Error(`Cannot rank "${item}" among ${kind}`);
  return rank;
}

/** Mostly 4 to 6 items, now and then 3 or 7. */
export function drawLength(random: Random): number {
  const u = random();
  if (u < 0.05) return 3;
  if (u < 0.35) return 4;
  if (u < 0.67) return 5;
  return u < 0.95 ? 6 : 7;
}

const wideLengths = [2, 3, 3, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 7, 7, 8, 8, 9, 9, 10, 11, 12];

/** 2 to 12 items, mostly 3 to 7. */
export function drawWideLength(random: Random): number {
  return pick(random, wideLengths);
}

/**
 * A random list. In plain uniform draws vowels and repeats would be rare, and filters and duplicate removal would have
 * nothing to do. So a share of lists is forced to have them.
 */
export function drawItems(
  random: Random,
  kind: Kind,
  length: number,
  repeatShare: number,
): string[] {
  const { items, marked } = kinds[kind];
  const vowels = [...marked];
  const list = Array.from({ length }, () =>
    kind === "letters" && random() < 0.25
      ? pick(random, vowels)
      : kind === "numbers"
        ? drawNumber(random)
        : pick(random, items),
  );
  if (random() < repeatShare) {
    const [from, to] = shuffled(random, [...list.keys()]);
    list[to!] = list[from!]!;
    if (length > 4 && random() < 0.3) list[randomInt(random, 0, length)] = list[from!]!;
  }
  return list;
}

/** Mostly below 100; some of one digit, some of three. */
function drawNumber(random: Random): string {
  const u = random();
  return String(randomInt(random, u < 0.76 ? 10 : 0, u < 0.16 ? 30 : u < 0.86 ? 100 : 1000));
}

function rankItems(kind: Kind): Map<string, number> {
  return new Map(kinds[kind].items.map((item, rank) => [item, rank]));
}
