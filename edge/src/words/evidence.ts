/** Applies evidence, remarks and scores, to a ledger. It words nothing and remembers nothing. */
import { replyConfidence } from "@rosa2/shared/objective";
import type { SenseFeedback } from "./feedback.ts";
import * as ledger from "./ledger.ts";
import { type Reading, statedReadings } from "./reading.ts";
import type { Sense } from "./senses.ts";
import type { Attempt, GradientInput, Ledger, Score, ScoreItem } from "./types.ts";

/** Options of a step; the same ones are passed to every call of a session. */
export interface GradientOptions {
  /** The tenant's and the session's own senses. */
  lexicon?: readonly Sense[];
}

/** Largest number of texts to score for one feedback. */
const scoreItemsMax = 64;
/** Rejected replies of earlier tries by which a new reading is weighed. */
const earlierMax = 3;
/** Share of the ledger's weight whose readings are scored: the more a reply shows, the larger. */
const massAccepted = 0.98;
const massRejected = 0.999;
/** A model's readings that are scored for a first rejected reply: a retry waits, and the likeliest have most of the weight. */
const firstReadingsMax = 6;

type Question = Omit<ScoreItem, "prompt">;

/** What to score, without the wordings. */
export function questions(reading: Reading, input: GradientInput): Question[] {
  if (reading.senses.length === 0) return [];
  const { reply } = lastAttempt(input);
  const { reward, correction = "" } = input.feedback;
  const accepted = isAccepted(input);
  const isCorrected = correction !== "" && correction !== reply;
  if (reward === 0 && !isCorrected) return [];
  const replies: Pick<Question, "reply" | "kind">[] = [];
  const kind = accepted ? "accepted" : "rejected";
  for (const text of new Set([reply, ...(reading.isNew && !accepted ? earlier(input) : [])])) {
    if (text !== "" && text !== correction) replies.push({ reply: text, kind });
  }
  if (isCorrected) replies.push({ reply: correction, kind: "corrected" });
  else if (isTelling(input)) replies.push({ reply: input.heard ?? "", kind: "heard" });
  if (replies.length === 0) return [];
  // Praise for ordinary text is no reason to weigh the readings of an own sense.
  const isKnown = reading.senses.some((one) => one.learnt !== undefined || !one.shy);
  if (accepted && !isKnown) return [];
  const isProposed = reading.senses.some(({ learnt }) => learnt !== undefined);
  const isFirst = isProposed && !isCorrected && !accepted && input.attempts.length === 1;
  const keys = ledger.topReadings(
    reading.ledger,
    isFirst ? firstReadingsMax : Math.max(1, Math.floor(scoreItemsMax / replies.length) - 2),
    isCorrected ? 1 : accepted ? massAccepted : massRejected,
  );
  // What every candidate is compared with, and what the rejected reply answered.
  const answered = statedReadings(reading, lastAttempt(input)).map(
    (id, position) => id ?? reading.plain[position] ?? "",
  );
  for (const key of [ledger.keyOf(reading.plain), ledger.keyOf(answered)]) {
    if (reading.ledger.weights[key] !== undefined && !keys.includes(key)) keys.push(key);
  }
  // A single reading has nothing to be compared with.
  if (keys.length === 1 && !isCorrected) return [];
  return keys.flatMap((key) => replies.map((item) => ({ ...item, reading: key })));
}

/** Whether the remark changes the reply: one that was rejected already says nothing about its meaning. */
function isTelling({ heard = "", attempts }: GradientInput): boolean {
  return heard !== "" && attempts.every(({ reply }) => reply.trim() !== heard.trim());
}

/** Replies that were rejected before the last one. */
function earlier({ attempts }: GradientInput): string[] {
  return attempts
    .slice(0, -1)
    .map(({ reply }) => reply)
    .slice(-earlierMax);
}

/**
 * Scores by reply: for each rejected reply, the last first, for the right one, and for the one that the remark gets, one
 * score per reading.
 */
export interface Scored {
  rejected: ReadonlyMap<string, Score>[];
  right: ReadonlyMap<string, Score>;
  heard: ReadonlyMap<string, Score>;
}

