/** The three kinds of items that lists are made of, their order and what is marked among them. Knows nothing of operations or wording. */
import { pick, type Random, randomInt, shuffled } from "@rosa2/shared/random";

export type Kind = "digits" | "letters" | "words";

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
};

const ranks: Record<Kind, Map<string, number>> = {
  digits: rankItems("digits"),
  letters: rankItems("letters"),
  words: rankItems("words"),
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

/**
 * A random list. Vowels and repeats would be rare in plain uniform draws, so that filters and
 * duplicate removal would have nothing to do: a share of both is forced.
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
    kind === "letters" && random() < 0.25 ? pick(random, vowels) : pick(random, items),
  );
  if (random() < repeatShare) {
    const [from, to] = shuffled(random, [...list.keys()]);
    list[to!] = list[from!]!;
    if (length > 4 && random() < 0.3) list[randomInt(random, 0, length)] = list[from!]!;
  }
  return list;
}

function rankItems(kind: Kind): Map<string, number> {
  return new Map(kinds[kind].items.map((item, rank) => [item, rank]));
}
