/** Notes as people ask for them in a sentence: "invite Anna to lunch on 3 May". Each has its usual form. */
import { pick, type Random, shuffled } from "@rosa2/shared/random";
import type { Question, Readings } from "../question.ts";
import { clock24, drawFacts, type Facts, months } from "./facts.ts";
import { type Note, slotsOfNote, withNewFacts } from "./note.ts";
import { noteQuestion, phraseOf } from "./question.ts";
import { type NoteSlot, noteSenses } from "./senses.ts";

/** `{to}`, `{told}` and `{when}` are the facts. */
const forms = {
  friendly: [
    "invite {to} to {told} {when}",
    "Invite {to} to {told} {when}.",
    "please invite {to} to {told} {when}",
    "write a note to {to} about {told} {when}",
    "Write a note to {to}: {told} {when}",
    "write to {to} about {told} {when}",
    "Can you write an invitation for {to} to {told} {when}?",
    "send {to} a note about {told} {when}",
    "write an invitation to {told} {when} for {to}",
    "ask {to} to join me for {told} {when}",
  ],
  formal: [
    "write a formal note to {to} about {told} {when}",
    "Write a formal invitation for {to} to {told} {when}.",
    "invite {to} formally to {told} {when}",
    "write a polite note to {to} about {told} {when}",
  ],
} as const;
const formalShare = 0.3;
/** How such a note is told if nothing else is said. */
const usual: Record<NoteSlot, string> = {
  tone: "friendly",
  sender: "one",
  order: "event",
  date: "day",
  clock: "long",
};

/** A note asked for in a sentence. If it is `disputed`, the user means something else than usual in one or two things. */
export function drawEverydayNote(random: Random, { disputed }: { disputed: boolean }): Question {
  const facts = drawFacts(random);
  const tone = random() < formalShare ? "formal" : "friendly";
  const slots = slotsOfNote(facts);
  const habit = slots.map((slot) => (slot === "tone" ? tone : usual[slot]));
  const others = shuffled(random, tone === "formal" ? slots.slice(1) : slots);
  const changed = disputed ? others.slice(0, random() < 0.7 ? 1 : 2) : [];
  const hidden = slots.map((slot, i) =>
    changed.includes(slot)
      ? pick(
          random,
          noteSenses[slot].readings.map(({ id }) => id).filter((id) => id !== habit[i]),
        )
      : habit[i]!,
  );
  const stated = slots.map((slot) => slot === "tone" && tone === "formal");
  return inSentence({ facts, hidden, stated, addition: null }, habit, pick(random, forms[tone]));
}

function inSentence(note: Note, habit: Readings, form: string): Question {
  const request = form
    .replace("{to}", note.facts.to)
    .replace("{told}", toldWithPlace(note.facts))
    .replace("{when}", whenSaid(note.facts));
  const said = slotsOfNote(note.facts).flatMap((slot, i) =>
    note.hidden[i] === habit[i] ? [] : [phraseOf(slot, note.hidden[i]!)],
  );
  return {
    ...noteQuestion(note),
    request,
    clearRequest: () =>
      said.length === 0 ? request : [request.replace(/[.?]$/, ""), ...said].join(", "),
    next: (random) => inSentence(withNewFacts(random, note), habit, form),
  };
}

function toldWithPlace({ event, place }: Facts): string {
  return place === null ? event.told : `${event.told} at the ${place}`;
}

function whenSaid({ day, month, time }: Facts): string {
  const date = `on ${day} ${months[month]}`;
  return time === null ? date : `${date} at ${clock24(time)}`;
}
