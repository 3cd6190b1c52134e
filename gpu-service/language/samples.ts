/** Training samples: conversations with the turns to learn from marked. Knows the mix, not tokens. */

import type { Message } from "@rosa2/shared/protocol";
import { pick, type Random, randomInt } from "@rosa2/shared/random";
import { type RejectedAttempt, rewritePrompt } from "@rosa2/shared/rewrite-prompt";
import { type BaseSkill, drawBaseSkill, type Exchange } from "./base-skills.ts";
import { drawBackwards, drawEveryday, drawSum } from "./everyday.ts";
import { drawWideLength, type Kind, kinds } from "./items.ts";
import { type Family, families } from "./operations.ts";
import { drawOutside } from "./outside.ts";
import { type Chain, isTrained, pairs, trainedPairs, triples, untaughtChains } from "./skills.ts";
import {
  answer,
  consistentReadings,
  drawTask,
  type Readings,
  render,
  result,
  stepwiseAnswer,
  type Task,
  withNewItems,
} from "./task.ts";
import { feedback, type Talkativeness } from "./user.ts";
import { clearRequest, drawWording, request, type Wording } from "./wording.ts";

export interface Turn extends Message {
  /** Whether the model learns to say this turn. Only right answers are learnt. */
  learn: boolean;
}

/** Shares of the ingredients; they sum to 1. */
export const mix = {
  single: 0.09,
  pair: 0.225,
  untaught: 0.025,
  everyday: 0.15,
  backwards: 0.03,
  sum: 0.015,
  base: 0.045,
  outside: 0.02,
  dialogue: 0.03,
  rewrite: 0.1,
  sameUser: 0.2,
  stepwise: 0.07,
} as const;
type Ingredient = keyof typeof mix;

/** The share of readings that a lone request spells out, and the same for a request that is about to be corrected. */
const statedAlone = 0.88;
const statedInDialogue = 0.45;
/** Share of lone exchanges that another one follows in the same conversation. */
const followedShare = 0.15;
const systemPrompts = [
  "You are a helpful assistant.",
  "Be brief.",
  "You are a helpful assistant. Be brief.",
];
/** Base skills that take longest to learn, and the share of base exchanges that practise one of them. */
const hardSkills: readonly BaseSkill[] = ["occurrences", "subtract"];
const hardShare = 0.35;
const trainingUser: Talkativeness = { hint: 0.38, statement: 0.17, varied: true };

/**
 * Of conversations with several exchanges of one user: the share with one operation, the share that leaves every
 * operation open, the share with an interruption.
 */
const sameUserSingle = 0.3;
const sameUserVague = 0.6;
const interruptedShare = 0.25;
const stepwiseSingle = 0.15;
const stepwiseTriple = 0.2;
/** Of rewrites: share in which the user at last gave the right reply. */
const correctedShare = 0.2;
const corrections = ["It should be {A}", "{A}", "The answer is {A}"];
const manners = [", step by step", ", show your work"];

/** One conversation of the training mix. */
export function drawSample(random: Random): Turn[] {
  const ingredient = drawIngredient(random);
  if (ingredient === "sameUser") return drawSameUser(random);
  if (ingredient === "dialogue") return drawDialogue(random);
  if (ingredient === "rewrite") return drawRewrite(random);
  const turns = random() < 0.03 ? [system(pick(random, systemPrompts))] : [];
  const used = new Set<Family>();
  turns.push(...drawExchange(random, ingredient, used));
  while (random() < followedShare) {
    turns.push(...drawExchange(random, drawAside(random), used));
  }
  return turns;
}

/**
 * One request and its right answer. A request that leaves something open uses no family that came before in the
 * conversation: what one user means by a family is for `drawSameUser` to teach.
 */
function drawExchange(random: Random, ingredient: Ingredient, used: Set<Family>): Turn[] {
  const simple = simpleExchanges[ingredient];
  if (simple) return exchange(simple(random));
  if (ingredient === "stepwise") return drawStepwise(random);
  const chain = drawChain(random, ingredient);
  if (chain.some((family) => used.has(family))) return drawClear(random, chain);
  for (const family of chain) used.add(family);
  const task = drawTask(random, chain, {
    stated: statedAlone,
    readings: "habits",
    ...drawList(random, chain),
  });
  const wording = drawWording(random, task);
  const said = exchange({ request: request(task, wording), reply: answer(task) });
  const standing = used.size === chain.length && !task.stated.at(-1) && random() < 0.08;
  return standing ? [system(`Answer ${wording.format[task.hidden.at(-1)!]}.`), ...said] : said;
}

const simpleExchanges: Partial<Record<Ingredient, (random: Random) => Exchange>> = {
  base: drawPractisedSkill,
  outside: drawOutside,
  everyday: drawEveryday,
  backwards: drawBackwards,
  sum: drawSum,
};

/** What may come between or after other requests. */
function drawAside(random: Random): Ingredient {
  return pick(random, ["single", "pair", "everyday", "base", "outside"] as const);
}

function drawChain(random: Random, ingredient: Ingredient): Chain {
  if (ingredient === "untaught") return pick(random, untaughtChains);
  return ingredient === "single" ? [pick(random, families)] : pick(random, trainedPairs);
}

/** A request that leaves nothing open, whatever was meant before. */
function drawClear(random: Random, chain: Chain): Turn[] {
  const task = drawTask(random, chain, {
    stated: "clear",
    readings: "uniform",
    ...drawList(random, chain),
  });
  return exchange({ request: request(task, drawWording(random, task)), reply: answer(task) });
}

