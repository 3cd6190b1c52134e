/**
 * Requests as people type them to try the model: "sort 5 3 9 1", "reverse the word hello". Each has one usual meaning;
 * knows nothing of readings, wordings or sessions.
 */
import { pick, type Random, randomInt } from "@rosa2/shared/random";
import type { Exchange } from "./base-skills.ts";
import { drawItems, drawWideLength, type Kind, kinds } from "./items.ts";
import { applyOperation, type Family } from "./operations.ts";

interface Ask {
  /** `{L}` is the list, `{n}` a numeral, `{noun}` what an item is called. */
  forms: readonly string[];
  /** Kinds it makes sense for; all of them unless said. */
  kinds?: readonly Kind[];
  answer: (items: readonly string[], kind: Kind, n: number) => readonly string[];
}

const everyKind: readonly Kind[] = ["digits", "letters", "words", "numbers", "nouns"];
const numeric: readonly Kind[] = ["digits", "numbers"];
const textual: readonly Kind[] = ["letters", "words", "nouns"];
const numerals = ["none", "one", "two", "three"];
const separators = [" ", " ", " ", " ", ", ", ", ", ",", " and "];

const by =
  (family: Family, reading: string) =>
  (items: readonly string[], kind: Kind, n: number): string[] =>
    applyOperation({ family, count: n }, reading, items, kind);

const asks: Record<string, Ask> = {
  sort: {
    forms: [
      "sort {L}",
      "sort {L}",
      "sort: {L}",
      "Sort {L}",
      "Sort {L}.",
      "sort them: {L}",
      "Sort them: {L}",
      "sort these {noun}s: {L}",
      "sort the {noun}s {L}",
      "sort the list {L}",
      "sort this list: {L}",
      "Sort the following {noun}s: {L}",
      "please sort {L}",
      "Please sort these: {L}",
      "can you sort {L}?",
      "Can you sort these {noun}s for me: {L}",
      "put {L} in order",
      "put these in order: {L}",
      "Put these {noun}s in order: {L}",
      "order {L}",
      "arrange {L} in order",
      "sort {L} please",
      "{L} sorted",
      "sort in ascending order: {L}",
      "sort {L} in ascending order",
      "I want {L} sorted",
    ],
    answer: by("sort", "up"),
  },
  sortNumbersUp: {
    forms: [
      "sort {L} from smallest to largest",
      "sort {L} smallest first",
      "arrange {L} from low to high",
      "put {L} in increasing order",
    ],
    kinds: numeric,
    answer: by("sort", "up"),
  },
  alphabetical: {
    forms: [
      "put {L} in alphabetical order",
      "alphabetical order: {L}",
      "sort alphabetically: {L}",
      "Sort {L} alphabetically",
      "alphabetize {L}",
      "Sort these from a to z: {L}",
    ],
    kinds: textual,
    answer: by("sort", "up"),
  },
  sortDown: {
    forms: [
      "sort {L} descending",
      "sort {L} in descending order",
      "Sort these in descending order: {L}",
      "sort {L} from largest to smallest",
      "sort {L} from high to low",
      "sort descending: {L}",
      "largest first: {L}",
    ],
    kinds: numeric,
    answer: by("sort", "down"),
  },
  reverseAlphabetical: {
    forms: [
      "sort {L} from z to a",
      "Sort these from z to a: {L}",
      "reverse alphabetical order: {L}",
    ],
    kinds: textual,
    answer: by("sort", "down"),
  },
  reverse: {
    forms: [
      "reverse {L}",
      "reverse {L}",
      "reverse: {L}",
      "Reverse {L}",
      "Reverse them: {L}",
      "reverse the list {L}",
      "Reverse the list: {L}",
      "reverse this list: {L}",
      "reverse the order of {L}",
      "Reverse the order: {L}",
      "can you reverse {L}?",
      "please reverse {L}",
      "{L} backwards",
      "say {L} backwards",
      "{L} in reverse order",
      "write {L} in reverse",
    ],
    answer: by("flip", "order"),
  },
  dedupe: {
    forms: [
      "remove duplicates from {L}",
      "remove the duplicates: {L}",
      "Remove duplicates: {L}",
      "dedupe {L}",
      "unique {noun}s in {L}",
      "Which different {noun}s are in {L}?",
      "delete duplicates from {L}",
    ],
    answer: by("dedupe", "first"),
  },
  largest: {
    forms: [
      "what is the largest of {L}?",
      "largest of {L}",
      "which is the biggest: {L}",
      "What is the biggest number in {L}?",
      "max of {L}",
      "maximum of {L}",
      "find the largest number: {L}",
    ],
    kinds: numeric,
    answer: (items) => [items.reduce((a, b) => (Number(b) > Number(a) ? b : a))],
  },
  smallest: {
    forms: [
      "what is the smallest of {L}?",
      "smallest of {L}",
      "which is the lowest: {L}",
      "What is the smallest number in {L}?",
      "min of {L}",
      "minimum of {L}",
    ],
    kinds: numeric,
    answer: (items) => [items.reduce((a, b) => (Number(b) < Number(a) ? b : a))],
  },
  first: {
    forms: [
      "what is the first {noun} in {L}?",
      "first of {L}",
      "the first {noun}: {L}",
      "Give me the first item of {L}",
    ],
    answer: (items) => items.slice(0, 1),
  },
  last: {
    forms: [
      "what is the last {noun} in {L}?",
      "last of {L}",
      "the last {noun}: {L}",
      "Give me the last item of {L}",
    ],
    answer: (items) => items.slice(-1),
  },
  firstFew: {
    forms: [
      "first {n} of {L}",
      "take the first {n}: {L}",
      "the first {n} {noun}s of {L}",
      "give me the first {n} of {L}",
    ],
    answer: by("take", "first"),
  },
  lastFew: {
    forms: [
      "last {n} of {L}",
      "take the last {n}: {L}",
      "the last {n} {noun}s of {L}",
      "give me the last {n} of {L}",
    ],
    answer: by("take", "last"),
  },
  count: {
    forms: [
      "how many {noun}s are in {L}?",
      "How many {noun}s are there in {L}?",
      "count {L}",
      "how many: {L}",
      "count the {noun}s: {L}",
      "How many items: {L}",
    ],
    answer: (items) => [String(items.length)],
  },
  even: {
    forms: [
      "keep the even numbers: {L}",
      "only the even numbers of {L}",
      "which of {L} are even?",
      "even numbers in {L}",
      "filter even numbers: {L}",
      "remove the odd numbers from {L}",
    ],
    kinds: numeric,
    answer: by("filter", "keep"),
  },
  odd: {
    forms: [
      "keep the odd numbers: {L}",
      "only the odd numbers of {L}",
      "which of {L} are odd?",
      "odd numbers in {L}",
      "remove the even numbers from {L}",
    ],
    kinds: numeric,
    answer: by("filter", "drop"),
  },
  vowels: {
    forms: ["which of {L} are vowels?", "vowels in {L}", "keep the vowels: {L}"],
    kinds: ["letters"],
    answer: by("filter", "keep"),
  },
  twice: {
    forms: [
      "repeat {L} twice",
      "write {L} twice",
      "say {L} two times",
      "repeat the list twice: {L}",
    ],
    answer: by("double", "whole"),
  },
  swap: {
    forms: ["swap the first and last of {L}", "Swap the first and the last {noun}: {L}"],
    answer: by("flip", "ends"),
  },
  brackets: {
    forms: ["put {L} in brackets", "write {L} in brackets", "{L} in brackets"],
    answer: (items) => [`[${items.join(" ")}]`],
  },
};
export const everydayAsks = Object.keys(asks);
/** Weighted by how often people try them. */
const weighted = [
  ...everydayAsks,
  ..."sort sort sort sort sort sort reverse reverse reverse largest smallest alphabetical sortDown".split(
    " ",
  ),
];

