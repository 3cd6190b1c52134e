/** What feedback, heard or scored, does to a ledger; it words nothing and remembers nothing. */
import { unknownMeaning } from "@rosa2/shared/lexicon/new-words";
import type { SenseFeedback } from "./feedback.ts";
import * as ledger from "./ledger.ts";
import type { CompiledSense } from "./lexicon.ts";
import { isShy, type Reading } from "./reading.ts";
import type { Attempt, GradientInput, Ledger, ScoreItem } from "./types.ts";

/** How a step is taken; the same options go into every call of a session. */
export interface GradientOptions {
  /** Senses to look for; those that ship unless given. */
  lexicon?: readonly CompiledSense[];
  /** `bayes` (default) weighs every reading by every scored reply; `rules` uses scores of corrections only. */
  variant?: "bayes" | "rules";
  /** Bound on the texts to score for one feedback. */
  scoreItemsMax?: number;
}

/** Share of the ledger's weight whose readings are scored: the more a reply says, the further down. */
const massAccepted = 0.98;
const massRejected = 0.999;

/** What is to be scored, without the wordings. */
export function questions(
  reading: Reading,
  input: GradientInput,
  options: GradientOptions,
): Omit<ScoreItem, "prompt">[] {
  if (reading.senses.length === 0) return [];
  const { reply } = lastAttempt(input);
  const { reward, correction = "" } = input.feedback;
  const isCorrected = correction !== "" && correction !== reply;
  const replies: Pick<ScoreItem, "reply" | "kind">[] = [];
  if (reply !== "") replies.push({ reply, kind: isAccepted(input) ? "accepted" : "rejected" });
  if (isCorrected) replies.push({ reply: correction, kind: "corrected" });
  if (replies.length === 0 || (reward === 0 && !isCorrected)) return [];
  const accepted = isAccepted(input);
  // Praise for ordinary text is no reason to weigh what "football" might have meant.
  if (accepted && reading.senses.every((compiled) => isShy(reading, compiled))) return [];
  const readingsMax = Math.max(1, Math.floor((options.scoreItemsMax ?? 96) / replies.length));
  const keys = ledger.topReadings(
    reading.ledger,
    readingsMax,
    isCorrected ? 1 : accepted ? massAccepted : massRejected,
  );
  // One reading alone has nothing to be weighed against.
  if (keys.length === 1 && !isCorrected) return [];
  return keys.flatMap((key) => replies.map((item) => ({ ...item, reading: key })));
}

/** What the user says outright: stated readings win, hinted and denied ones lose. */
export function hear(
  reading: Reading,
  from: Ledger,
  senses: readonly SenseFeedback[],
  guess: readonly string[],
): Ledger {
  let next = from;
  for (const { compiled, stated, denied, hinted } of senses) {
    const slot = reading.senses.indexOf(compiled);
    if (slot < 0) continue;
    for (const id of denied) next = ledger.applyHint(next, slot, id);
    if (stated !== null) next = ledger.applyStated(next, slot, stated);
    else if (hinted && denied.length === 0) next = ledger.applyHint(next, slot, guess[slot] ?? "");
  }
  return next;
}

/** What was stated outright still holds after replies were scored. */
export function holdStated(
  reading: Reading,
  weighed: Ledger,
  senses: readonly SenseFeedback[],
): Ledger {
  let next = weighed;
  for (const { compiled, stated } of senses) {
    const slot = reading.senses.indexOf(compiled);
    if (slot >= 0 && stated !== null) next = ledger.holdStated(next, slot, stated);
  }
  return next;
}

/** What is known about the attempt that the feedback is about. */
export interface Evidence {
  guess: readonly string[];
  /** The attempt left a sense open, so its reading is only guessed. */
  asSaid: boolean;
  confidence: number;
  scored: Record<ScoreItem["kind"], Map<string, number>>;
  options: GradientOptions;
}

/** The ledger after praise: by scores where there are any, else the stated reading wins. */
export function weighAcceptance(from: Ledger, evidence: Evidence): Ledger {
  const { guess, asSaid, scored, options } = evidence;
  if (scored.accepted.size > 0 && options.variant !== "rules") {
    return ledger.applyAcceptedScores(from, scored.accepted);
  }
  return asSaid || guess.length === 0 ? from : ledger.applySuccess(from, ledger.keyOf(guess));
}

/** The ledger after a failure, and after the correction where one was scored. */
export function weighRejection(
  from: Ledger,
  evidence: Evidence & { spoken: boolean; input: GradientInput },
): Ledger {
  const { guess, confidence, scored, options, spoken, input } = evidence;
  if (guess.length === 0) return from;
  let next = from;
  if (scored.rejected.size > 0 && options.variant !== "rules") {
    next = ledger.applyRejectedScores(next, scored.rejected);
  } else if (!spoken && input.feedback.reward < 0) {
    next = ledger.applyRejection(next, ledger.keyOf(guess), confidence);
  }
  if (scored.corrected.size > 0) {
    next = ledger.applyCorrectionScores(next, scored.corrected, options.variant ?? "bayes");
  }
  return next;
}

/** Log-prob of a correction from which on a new word's meanings explain it better than none of them would (nats). */
const unknownNats = -4;

/**
 * Log-probs by what was scored; scores that are no numbers are left out. That a new word means none of the known
 * operations has no likelihood of its own for a correction: it has that of a fair guess, which a meaning must surpass.
 */
export function groupScores(
  { senses }: Reading,
  items: readonly Omit<ScoreItem, "prompt">[],
  scores: readonly number[],
): Record<ScoreItem["kind"], Map<string, number>> {
  if (scores.length !== items.length) {
    throw new Error(`Cannot match ${scores.length} scores to ${items.length} candidates`);
  }
  const grouped = {
    accepted: new Map<string, number>(),
    rejected: new Map<string, number>(),
    corrected: new Map<string, number>(),
  };
  for (const [i, { kind, reading }] of items.entries()) {
    const logprob = scores[i];
    if (logprob === undefined || !Number.isFinite(logprob)) continue;
    grouped[kind].set(reading, logprob);
  }
  liftUnknown(senses, grouped.corrected);
  return grouped;
}

/** Raises the readings with an unknown word together, so that what they say of other senses stays. */
function liftUnknown(senses: Reading["senses"], scores: Map<string, number>): void {
  const words = senses.flatMap(({ template }, slot) => (template === undefined ? [] : [slot]));
  if (words.length === 0) return;
  const unknown = [...scores].filter(([key]) => {
    const ids = key.split("|");
    return words.some((slot) => ids[slot] === unknownMeaning);
  });
  const best = unknown.reduce((most, [, logprob]) => Math.max(most, logprob), -Infinity);
  const lift = Math.max(0, unknownNats - best);
  for (const [key, logprob] of unknown) scores.set(key, logprob + lift);
}

/** Accepted: praised and not corrected. */
export function isAccepted({ feedback }: GradientInput): boolean {
  return feedback.reward > 0 && (feedback.correction ?? "") === "";
}

/** The attempt that the feedback is about. */
export function lastAttempt(input: GradientInput): Attempt {
  const attempt = input.attempts.at(-1);
  if (attempt === undefined) throw new Error("Cannot revise words without an attempt");
  return attempt;
}
