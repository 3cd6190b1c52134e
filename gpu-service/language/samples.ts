/** Training samples: conversations with the turns to learn from marked. Knows the mix, not tokens. */

import { pick, type Random } from "@rosa2/shared/random";
import { type BaseSkill, drawBaseSkill, type Exchange } from "./base-skills.ts";
import {
  askAgain,
  exchange,
  rejectThenAnswer,
  remarkBelow,
  rewriteOf,
  rewriting,
  system,
  type Turn,
} from "./conversations.ts";
import { drawBackwards, drawEveryday, drawSum, drawSyllables } from "./everyday.ts";
import { drawWideLength, type Kind } from "./items.ts";
import { listQuestion } from "./list-question.ts";
import { additionNames } from "./notes/additions.ts";
import { drawEverydayNote } from "./notes/everyday.ts";
import { drawNote, type NoteOptions } from "./notes/note.ts";
import { drawNoteWording, noteQuestion } from "./notes/question.ts";
import { type Family, families } from "./operations.ts";
import { beyondReply, drawOutside } from "./outside.ts";
import { beyondRemarks } from "./phrasings.ts";
import { asExchange, type Question } from "./question.ts";
import { type Chain, isTrained, pairs, trainedPairs, triples, untaughtChains } from "./skills.ts";
import { answer, drawTask, stepwiseAnswer } from "./task.ts";
import { drawWording, request } from "./wording.ts";

/** Shares of the ingredients; they sum to 1. */
export const mix = {
  single: 0.055,
  pair: 0.165,
  untaught: 0.025,
  note: 0.06,
  everyday: 0.15,
  backwards: 0.02,
  sum: 0.015,
  base: 0.04,
  outside: 0.02,
  dialogue: 0.025,
  rewrite: 0.15,
  remarked: 0.06,
  sameUser: 0.175,
  stepwise: 0.04,
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
/** Of requests with remarks below: the share whose remark is beyond the model. */
const beyondShare = 0.3;

/** Of conversations with several exchanges of one user: the share with one operation, the share that leaves all open. */
const sameUserSingle = 0.3;
const sameUserVague = 0.6;
const stepwiseSingle = 0.15;
const stepwiseTriple = 0.2;
/** Of what can be about either: the share about notes. */
const noteShare = 0.25;
/** Of rewrites of notes: the share with an addition. */
const additionShare = 0.3;
/** Of rewrites: the share that leaves the request as it is, because nothing is known that it could mean. */
const unchangedShare = 0.12;
/** Of notes: the share asked for in a sentence. */
const everydayNoteShare = 0.35;
const manners = [", step by step", ", show your work"];

/** One conversation of the training mix. */
export function drawSample(random: Random): Turn[] {
  const ingredient = drawIngredient(random);
  if (ingredient === "sameUser") return drawSameUser(random);
  if (ingredient === "dialogue") return rejectThenAnswer(random, drawDisputed(random));
  if (ingredient === "rewrite") return drawRewrite(random);
  if (ingredient === "remarked") return drawRemarked(random);
  const turns = random() < 0.03 ? [system(pick(random, systemPrompts))] : [];
  const used = new Set<Family | "note">();
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
function drawExchange(random: Random, ingredient: Ingredient, used: Set<Family | "note">): Turn[] {
  const simple = simpleExchanges[ingredient];
  if (simple) return exchange(simple(random));
  if (ingredient === "stepwise") return drawStepwise(random);
  if (ingredient === "note") {
    if (random() < everydayNoteShare) {
      return exchange(asExchange(drawEverydayNote(random, { disputed: false })));
    }
    const stated = used.has("note") ? "clear" : statedAlone;
    used.add("note");
    return exchange(asExchange(drawNoteQuestion(random, { stated, readings: "habits" })));
  }
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
  return pick(random, ["single", "pair", "everyday", "base", "outside", "note"] as const);
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
  return { length, kind: u < 0.78 ? "numbers" : "nouns" };
}

/** One user who asks the same about several things and always means the same. */
function drawSameUser(random: Random): Turn[] {
  if (random() < noteShare) {
    const stated = random() < sameUserVague ? "two open" : statedInDialogue;
    return askAgain(random, drawNoteQuestion(random, { stated, readings: "uniform" }), () =>
      drawInterruption(random, []),
    );
  }
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
  return askAgain(random, listQuestion(task, drawWording(random, task)), () =>
    drawInterruption(random, chain),
  );
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

/** A request with the user's remarks below it. A remark that is beyond the model gets an answer that says so. */
function drawRemarked(random: Random): Turn[] {
  if (random() < beyondShare) {
    const asked = pick(random, [drawEveryday, drawPractisedSkill, drawVague])(random);
    return exchange({
      request: `${asked.request}\n\n${drawBeyondRemark(random)}`,
      reply: beyondReply,
    });
  }
  for (;;) {
    const turns = remarkBelow(random, drawDisputed(random));
    if (turns !== null) return turns;
  }
}

function drawBeyondRemark(random: Random): string {
  return pick(random, beyondRemarks).replaceAll("{W}", () => drawSyllables(random));
}

function drawVague(random: Random): Exchange {
  const task = drawTask(random, pick(random, trainedPairs), {
    stated: statedInDialogue,
    readings: "usual format",
  });
  return { request: request(task, drawWording(random, task)), reply: answer(task) };
}

/**
 * A request with its rejected replies as a prompt to say the request clearly. A request that is clear already is
 * answered unchanged.
 */
function drawRewrite(random: Random): Turn[] {
  if (random() < unchangedShare) {
    const said = pick(random, [drawBaseSkill, drawOutside, drawEveryday])(random);
    const feedback = random() < 0.4 ? "wrong" : drawBeyondRemark(random);
    return rewriting(said.request, [{ reply: "none", feedback }], said.request);
  }
  return rewriteOf(random, drawReworded(random));
}

/** What is rewritten may be of any length: wording a composition is not carrying it out. */
function drawReworded(random: Random): Question {
  if (random() < noteShare) {
    if (random() < everydayNoteShare) return drawEverydayNote(random, { disputed: true });
    const addition = random() < additionShare ? pick(random, additionNames) : null;
    return drawNoteQuestion(random, { ...drawOpen(random), addition });
  }
  const u = random();
  return drawListQuestion(
    random,
    u < 0.3 ? [pick(random, families)] : pick(random, u < 0.7 ? pairs : triples),
  );
}

/** What a user and the model disagree about: something that the model carries out. */
function drawDisputed(random: Random): Question {
  if (random() >= noteShare) {
    const chain = random() < 0.4 ? [pick(random, families)] : pick(random, trainedPairs);
    return drawListQuestion(random, chain);
  }
  return random() < everydayNoteShare
    ? drawEverydayNote(random, { disputed: true })
    : drawNoteQuestion(random, drawOpen(random));
}

function drawListQuestion(random: Random, chain: Chain): Question {
  const task = drawTask(random, chain, {
    stated: chain.length > 1 && random() < 0.4 ? "format" : statedInDialogue,
    readings: "usual format",
  });
  return listQuestion(task, drawWording(random, task));
}

function drawNoteQuestion(random: Random, options: NoteOptions): Question {
  return noteQuestion(drawNote(random, options), drawNoteWording(random));
}

function drawOpen(random: Random): NoteOptions {
  return { stated: random() < 0.4 ? "two open" : statedInDialogue, readings: "uniform" };
}

function drawIngredient(random: Random): Ingredient {
  let u = random();
  for (const [ingredient, share] of Object.entries(mix) as [Ingredient, number][]) {
    u -= share;
    if (u < 0) return ingredient;
  }
  return "pair";
}
