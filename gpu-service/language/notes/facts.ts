/** The facts a note is written from: who, what, where and when. Knows nothing of how they are told. */
import { pick, type Random, randomInt } from "@rosa2/shared/random";
import { drawSyllables } from "../everyday.ts";

export interface Facts {
  to: string;
  event: Event;
  /** Where; null if the note does not say. */
  place: string | null;
  day: number;
  /** From 0. */
  month: number;
  /** Minutes since midnight; null if the note does not say. */
  time: number | null;
}

/** An event as the facts call it and as a sentence does. */
interface Event {
  name: string;
  told: string;
}

const names = (
  "Alice Anna Ben Bob Carol David Emma Frank George Helen Ivan Jane John Julia Kate Leo Lisa Mary Max Nina Oscar Paul " +
  "Peter Rosa Sam Sara Tim Tom Vera Will"
).split(" ");
const plain = "lunch dinner breakfast tea coffee chess music".split(" ");
const counted = "walk game film concert party meeting lesson picnic swim talk dance drink".split(
  " ",
);
const events: readonly Event[] = [
  ...plain.map((name) => ({ name, told: name })),
  ...counted.map((name) => ({ name, told: `a ${name}` })),
];
const places =
  "lake beach school park station zoo river tower library office market garden museum harbour hotel bridge".split(
    " ",
  );
export const months =
  "January February March April May June July August September October November December".split(
    " ",
  );

const placedShare = 0.35;
const timedShare = 0.65;
const knownNameShare = 0.85;

export function drawFacts(random: Random, told: { timed?: boolean; placed?: boolean } = {}): Facts {
  const { timed = random() < timedShare, placed = random() < placedShare } = told;
  return {
    to: random() < knownNameShare ? pick(random, names) : drawName(random),
    event: pick(random, events),
    place: placed ? pick(random, places) : null,
    day: randomInt(random, 1, 31),
    month: randomInt(random, 0, months.length),
    time: timed ? 60 * randomInt(random, 8, 23) + pick(random, [0, 15, 30, 45]) : null,
  };
}

/** The facts as a request lists them: "Anna, lunch, lake, 3 May, 14:30". */
export function listFacts({ to, event, place, day, month, time }: Facts): string {
  const when = `${day} ${months[month]}`;
  return [to, event.name, place, when, time === null ? null : clock24(time)]
    .filter((fact) => fact !== null)
    .join(", ");
}

/** One of the facts is another one. */
export function mistaken(random: Random, facts: Facts): Facts {
  const other = drawFacts(random, { timed: facts.time !== null, placed: facts.place !== null });
  const fact = pick(random, ["to", "event", "day", "month", "time"] as const);
  return { ...facts, [fact]: other[fact] };
}

/** "14:30". */
export function clock24(time: number): string {
  return `${Math.floor(time / 60)}:${String(time % 60).padStart(2, "0")}`;
}

/** "2:30 pm". */
export function clock12(time: number): string {
  const hour = Math.floor(time / 60);
  return `${clock24(time - (hour > 12 ? 720 : 0))} ${hour < 12 ? "am" : "pm"}`;
}

/** A made-up name of at least four letters. */
function drawName(random: Random): string {
  const word = drawSyllables(random);
  return word.length < 4 ? drawName(random) : word[0]!.toUpperCase() + word.slice(1);
}