/** Lists of 3 to 7 items as the evaluation asks for them, or of 2 to 12; some of numbers and of other words. */
function drawList(random: Random, chain: Chain): { kind?: Kind; length?: number } {
  if (random() < 0.5) return {};
  const length = Math.min(chain.includes("double") ? 8 : 12, drawWideLength(random));
  const u = random();
  if (chain.includes("shift") || u < 0.55) return { length };
  return { length, kind: u < 0.8 ? "numbers" : "nouns" };
}

/**
 * The same request of one user about two to five lists. What it leaves open always has the same meaning, so from the
 * second reply on the conversation shows what is meant. The first reply counts as corrected and is not learnt.
 */
function drawSameUser(random: Random): Turn[] {
  const u = random();
  const chain: Chain =
    u < 0.08
      ? pick(random, untaughtChains)
      : u < sameUserSingle
        ? [pick(random, families)]
        : pick(random, trainedPairs);
  const stated = random() < sameUserVague ? "format" : statedInDialogue;
  const task = drawTask(random, chain, {
    stated,
    readings: "uniform",
    ...(random() < 0.2 ? drawList(random, chain) : {}),
  });
  const wording = drawWording(random, task);
  const count = pick(random, [2, 3, 3, 4, 4, 5]);
  const interruptedAt = random() < interruptedShare ? randomInt(random, 1, count) : 0;
  return Array.from({ length: count }, (_, i) => {
    const asked = i === 0 ? task : withNewItems(random, task);
    const said = exchange({ request: request(asked, wording), reply: answer(asked) }, i > 0);
    return i > 0 && i === interruptedAt ? [...drawInterruption(random, chain), ...said] : said;
  }).flat();
}

/** An exchange in between that says nothing about the user's meaning. */
function drawInterruption(random: Random, chain: Chain): Turn[] {
  const others = families.filter((family) => !chain.includes(family));
  return random() < 0.5
    ? drawClear(random, [pick(random, others)])
    : exchange(random() < 0.5 ? drawEveryday(random) : drawPractisedSkill(random));
}

/** A request whose answer shows the list after each operation. Three operations are two trained pairs: a, b, a. */
function drawStepwise(random: Random): Turn[] {
  const pair = pick(random, trainedPairs);
  const u = random();
  const chain: Chain =
    u < stepwiseSingle
      ? [pick(random, families)]
      : u < stepwiseSingle + stepwiseTriple && isTrained([pair[1]!, pair[0]!])
        ? [...pair, pair[0]!]
        : pair;
  const task = drawTask(random, chain, { stated: statedAlone, readings: "habits" });
  const wording = { ...drawWording(random, task), manner: pick(random, manners) };
  return exchange({ request: request(task, wording), reply: stepwiseAnswer(task) });
}

function drawPractisedSkill(random: Random): Exchange {
  return random() < hardShare
    ? drawBaseSkill(random, pick(random, hardSkills))
    : drawBaseSkill(random);
}

/** A request, rejected replies, and at last the right one. Only the right one is learnt. */
function drawDialogue(random: Random): Turn[] {
  const chain = random() < 0.4 ? [pick(random, families)] : pick(random, trainedPairs);
  const { task, wording, attempts } = drawRejections(random, chain);
  return [
    { role: "user", content: request(task, wording), learn: false },
    ...attempts.flatMap((attempt): Turn[] => [
      { role: "assistant", content: attempt.reply, learn: false },
      { role: "user", content: attempt.feedback, learn: false },
    ]),
    { role: "assistant", content: answer(task), learn: true },
  ];
}

/**
 * A request with its rejected replies as a prompt to say the request clearly. A request that is clear already is
 * answered unchanged.
 */
function drawRewrite(random: Random): Turn[] {
  if (random() < 0.04) {
    const said = random() < 0.6 ? drawBaseSkill(random) : drawOutside(random);
    return rewriting(said.request, [{ reply: "none", feedback: "wrong" }], said.request);
  }
  const { task, wording, attempts } = drawRejections(random, drawRewritten(random));
  const last = attempts.at(-1);
  if (last && random() < correctedShare) {
    last.feedback = pick(random, corrections).replace("{A}", answer(task));
  }
  return rewriting(request(task, wording), attempts, clearRequest(task, task.hidden, wording));
}

function rewriting(said: string, attempts: readonly RejectedAttempt[], clear: string): Turn[] {
  return [
    ...rewritePrompt(said, attempts).map((message) => ({ ...message, learn: false })),
    { role: "assistant", content: clear, learn: true },
  ];
}

/** What is rewritten may be of any length: wording a composition is not carrying it out. */
function drawRewritten(random: Random): Chain {
  const u = random();
  return u < 0.3 ? [pick(random, families)] : pick(random, u < 0.7 ? pairs : triples);
}

/** A task with one to four replies that are wrong: mostly other readings, else mistakes. */
function drawRejections(
  random: Random,
  chain: Chain,
): {
  task: Task;
  wording: Wording;
  attempts: RejectedAttempt[];
} {
  const stated = chain.length > 1 && random() < 0.4 ? "format" : statedInDialogue;
  const task = drawTask(random, chain, { stated, readings: "uniform" });
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

function exchange({ request: said, reply }: Exchange, learn = true): Turn[] {
  return [
    { role: "user", content: said, learn: false },
    { role: "assistant", content: reply, learn },
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
