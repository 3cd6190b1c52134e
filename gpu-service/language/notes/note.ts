/**
 * A note to be written from facts, with a hidden reading for each thing that the request leaves open. Knows the right
 * text, not how the note is asked for.
 */
import { pick, type Random, shuffled } from "@rosa2/shared/random";
import { combinations, type Readings } from "../question.ts";
import { drawReading } from "../senses.ts";
import { type Addition, additions } from "./additions.ts";
import { clock12, clock24, drawFacts, type Facts, months } from "./facts.ts";
import { type NoteSlot, noteSenses, noteSlots } from "./senses.ts";

export interface Note {
  facts: Facts;
  /** What the user means, slot by slot. */
  hidden: Readings;
  /** For each slot, whether the request spells it out. */
  stated: readonly boolean[];
  addition: Addition | null;
}

export interface NoteOptions {
  /**
   * Which readings the request spells out: a share drawn slot by slot, all of them (`clear`), or all but two that are
   * not the tone (`two open`): the words step gives a reply no tone that the user did not ask for.
   */
  stated: number | "clear" | "two open";
  /** `uniform`: all readings equally likely. `habits`: what is left unsaid follows the senses' priors. */
  readings: "uniform" | "habits";
  addition?: Addition | null;
}

export function drawNote(random: Random, { stated, readings, addition = null }: NoteOptions): Note {
  const facts = drawFacts(random);
  const slots = slotsOfNote(facts);
  const open = stated === "two open" ? shuffled(random, slots.slice(1)).slice(0, 2) : [];
  const spelled = slots.map((slot) =>
    typeof stated === "number" ? random() < stated : !open.includes(slot),
  );
  const hidden = slots.map((slot, i) =>
    readings === "habits" && !spelled[i]
      ? drawReading(random, noteSenses[slot])
      : pick(random, idsOf(slot)),
  );
  return { facts, hidden, stated: spelled, addition };
}

/** The same request of the same user from other facts of the same kinds. */
export function withNewFacts(random: Random, note: Note): Note {
  const { time, place } = note.facts;
  return { ...note, facts: drawFacts(random, { timed: time !== null, placed: place !== null }) };
}

/** What a note from these facts can leave open, in order. */
export function slotsOfNote({ time }: Facts): readonly NoteSlot[] {
  return noteSlots.filter((slot) => slot !== "clock" || time !== null);
}

/** The readings that fit what the request spells out. */
export function readingsOfNote({ facts, hidden, stated }: Note): Readings[] {
  return combinations(
    slotsOfNote(facts).map((slot, i) => (stated[i] ? [hidden[i]!] : idsOf(slot))),
  );
}

/** The text that is right under the given readings. */
export function noteText(note: Note, readings: Readings = note.hidden): string {
  const { facts, addition } = note;
  const [tone, sender, order, date, clock] = readings;
  const friendly = tone === "friendly";
  const one = sender === "one";
  const invitation = friendly
    ? `join ${one ? "me" : "us"} for`
    : `${one ? "I" : "we"} invite you to`;
  const what = `${invitation} ${facts.event.told}${facts.place === null ? "" : ` at the ${facts.place}`}`;
  const when = `on ${dateText(facts, date!)}${facts.time === null ? "" : ` at ${clockText(facts.time, clock!)}`}`;
  const told = order === "event" ? `${what} ${when}` : `${when} ${what}`;
  const text = friendly
    ? `Hi ${facts.to}, ${told}. See you!`
    : `Dear ${facts.to}, ${told}. Kind regards`;
  return addition === null ? text : additions[addition].add(text, facts);
}

function dateText({ day, month }: Facts, form: string): string {
  if (form === "figures") return `${day}/${month + 1}`;
  return form === "day" ? `${day} ${months[month]}` : `${months[month]} ${day}`;
}

function clockText(time: number, form: string): string {
  return form === "long" ? clock24(time) : clock12(time);
}

function idsOf(slot: NoteSlot): string[] {
  return noteSenses[slot].readings.map(({ id }) => id);
}
