/**
 * Conversations about questions: asked again and again by one user, rejected and answered anew, with remarks below,
 * reworded. Knows which turns are learnt, not what the questions are about.
 */

import type { Message } from "@rosa2/shared/protocol";
import { pick, type Random, randomInt } from "@rosa2/shared/random";
import { type RejectedAttempt, rewritePrompt } from "@rosa2/shared/rewrite-prompt";
import type { Exchange } from "./base-skills.ts";
import { vagueFeedback } from "./phrasings.ts";
import { asExchange, isAnswered, type Question, type Readings } from "./question.ts";
import { feedback, type Talkativeness } from "./user.ts";

export interface Turn extends Message {
  /** Whether the model learns to say this turn. Only right answers are learnt. */
  learn: boolean;
}

const trainingUser: Talkativeness = { hint: 0.33, statement: 0.3, varied: true };
/** Says what was meant, or hints at it. */
const frankUser: Talkativeness = { hint: 0.15, statement: 0.85, varied: true };
/** Share of wrong replies that are misreadings; the others hold mistakes. */
const misreadShare = 0.75;
/** Share of misreadings that miss one thing; the others may miss anything. */
const oneMissedShare = 0.65;
/** Share of same-user conversations with something else in between. */
const interruptedShare = 0.25;
/** Of rewrites: share in which the user at last gave the right reply. */
const correctedShare = 0.2;
const corrections = ["It should be {A}", "{A}", "The answer is {A}"];
/** Remarks that the words step does not quote. */
const verdict = new RegExp(`^(?:no, )?(?:that is )?(?:${vagueFeedback.join("|")})\\.?$`, "i");

export function exchange({ request, reply }: Exchange, learn = true): Turn[] {
  return [
    { role: "user", content: request, learn: false },
    { role: "assistant", content: reply, learn },
  ];
}

export function system(content: string): Turn {
  return { role: "system", content, learn: false };
}

/**
 * The same request of one user about two to five things. What it leaves open always has the same meaning, so from the
 * second reply on the conversation shows what is meant. The first reply counts as corrected and is not learnt.
 * `interrupt` draws what may come in between.
 */
export function askAgain(random: Random, first: Question, interrupt: () => Turn[]): Turn[] {
  const count = pick(random, [2, 3, 3, 4, 4, 5]);
  const interruptedAt = random() < interruptedShare ? randomInt(random, 1, count) : 0;
  return Array.from({ length: count }, (_, i) => {
    const question = i === 0 ? first : first.next(random);
    const said = exchange(asExchange(question), i > 0);
    return i > 0 && i === interruptedAt ? [...interrupt(), ...said] : said;
  }).flat();
}

/** A request, rejected replies, and at last the right one. Only the right one is learnt. */
export function rejectThenAnswer(random: Random, question: Question): Turn[] {
  return [
    { role: "user", content: question.request, learn: false },
    ...drawRejections(random, question).flatMap((attempt): Turn[] => [
      { role: "assistant", content: attempt.reply, learn: false },
      { role: "user", content: attempt.feedback, learn: false },
    ]),
    { role: "assistant", content: question.answer(), learn: true },
  ];
}

/**
 * A request with the user's remarks below it, as the words step sends them where no wording is better; null where the
 * user only said that a reply is wrong.
 */
export function remarkBelow(random: Random, question: Question): Turn[] | null {
  const said = drawRejections(random, question, frankUser)
    .map((attempt) => attempt.feedback)
    .filter((one) => !verdict.test(one));
  if (said.length === 0) return null;
  const remarks = [...new Set(said)].join("\n");
  return exchange({ request: `${question.request}\n\n${remarks}`, reply: question.answer() });
}

/** A request with its rejected replies as a prompt to say the request clearly. */
export function rewriteOf(random: Random, question: Question): Turn[] {
  const attempts = drawRejections(random, question);
  const last = attempts.at(-1);
  if (last && random() < correctedShare) {
    last.feedback = pick(random, corrections).replace("{A}", question.answer());
  }
  return rewriting(question.request, attempts, question.clearRequest());
}

export function rewriting(
  said: string,
  attempts: readonly RejectedAttempt[],
  clear: string,
): Turn[] {
  return [
    ...rewritePrompt(said, attempts).map((message) => ({ ...message, learn: false })),
    { role: "assistant", content: clear, learn: true },
  ];
}

/** One to four replies that are wrong, each with what the user says: mostly other readings, else mistakes. */
function drawRejections(
  random: Random,
  question: Question,
  user: Talkativeness = trainingUser,
): RejectedAttempt[] {
  const consistent = question.consistent();
  const near = consistent.filter((one) => differences(one, question.hidden) === 1);
  const attempts: RejectedAttempt[] = [];
  for (let left = pick(random, [1, 1, 2, 2, 3, 4]); left > 0; left--) {
    const misread = random() < misreadShare && consistent.length > 1;
    const reply = drawWrong(question, attempts, () => {
      const isNear = near.length > 0 && random() < oneMissedShare;
      const readings = pick(random, isNear ? near : consistent);
      return misread ? question.answer(readings) : question.mistake(random, readings);
    });
    if (reply === null) break;
    attempts.push({ reply, feedback: feedback(random, question, reply, user) });
  }
  return attempts;
}

function differences(one: Readings, other: Readings): number {
  return one.filter((id, slot) => id !== other[slot]).length;
}

/** A reply that is neither right nor rejected already, or null after a few draws. */
function drawWrong(
  question: Question,
  attempts: readonly RejectedAttempt[],
  draw: () => string,
): string | null {
  for (let tries = 0; tries < 5; tries++) {
    const reply = draw();
    if (!isAnswered(question, reply) && attempts.every((attempt) => attempt.reply !== reply)) {
      return reply;
    }
  }
  return null;
}
