/** What a request for a note leaves open, the phrases that settle it, and what users say about it. */
import type { Sense } from "../senses.ts";

export const noteSlots = ["tone", "sender", "order", "date", "clock"] as const;
export type NoteSlot = (typeof noteSlots)[number];

const sense = (
  id: NoteSlot,
  label: string,
  readings: readonly [string, string, number][],
): Sense => ({
  id,
  label,
  readings: readings.map(([reading, phrase, prior]) => ({ id: reading, phrase, prior })),
});

export const noteSenses: Readonly<Record<NoteSlot, Sense>> = {
  tone: sense("tone", "the tone", [
    ["friendly", "in a friendly tone", 0.8],
    ["formal", "in a formal tone", 0.2],
  ]),
  sender: sense("sender", "who writes", [
    ["one", "from me", 0.8],
    ["several", "from us", 0.2],
  ]),
  order: sense("order", "what comes first", [
    ["event", "with the event first", 0.8],
    ["date", "with the date first", 0.2],
  ]),
  date: sense("date", "the form of the date", [
    ["day", "day before month", 0.8],
    ["month", "month before day", 0.1],
    ["figures", "the date in figures", 0.1],
  ]),
  clock: sense("clock", "the form of the time", [
    ["long", "without am and pm", 0.8],
    ["halves", "with am and pm", 0.2],
  ]),
};

type Said = Record<NoteSlot, Record<string, readonly string[]>>;

/** Phrases that say a reading as well as the sense's own. */
export const noteSynonyms: Said = {
  tone: {
    friendly: ["in a warm tone", "in a casual tone", "friendly"],
    formal: ["in a polite tone", "in a serious tone", "formal"],
  },
  sender: { one: ["in my name", "written by me"], several: ["in our name", "written by us"] },
  order: {
    event: ["what before when", "starting with the event"],
    date: ["when before what", "starting with the date"],
  },
  date: {
    day: ["the day in front of the month"],
    month: ["the month in front of the day"],
    figures: ["the date in numbers"],
  },
  clock: { long: ["without am or pm"], halves: ["in am and pm"] },
};

/** What a user says to state a reading. */
export const noteStatements: Said = {
  tone: { friendly: ["more friendly", "friendlier"], formal: ["more formal", "formally"] },
  sender: { one: ["from me", "only from me"], several: ["from us", "from both of us"] },
  order: { event: ["the event first"], date: ["the date first"] },
  date: {
    day: ["day before month"],
    month: ["month before day", "the month first"],
    figures: ["the date in figures", "in figures"],
  },
  clock: { long: ["no am and pm", "without am and pm"], halves: ["am and pm", "with pm"] },
};

/** More ways in which people state a reading. */
export const noteSpoken: Said = {
  tone: {
    friendly: [
      "less stiff",
      "not so formal",
      "warmer",
      "be more friendly",
      "be less formal",
      "like to a friend",
      "a friendly one",
      "less cold",
    ],
    formal: [
      "more polite",
      "not so friendly",
      "less casual",
      "be more formal",
      "be less friendly",
      "like to a customer",
      "a formal one",
      "more serious",
    ],
  },
  sender: {
    one: ["I and not we", "it is only me", "I am alone", "just from me"],
    several: ["we and not I", "from all of us", "there are two of us", "it is from us"],
  },
  order: {
    event: ["begin with the event", "the date after the event", "the date at the end"],
    date: ["begin with the date", "the event after the date", "the date at the front"],
  },
  date: {
    day: ["first the day, then the month", "the day goes first"],
    month: ["first the month, then the day", "the month goes first"],
    figures: ["only numbers in the date", "the month as a number", "no word in the date"],
  },
  clock: {
    long: ["24 hours", "the time as I gave it", "all 24 hours"],
    halves: ["twelve hours", "twelve hours and am or pm", "am or pm"],
  },
};

/** Hints at a slot, without saying which reading is right; the first is the canonical one. */
export const noteHints: Record<NoteSlot, readonly [string, ...string[]]> = {
  tone: ["other tone", "wrong tone"],
  sender: ["other sender", "wrong sender"],
  order: ["other order", "wrong order"],
  date: ["other date form", "wrong date form"],
  clock: ["other time form", "wrong time form"],
};