/** Scores that are not numbers are left out. */
export function groupScores(items: readonly Question[], scores: readonly Score[]): Scored {
  if (scores.length !== items.length) {
    throw new Error(`Cannot match ${scores.length} scores to ${items.length} candidates`);
  }
  const rejected = new Map<string, Map<string, Score>>();
  const right = new Map<string, Score>();
  const heard = new Map<string, Score>();
  for (const [i, { kind, reading, reply }] of items.entries()) {
    const score = scores[i];
    if (score === undefined || !score.every(Number.isFinite)) continue;
    if (kind !== "rejected") {
      (kind === "heard" ? heard : right).set(reading, score);
      continue;
    }
    const scored = rejected.get(reply) ?? new Map<string, Score>();
    rejected.set(reply, scored);
    scored.set(reading, score);
  }
  return { rejected: [...rejected.values()], right, heard };
}

/** Applies what the user states outright: stated readings win, hinted and denied ones lose. */
export function applyStatements(
  reading: Reading,
  from: Ledger,
  senses: readonly SenseFeedback[],
  guess: readonly string[],
): Ledger {
  let next = from;
  for (const { sense, stated, denied, hinted } of senses) {
    const position = reading.senses.indexOf(sense);
    if (position < 0) continue;
    for (const id of denied) next = ledger.applyHint(next, position, id);
    if (stated !== null) next = ledger.holdStated(next, position, stated);
    else if (hinted && denied.length === 0)
      next = ledger.applyHint(next, position, guess[position] ?? "");
  }
  return next;
}

/** What is known about the attempt that the feedback refers to. */
export interface Evidence {
  guess: readonly string[];
  /** The attempt left a sense open, so its reading is only guessed. */
  isOpen: boolean;
  confidence: number;
  scored: Scored;
  heard: readonly SenseFeedback[];
}

/**
 * The ledger after feedback. The scored replies change the weights of the readings; a reading that the user stated
 * outright keeps its weight.
 */
export function weigh(reading: Reading, spoken: Ledger, evidence: Evidence, input: GradientInput) {
  const { guess, isOpen, confidence, scored, heard } = evidence;
  const hasRight = scored.right.size > 0;
  if (isAccepted(input)) {
    if (hasRight) return ledger.applyRightScores(reading.ledger, scored.right);
    const isGuessed = isOpen || guess.length === 0;
    return isGuessed ? reading.ledger : ledger.applySuccess(reading.ledger, ledger.keyOf(guess));
  }
  if (guess.length === 0) return spoken;
  let next = spoken;
  const skill = skillAfter(reading, scored);
  for (const scores of scored.rejected) next = ledger.applyRejectedScores(next, scores, skill);
  // A model's proposals move only by scores: without them nothing supports them.
  const isOwn = reading.senses.every(({ learnt }) => learnt === undefined);
  const isPlain = heard.length === 0 && input.feedback.reward < 0;
  if (scored.rejected.length === 0 && isOwn && isPlain) {
    next = ledger.applyRejection(next, ledger.keyOf(guess), confidence);
  }
  next = ledger.applyRightScores(next, scored.right);
  // A reading that disagrees with what the remark says makes the reply to it unlikely.
  next = ledger.applyRightScores(next, scored.heard);
  for (const { sense, stated } of heard) {
    const position = reading.senses.indexOf(sense);
    if (position >= 0 && stated !== null) next = ledger.holdStated(next, position, stated);
  }
  return next;
}

/**
 * The probability that the model's reply to what is meant is right. A right reply that no wording makes likely lowers
 * it, one that some wording explains raises it, and the latest counts half.
 */
export function skillAfter({ skill }: Reading, { right }: Scored): number {
  if (right.size === 0) return skill;
  return (skill + Math.max(...[...right.values()].map(replyConfidence))) / 2;
}

/** Accepted: praised and not corrected. */
export function isAccepted({ feedback }: GradientInput): boolean {
  return feedback.reward > 0 && (feedback.correction ?? "") === "";
}

/** The attempt that the feedback refers to. */
export function lastAttempt(input: GradientInput): Attempt {
  const attempt = input.attempts.at(-1);
  if (attempt === undefined) throw new Error("Cannot revise words without an attempt");
  return attempt;
}
