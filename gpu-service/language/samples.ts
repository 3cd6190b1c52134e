/** Training samples: conversations with the turns to learn from marked. Knows the mix, not tokens. */

import type { Message } from "@rosa2/shared/protocol";
import { pick, type Random, randomInt } from "@rosa2/shared/random";
import { type RejectedAttempt, rewritePrompt } from "@rosa2/shared/rewrite-prompt";
import { type BaseSkill, drawBaseSkill, type Exchange } from "./base-skills.ts";
import { kinds } from "./items.ts";
import { type Family, families } from "./operations.ts";
import { drawOutside } from "./outside.ts";
import { type Chain, trainedPairs } from "./skills.ts";
import {
  answer,
  consistentReadings,
  drawTask,
  type Readings,
  render,
  result,
  type Task,
} from "./task.ts";
import { feedback, type Talkativeness } from "./user.ts";
import { clearRequest, drawWording, request, type Wording } from "./wording.ts";

export interface Turn extends Message {
  /** The model learns to say this turn; only right answers are. */
  learn: boolean;
}

/** Shares of what is drawn; they sum to 1. */
export const mix = {
  single: 0.14,
  pair: 0.56,
  dialogue: 0.12,
  rewrite: 0.06,
  base: 0.1,
  outside: 0.02,
} as const;
type Ingredient = keyof typeof mix;

/** Share of each reading that a lone request spells out, and of one that is about to be corrected. */
const statedAlone = 0.88;
const statedInDialogue = 0.45;
/** Share of lone exchanges that another one follows in the same conversation. */
const followedShare = 0.06;
const systemPrompts = [
  "You are a helpful assistant.",
  "Be brief.",
  "You are a helpful assistant. Be brief.",
];
/** Base skills that take longest to learn, and the share of base exchanges that practise one of them. */
const hardSkills: readonly BaseSkill[] = ["occurrences", "subtract"];
const hardShare = 0.35;
const trainingUser: Talkativeness = { hint: 0.38, statement: 0.17, varied: true };

/** One conversation of the training mix. */
export function drawSample(random: Random): Turn[] {
  const ingredient = drawIngredient(random);
  if (ingredient === "dialogue") return drawDialogue(random);
  if (ingredient === "rewrite") return drawRewrite(random);
  const turns = random() < 0.03 ? [system(pick(random, systemPrompts))] : [];
  const used = new Set<Family>();
  turns.push(...drawExchange(random, ingredient, used));
  while (random() < followedShare) {
    turns.push(...drawExchange(random, drawIngredient(random), used));
  }
  return turns;
}

/**
 * One request and its right answer. No family comes twice in a conversation: what earlier turns say
 * about a user's readings is the session's to know, not the base model's.
 */
function drawExchange(random: Random, ingredient: Ingredient, used: Set<Family>): Turn[] {
  if (ingredient === "base") return exchange(drawPractisedSkill(random));
  if (ingredient === "outside") return exchange(drawOutside(random));
  const chain = ingredient === "single" ? [pick(random, families)] : pick(random, trainedPairs);
  if (chain.some((family) => used.has(family))) return [];
  for (const family of chain) used.add(family);
  const task = drawTask(random, chain, { stated: statedAlone, readings: "habits" });
  const wording = drawWording(random, task);
  const said = exchange({ request: request(task, wording), reply: answer(task) });
  const standing = used.size === chain.length && !task.stated.at(-1) && random() < 0.08;
  return standing ? [system(`Answer ${wording.format[task.hidden.at(-1)!]}.`), ...said] : said;
}

function drawPractisedSkill(random: Random): Exchange {
  return random() < hardShare
    ? drawBaseSkill(random, pick(random, hardSkills))
    : drawBaseSkill(random);
}

/** A request, replies that were rejected, and at last the right one: only that is learnt. */
function drawDialogue(random: Random): Turn[] {
  const { task, wording, attempts } = drawRejections(random);
  return [
    { role: "user", content: request(task, wording), learn: false },
    ...attempts.flatMap((attempt): Turn[] => [
      { role: "assistant", content: attempt.reply, learn: false },
      { role: "user", content: attempt.feedback, learn: false },
    ]),
    { role: "assistant", content: answer(task), learn: true },
  ];
}

/** The same, asked to say the request clearly instead; what is clear already stays as it is. */
function drawRewrite(random: Random): Turn[] {
  if (random() < 0.04) {
    const said = random() < 0.6 ? drawBaseSkill(random) : drawOutside(random);
    return rewriting(said.request, [{ reply: "none", feedback: "wrong" }], said.request);
  }
  const { task, wording, attempts } = drawRejections(random);
  return rewriting(request(task, wording), attempts, clearRequest(task, task.hidden, wording));
}

function rewriting(said: string, attempts: readonly RejectedAttempt[], clear: string): Turn[] {
  return [
    ...rewritePrompt(said, attempts).map((message) => ({ ...message, learn: false })),
    { role: "assistant", content: clear, learn: true },
  ];
}

/** A task with one to four replies that are wrong: mostly other readings, else mistakes. */
function drawRejections(random: Random): {
  task: Task;
  wording: Wording;
  attempts: RejectedAttempt[];
} {
  const chain: Chain = random() < 0.4 ? [pick(random, families)] : pick(random, trainedPairs);
  const task = drawTask(random, chain, { stated: statedInDialogue, readings: "uniform" });
  const wording = drawWording(random, task);
  const consistent = consistentReadings(task);
  const attempts: RejectedAttempt[] = [];
  for (let left = pick(random, [1, 1, 2, 2, 3, 4]); left > 0; left--) {
    const misread = random() < 0.75 && consistent.length > 1;
    const reply = drawWrong(task, attempts, () => {
      const readings = pick(random, consistent);
      return misread ? answer(task, readings) : drawMistake(random, task, readings);
    });
    if (reply === null) break;
    attempts.push({ reply, feedback: feedback(random, task, reply, trainingUser) });
  }
  return { task, wording, attempts };
}

/** A reply that is neither right nor rejected already, or null after a few draws. */
function drawWrong(
  task: Task,
  attempts: readonly RejectedAttempt[],
  draw: () => string,
): string | null {
  for (let tries = 0; tries < 5; tries++) {
    const reply = draw();
    if (reply !== answer(task) && attempts.every((attempt) => attempt.reply !== reply)) {
      return reply;
    }
  }
  return null;
}

/** The answer with one item changed, two exchanged, or one lost. */
function drawMistake(random: Random, task: Task, readings: Readings): string {
  const list = [...result(task, readings)];
  const at = randomInt(random, 0, list.length);
  const u = random();
  if (list.length === 0) list.push(pick(random, task.items));
  else if (u < 0.5) list[at] = pick(random, kinds[task.kind].items);
  else if (u < 0.75 && list.length > 1) {
    const other = randomInt(random, 0, list.length);
    [list[at], list[other]] = [list[other]!, list[at]!];
  } else list.splice(at, 1);
  return render(list, readings.at(-1)!);
}

function exchange({ request: said, reply }: Exchange): Turn[] {
  return [
    { role: "user", content: said, learn: false },
    { role: "assistant", content: reply, learn: true },
  ];
}

function system(content: string): Turn {
  return { role: "system", content, learn: false };
}

function drawIngredient(random: Random): Ingredient {
  let u = random();
  for (const [ingredient, share] of Object.entries(mix) as [Ingredient, number][]) {
    u -= share;
    if (u < 0) return ingredient;
  }
  return "pair";
}
