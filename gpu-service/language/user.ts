/** The simulated user: the feedback on a reply that is not what the user meant. Knows the hidden readings, not the model. */
import { pick, type Random } from "@rosa2/shared/random";
import { senseOf } from "./operations.ts";
import { hints, statements, vagueFeedback } from "./phrasings.ts";
import { answer, consistentReadings, isRight, slotsOf, type Task } from "./task.ts";

/** How much a user says. The shares apply when another reading explains the reply. */
export interface Talkativeness {
  /** Share of feedback that hints at the misread sense: "other order". */
  hint: number;
  /** Share that states the right reading: "largest first". */
  statement: number;
  /** Vary capitals, punctuation and framing, as people do. */
  varied: boolean;
}

/** The user of the evaluation: half hints, half a plain "wrong", never the reading itself. */
const terseUser: Talkativeness = { hint: 0.5, statement: 0, varied: false };

/**
 * Feedback on a wrong reply. When another reading explains the reply, the feedback may hint at a misread sense or state
 * its right reading. In every other case it says only that the reply is wrong.
 */
export function feedback(
  random: Random,
  task: Task,
  reply: string,
  manner: Talkativeness = terseUser,
): string {
  if (isRight(task, reply)) throw new Error(`Cannot reject "${reply}": it is right`);
  const u = random();
  const misread = u < manner.hint + manner.statement ? misreadSlots(task, reply) : [];
  const text = sayWhat(random, task, misread, u < manner.statement, manner.varied);
  return manner.varied ? frame(random, text) : text;
}

/**
 * Slots in which the reading that explains the reply differs from the meant one. Of several such readings the one with
 * the fewest differences counts; none when no reading explains the reply.
 */
export function misreadSlots(task: Task, reply: string): number[] {
  const explanations = consistentReadings(task)
    .filter((readings) => answer(task, readings) === reply.trim())
    .map((readings) => [...readings.keys()].filter((i) => readings[i] !== task.hidden[i]));
  return explanations.toSorted((a, b) => a.length - b.length)[0] ?? [];
}

function sayWhat(
  random: Random,
  task: Task,
  misread: readonly number[],
  state: boolean,
  varied: boolean,
): string {
  if (misread.length === 0) return pick(random, vagueFeedback);
  const index = pick(random, misread);
  const slot = slotsOf(task)[index]!;
  if (!state) return varied ? pick(random, hints[slot]) : hints[slot][0];
  const reading = senseOf(slot).readings.find(({ id }) => id === task.hidden[index])!;
  return pick(random, statements[slot][reading.id]!);
}

/** "other order" → "No, other order." and the like, half of the time. */
function frame(random: Random, text: string): string {
  const u = random();
  if (u < 0.5) return text;
  if (u < 0.65) return text === "no" ? "no, that is wrong" : `no, ${text}`;
  const capital = text[0]!.toUpperCase() + text.slice(1);
  return u < 0.85 ? capital : `${capital}.`;
}
