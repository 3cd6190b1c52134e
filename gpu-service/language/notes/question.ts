/** Notes as questions: how a note is asked for, vague or clear, and what a user says about a wrong one. */
import { pick, type Random } from "@rosa2/shared/random";
import { asSentence, type Question, type Readings, type Sayings } from "../question.ts";
import { additions } from "./additions.ts";
import { listFacts, mistaken } from "./facts.ts";
import { type Note, noteText, readingsOfNote, slotsOfNote, withNewFacts } from "./note.ts";
import {
  type NoteSlot,
  noteHints,
  noteSenses,
  noteSlots,
  noteSpoken,
  noteStatements,
  noteSynonyms,
} from "./senses.ts";

/** A user's way of asking for notes, fixed through a conversation. */
export interface NoteWording {
  /** "Write a note", in its final case. */
  span: string;
  /** What spells a reading out. */
  phrase(slot: NoteSlot, reading: string): string;
}

export const noteSpans = [
  "write a note",
  "write an invitation",
  "write a short note",
  "invite them",
  "write to them",
] as const;
const variedShare = 0.4;

const canonicalNoteWording: NoteWording = {
  span: "Write a note",
  phrase: phraseOf,
};

/** A wording as people vary it: mostly canonical. */
export function drawNoteWording(random: Random): NoteWording {
  if (random() >= variedShare) return canonicalNoteWording;
  const span = random() < 0.5 ? noteSpans[0] : pick(random, noteSpans);
  const said = random() < 0.16 ? `please ${span}` : span;
  const phrases = new Map(
    noteSlots.flatMap((slot) =>
      noteSenses[slot].readings.map(({ id, phrase }) => [
        `${slot} ${id}`,
        random() < 0.5 ? pick(random, noteSynonyms[slot][id]!) : phrase,
      ]),
    ),
  );
  return {
    span: random() < 0.75 ? said[0]!.toUpperCase() + said.slice(1) : said,
    phrase: (slot, reading) => phrases.get(`${slot} ${reading}`)!,
  };
}

export function noteQuestion(note: Note, wording: NoteWording = canonicalNoteWording): Question {
  const slots = slotsOfNote(note.facts);
  return {
    request: ask(note, wording, (i) => note.stated[i]!),
    hidden: note.hidden,
    clearRequest: () => ask(note, wording, () => true),
    consistent: () => readingsOfNote(note),
    answer: (readings) => noteText(note, readings),
    mistake: (random, readings) => drawMistake(random, note, readings),
    sayings: (slot) => sayingsOf(slots[slot]!, note.hidden[slot]!),
    next: (random) => noteQuestion(withNewFacts(random, note), wording),
  };
}

/** What the user spelled out stays in the user's words; the rest is said by the senses' own phrases. */
function ask(note: Note, wording: NoteWording, isSaid: (slot: number) => boolean): string {
  const phrases = slotsOfNote(note.facts).flatMap((slot, i) => {
    if (!isSaid(i)) return [];
    const reading = note.hidden[i]!;
    return [note.stated[i] ? wording.phrase(slot, reading) : phraseOf(slot, reading)];
  });
  const addition = note.addition === null ? [] : [additions[note.addition].phrase];
  return `${[wording.span, ...phrases, ...addition].join(", ")}: ${listFacts(note.facts)}`;
}

function sayingsOf(slot: NoteSlot, reading: string): Sayings {
  return {
    hints: noteHints[slot],
    statements: noteStatements[slot][reading]!,
    spoken: noteSpoken[slot][reading]!,
    restated: asSentence(`write it ${phraseOf(slot, reading)}`),
  };
}

/** The note from facts of which one is wrong, or without its end. */
function drawMistake(random: Random, note: Note, readings: Readings): string {
  if (random() < 0.8) return noteText({ ...note, facts: mistaken(random, note.facts) }, readings);
  const text = noteText(note, readings);
  return text.slice(0, text.lastIndexOf(".") + 1);
}

/** The sense's phrase of a reading. */
export function phraseOf(slot: NoteSlot, reading: string): string {
  return noteSenses[slot].readings.find(({ id }) => id === reading)!.phrase;
}