/** Of numbers of two and three digits, beside the even share of all kinds. */
const numbersShare = 0.2;

/** One everyday request about a list, and its usual answer. */
export function drawEveryday(random: Random, name: string = pick(random, weighted)): Exchange {
  const { forms, kinds: fitting = everyKind, answer } = asks[name]!;
  const isNumeric = fitting.includes("numbers") && random() < numbersShare;
  const kind = isNumeric ? "numbers" : pick(random, fitting);
  const longest = name === "twice" ? 6 : 12;
  const length = Math.min(longest, drawWideLength(random));
  const items = drawItems(random, kind, length, name === "dedupe" ? 0.85 : 0.3);
  const n = randomInt(random, 2, Math.min(4, length + 1));
  const request = pick(random, forms)
    .replace("{n}", random() < 0.5 ? String(n) : numerals[n]!)
    .replaceAll("{noun}", kind === "digits" ? "number" : kinds[kind].noun);
  const reply = answer(items, kind, n).join(" ");
  return {
    request: request.replace("{L}", items.join(pick(random, separators))),
    reply: reply === "" ? "none" : reply,
  };
}

const consonants = [..."bcdfghjklmnprstvwz"];
const vowels = [..."aeiou"];
/** Words of one token: the model cannot see their letters and must know them by heart. */
const spelled = [
  ...kinds.nouns.items,
  ..."hello world music number letter word good love".split(" "),
];
const reverseForms = [
  "reverse the word {W}",
  "Reverse the word {W}",
  "reverse the word {W}.",
  "spell {W} backwards",
  "Spell the word {W} backwards",
  "write the word {W} backwards",
  "what is {W} backwards?",
];

/** A request to spell a word backwards; mostly a made-up word. */
export function drawBackwards(random: Random): Exchange {
  const word = random() < 0.3 ? pick(random, spelled) : drawSyllables(random);
  return {
    request: pick(random, reverseForms).replace("{W}", word),
    reply: [...word].reverse().join(""),
  };
}

/** A word of alternating consonants and vowels, mostly not an English one: "tamoki". */
export function drawSyllables(random: Random): string {
  const syllables = Array.from(
    { length: randomInt(random, 1, 4) },
    () => pick(random, consonants) + pick(random, vowels),
  );
  const word = syllables.join("") + (random() < 0.6 ? pick(random, consonants) : "");
  return random() < 0.25
    ? pick(random, vowels) + word
    : random() < 0.2
      ? word.replace(/(.)(?=.$)/, "$1$1")
      : word;
}

const sumForms = [
  "{a}+{b}",
  "{a} + {b}",
  "{a} + {b} =",
  "what is {a}+{b}",
  "what is {a} + {b}?",
  "{a} plus {b}",
];
const differenceForms = ["{a}-{b}", "{a} - {b}", "what is {a}-{b}?", "{a} minus {b}"];

/** "2+2". */
export function drawSum(random: Random): Exchange {
  const a = randomInt(random, 0, 13);
  const b = randomInt(random, 0, 13);
  const plus = random() < 0.65;
  const [x, y] = plus ? [a, b] : [Math.max(a, b), Math.min(a, b)];
  return {
    request: pick(random, plus ? sumForms : differenceForms)
      .replace("{a}", String(x))
      .replace("{b}", String(y)),
    reply: String(plus ? x + y : x - y),
  };
}
