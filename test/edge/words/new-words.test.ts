/** Words that the model does not know, whose meaning corrections tell; the model is one that knows every operation. */
import { newWordSense, unknownMeaning } from "@rosa2/shared/lexicon/new-words";
import { pick, randomInt, seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import {
  candidatesToScore,
  emptyWords,
  reviseRequest,
  textualGradient,
} from "../../../edge/src/words/index.ts";
import { findOccurrences } from "../../../edge/src/words/lexicon.ts";
import { readRequest, statedSlots } from "../../../edge/src/words/reading.ts";
import { forgetSense } from "../../../edge/src/words/state.ts";
import type { GradientInput, WordsState } from "../../../edge/src/words/types.ts";
import { type Kind, kinds } from "../../../gpu-service/language/items.ts";
import {
  applyOperation,
  counts,
  families,
  type Operation,
  readingsOf,
} from "../../../gpu-service/language/operations.ts";

interface Meaning {
  operation: Operation;
  reading: string;
}

const numerals = ["none", "one", "two", "three"];

/** What a clause of the training language says, as the lexicon reads it. */
function meaningOf(clause: string): Meaning {
  const [found] = findOccurrences(`${clause}: 4 7 1`);
  const family = families.find((name) => name === found?.compiled.sense.id);
  if (family === undefined || found?.stated == null) throw new Error(`Cannot read "${clause}"`);
  const count = numerals.findIndex((numeral) => new RegExp(`\\b${numeral}\\b(?! by)`).test(clause));
  const isCounted = counts[family][0] !== 0;
  // "shift each one by two": the first numeral there is a pronoun.
  const said = /by (\w+)/.exec(clause)?.[1];
  const by = said === undefined ? count : numerals.indexOf(said);
  return {
    operation: { family, count: isCounted ? by : 0 },
    reading: found.stated.id,
  };
}

const meanings = new Map(
  newWordSense.readings
    .filter(({ id }) => id !== unknownMeaning)
    .map(({ id, phrase }) => [id, { phrase, ...meaningOf(phrase) }]),
);

/** "Filter the vowels" says nothing about digits. */
function fits(phrase: string, kind: Kind): boolean {
  return (
    !phrase.startsWith("filter") || phrase.startsWith(`filter the ${kinds[kind].markedNames[0]}`)
  );
}

/** Log-prob of a reply under a meaning, for a model that does what it is told. */
function score(id: string, reply: string, items: readonly string[], kind: Kind): number {
  const meaning = meanings.get(id);
  if (meaning === undefined || !fits(meaning.phrase, kind)) return -9;
  const { operation, reading } = meaning;
  return applyOperation(operation, reading, items, kind).join(" ") === reply ? -0.05 : -9;
}

interface Lesson {
  word: string;
  items: readonly string[];
  kind: Kind;
  reply: string;
  correction: string;
}

const requestOf = ({ word, items }: Pick<Lesson, "word" | "items">) =>
  `${word} them, as plain text: ${items.join(" ")}`;

/** The state after one corrected reply, scored by that model. */
function corrected(state: WordsState, lesson: Lesson): WordsState {
  const { items, kind, reply, correction } = lesson;
  const request = requestOf(lesson);
  const { prompt } = reviseRequest(state, request);
  const input: GradientInput = {
    turnId: "turn_1",
    request,
    attempts: [{ prompt, reply, confidence: 0.6 }],
    feedback: { reward: -1, correction },
  };
  const scored = candidatesToScore(state, input);
  expect(scored.length).toBeLessThanOrEqual(96);
  const scores = scored.map((item) => score(item.reading, item.reply, items, kind));
  return textualGradient(state, input, scores).state;
}

/** A list of four to seven items, some of them twice, on which the meaning does something. */
function drawItems(random: () => number, kind: Kind, answer: (items: string[]) => string) {
  for (;;) {
    const length = randomInt(random, 4, 8);
    const items = Array.from({ length }, () => pick(random, kinds[kind].items));
    if (!["", items.join(" ")].includes(answer(items))) return items;
  }
}

/** A session in which three replies were corrected, and what it makes of the fourth request. */
function lessons(meant: string, seed: number) {
  const { operation, reading, phrase } = meanings.get(meant)!;
  const random = seededRandom(`${meant} ${seed}`);
  const fitting = (["digits", "letters", "words"] as const).filter((kind) => fits(phrase, kind));
  const kind = pick(random, fitting);
  const answer = (items: readonly string[]) =>
    applyOperation(operation, reading, items, kind).join(" ");
  let state = emptyWords();
  for (let lesson = 0; lesson < 3; lesson++) {
    const items = drawItems(random, kind, answer);
    const correction = answer(items);
    state = corrected(state, { word: "Zig", items, kind, reply: items.join(" "), correction });
  }
  const items = drawItems(random, kind, answer);
  const revised = reviseRequest(state, requestOf({ word: "Zig", items }));
  const chosen = revised.spans.find(({ sense }) => sense === "word:zig")?.reading ?? unknownMeaning;
  return { state, revised, isRight: score(chosen, answer(items), items, kind) === -0.05 };
}

describe("a word that stands for a known operation", () => {
  it("has every operation and reading of the training language among its meanings", () => {
    const told = new Set(
      [...meanings.values()].map(
        ({ operation: { family, count }, reading }) => `${family} ${count} ${reading}`,
      ),
    );
    const all = families.flatMap((family) =>
      counts[family].flatMap((count) =>
        readingsOf(family).map((reading) => `${family} ${count} ${reading}`),
      ),
    );
    expect([...told].sort()).toEqual(all.sort());
  });

  it.each([...meanings.keys()])("%s: is known after three corrections", (meant) => {
    const sessions = Array.from({ length: 10 }, (_, seed) => lessons(meant, seed));
    // Now and then two meanings do the same to three lists.
    expect(sessions.filter(({ isRight }) => isRight).length).toBeGreaterThanOrEqual(8);
    for (const { revised } of sessions)
      expect(revised.prompt).toMatch(/^[A-Z][^:]+, as plain text: /);
    const told = sessions.filter(({ revised }) => revised.changed);
    for (const { revised } of told) expect(revised.prompt).not.toMatch(/zig/i);
  });

  it("is said as the model knows it, in the sentence's case, and the rest of the request stays", () => {
    const meant = "flip-them-first-for-last";
    const { state } = lessons(meant, 0);
    const say = (request: string) => reviseRequest(state, request).prompt;
    expect(say("Zig them, as plain text: 4 7 1")).toBe(
      "Flip them first for last, as plain text: 4 7 1",
    );
    expect(say("Please zig the letters, then shift each one by two: x b")).toContain(
      "Please flip them first for last, then shift each one by two",
    );
    expect(say("Blorp them, as plain text: 4 7 1")).toBe("Blorp them, as plain text: 4 7 1");
    expect(say("What is a zig?")).toBe("What is a zig?");
  });

  it("does not state the reading of an operation that the request asks for besides", () => {
    const { state } = lessons("sort-them-from-largest-to-smallest", 0);
    const request = "Zig them, then sort them, as plain text: 4 7 1";
    const reading = readRequest(state, request);
    const slot = (id: string) => reading.senses.findIndex(({ sense }) => sense.id === id);
    const said = (prompt: string) => statedSlots(reading, { prompt, reply: "" });
    const worded = "Sort them from largest to smallest, then sort them";
    expect(said(`${worded}, as plain text: 4 7 1`)[slot("sort")]).toBeNull();
    const both = said(`${worded} from smallest to largest, as plain text: 4 7 1`);
    expect(both[slot("sort")]).toBe("up");
    expect(both[slot("word:zig")]).toBe("sort-them-from-largest-to-smallest");
    expect(said(request)).toEqual([null, null]);
  });

  it("is forgotten when the user says so", () => {
    const { state } = lessons("flip-them-first-for-last", 0);
    const request = "Zig them, as plain text: 4 7 1";
    expect(reviseRequest(state, request).changed).toBe(true);
    expect(reviseRequest(forgetSense(state, "word:zig"), request).prompt).toBe(request);
  });
});

describe("a word that stands for something else", () => {
  const strange = { word: "Zig", kind: "digits" as const, reply: "1 2 3" };

  it("stays as it is said, whichever known operation is least unlikely", () => {
    let state = emptyWords();
    for (const items of [
      ["4", "7", "1"],
      ["3", "8", "0"],
      ["9", "2", "5"],
      ["6", "1", "4"],
    ]) {
      state = corrected(state, { ...strange, items, correction: `${items[1]}! ${items[1]}!` });
      const request = requestOf({ word: "Zig", items: ["2", "6", "4"] });
      expect(reviseRequest(state, request).prompt).toBe(request);
    }
  });

  it("leaves to the request's other senses what a correction says of them", () => {
    const request = "Zig them, then sort them, as plain text: 4 7 1";
    const input: GradientInput = {
      turnId: "turn_1",
      request,
      attempts: [{ prompt: request, reply: "1 4 7", confidence: 0.6 }],
      feedback: { reward: -1, correction: "7 1" },
    };
    // Unlikely under every reading, and less so where sorting goes down.
    const scores = candidatesToScore(emptyWords(), input).map(({ reading, kind }) =>
      kind === "rejected" ? -0.7 : reading.includes("down") ? -12 : -18,
    );
    const { state } = textualGradient(emptyWords(), input, scores);
    const shares = state.senses.sort!.readings;
    expect(shares.down!).toBeGreaterThan(2 * shares.up!);
  });

  it("stays as it is said though the model was sure of its rejected replies", () => {
    let state = emptyWords();
    const request = requestOf({ word: "Zig", items: ["2", "6", "4"] });
    for (let lesson = 0; lesson < 6; lesson++) {
      const input: GradientInput = {
        turnId: "turn_1",
        request,
        attempts: [{ prompt: reviseRequest(state, request).prompt, reply: "6", confidence: 0.95 }],
        feedback: { reward: -1, ...(lesson % 3 === 2 ? { correction: "66!" } : {}) },
      };
      const scores = candidatesToScore(state, input).map(({ reading, kind }) =>
        kind === "corrected" ? -14 : reading === unknownMeaning ? -0.05 : -5,
      );
      state = textualGradient(state, input, scores).state;
      expect(reviseRequest(state, request).prompt).toBe(request);
    }
  });

  it("loses no other word, and no more than 32 are remembered", () => {
    let state = emptyWords();
    for (let index = 0; index < 40; index++) {
      const word = `Zig${"abcdefghij"[index % 10]}${"klmn"[Math.floor(index / 10)]}`;
      const items = ["4", "7", "1"];
      state = corrected(state, { ...strange, word, items, correction: "7 4 1" });
    }
    const words = Object.keys(state.senses);
    expect(words).toHaveLength(32);
    expect(words.at(-1)).toBe("word:zigjn");
    expect(words).not.toContain("word:zigak");
  });
});

it("is looked for only where a list is asked about, and never in a verb that models know", () => {
  const senses = (request: string) =>
    reviseRequest(emptyWords(), request).spans.map(({ sense }) => sense);
  for (const request of [
    "Explain them: photosynthesis, osmosis",
    "Translate the words: cat dog",
    "I think them: a b",
    "Love them",
    "Zig them.",
    "Zig them: the cat is on the mat and you are not.",
  ]) {
    expect(senses(request).filter((sense) => sense.startsWith("word:"))).toEqual([]);
  }
  expect(senses("Zig them: 4 7 1")).toContain("word:zig");
});
