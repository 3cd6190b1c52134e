/** The simulated user: the feedback on a reply that is not what the user meant. Knows the hidden readings, not the model. */
import { pick, type Random } from "@rosa2/shared/random";
import { statementFrames, vagueFeedback } from "./phrasings.ts";
import { isAnswered, type Question, type Sayings } from "./question.ts";

/** How much a user says. The shares apply when another reading explains the reply. */
export interface Talkativeness {
  /** Share of feedback that hints at the misread sense: "other order". */
  hint: number;
  /** Share that states the right reading: "largest first". */
  statement: number;
  /** Vary capitals, punctuation and framing, as people do. */
  varied: boolean;
}

/** Of a varied user's statements, the share that says a whole part of the request anew, and that in a frame. */
const sentenceShare = 0.25;
const framedShare = 0.4;
/** The user of the evaluation: half hints, half a plain "wrong", never the reading itself. */
const terseUser: Talkativeness = { hint: 0.5, statement: 0, varied: false };

/**
 * Feedback on a wrong reply. When another reading explains the reply, the feedback may hint at a misread sense or state
 * its right reading. In every other case it says only that the reply is wrong.
 */
export function feedback(
  random: Random,
  question: Question,
  reply: string,
  manner: Talkativeness = terseUser,
): string {
  if (isAnswered(question, reply)) throw new Error(`Cannot reject "${reply}": it is right`);
  const u = random();
  const misread = u < manner.hint + manner.statement ? misreadSlots(question, reply) : [];
  const text =
    misread.length === 0
      ? pick(random, vagueFeedback)
      : sayWhat(
          random,
          question.sayings(pick(random, misread)),
          u < manner.statement,
          manner.varied,
        );
  return manner.varied ? frame(random, text) : text;
}

/**
 * Slots in which the reading that explains the reply differs from the meant one. Of several such readings the one with
 * the fewest differences counts; none when no reading explains the reply.
 */
export function misreadSlots(question: Question, reply: string): number[] {
  const explanations = question
    .consistent()
    .filter((readings) => question.answer(readings) === reply.trim())
    .map((readings) => [...readings.keys()].filter((i) => readings[i] !== question.hidden[i]));
  return explanations.toSorted((a, b) => a.length - b.length)[0] ?? [];
}

function sayWhat(random: Random, sayings: Sayings, state: boolean, varied: boolean): string {
  const { hints, statements, spoken, restated } = sayings;
  if (!state) return varied ? pick(random, hints) : hints[0];
  if (varied && random() < sentenceShare) return restated;
  if (!varied) return pick(random, statements);
  const said = pick(random, [...statements, ...spoken]);
  return random() < framedShare ? pick(random, statementFrames).replace("{S}", said) : said;
}

/** "other order" → "No, other order." and the like, half of the time. */
function frame(random: Random, text: string): string {
  const u = random();
  if (u < 0.5) return text;
  if (u < 0.65) return text === "no" ? "no, that is wrong" : `no, ${text}`;
  const capital = text[0]!.toUpperCase() + text.slice(1);
  return u < 0.85 ? capital : `${capital}.`;
}
