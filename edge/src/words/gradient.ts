/** The rules provider: how one piece of feedback changes the ledger, the constraints and the words. Pure. */

import { compose } from "./compose.ts";
import { readFeedback } from "./feedback.ts";
import * as ledger from "./ledger.ts";
import { type CompiledSense, findOccurrences, type Occurrence, shippedLexicon } from "./lexicon.ts";
import { neutraliseNote } from "./neutralise.ts";
import { addConstraint, rememberForUndo } from "./state.ts";
import type {
  Attempt,
  Constraint,
  Diagnosis,
  GradientInput,
  Ledger,
  Revised,
  Revision,
  ScoreItem,
  SenseMemory,
  Span,
  WordsState,
} from "./types.ts";

export interface GradientOptions {
  /** Senses to look for; those that ship unless given. */
  lexicon?: readonly CompiledSense[];
  /** `bayes` (default with scores) weighs every reading by every scored reply; `rules` only by corrections. */
  variant?: "bayes" | "rules";
  /** Bound on the texts to score for one feedback. */
  scoreItemsMax?: number;
}

/** A request's open senses with their ledger, in lexicon order. */
interface Reading {
  occurrences: Occurrence[];
  senses: CompiledSense[];
  name: string;
  ledger: Ledger;
}

/** How sure the ledger must be before a reading that was never rejected is said. */
const sureShare = 0.6;

/** Words a new request goes out with, given what the session has learnt. */
export function reviseRequest(
  state: WordsState,
  request: string,
  options: GradientOptions = {},
): Revised {
  const reading = read(state, request, options);
  const joint = ledger.bestReading(reading.ledger).readings;
  const chosen = new Map<CompiledSense, string>();
  for (const [slot, compiled] of reading.senses.entries()) {
    const memory = state.senses[compiled.sense.id];
    const id = joint[slot] ?? "";
    const share = ledger.marginal(reading.ledger.weights, slot)[id] ?? 0;
    if (memory !== undefined && (memory.failures > 0 || share >= sureShare)) {
      chosen.set(compiled, id);
    }
  }
  const constraints = state.constraints.filter((c) => c.scope === "session");
  const prompt = compose(request, reading.occurrences, chosen, constraints);
  return {
    prompt,
    changed: prompt !== request,
    spans: spansOf(request, reading, chosen),
    constraints,
  };
}

/**
 * What the ledger wants scored before `textualGradient`: the last reply, and the correction if there is one,
 * under each of the likeliest readings' wordings. Empty when nothing is ambiguous.
 */
export function candidatesToScore(
  state: WordsState,
  input: GradientInput,
  options: GradientOptions = {},
): ScoreItem[] {
  const reading = read(state, input.request, options);
  if (reading.senses.length === 0) return [];
  const attempt = lastAttempt(input);
  const { reward, correction } = input.feedback;
  const replies: Pick<ScoreItem, "reply" | "kind">[] = [];
  if (attempt.reply !== "") {
    replies.push({ reply: attempt.reply, kind: reward > 0 ? "accepted" : "rejected" });
  }
  if (correction !== undefined && correction !== "" && correction !== attempt.reply) {
    replies.push({ reply: correction, kind: "corrected" });
  }
  const max = options.scoreItemsMax ?? 96;
  const readings = ledger.topReadings(
    reading.ledger,
    Math.max(1, Math.floor(max / Math.max(1, replies.length))),
  );
  return readings.flatMap((key) => {
    const prompt = wordingOf(state, input, reading, key);
    return replies.map((item) => ({ ...item, prompt, reading: key }));
  });
}

/**
 * One step on the words. `scores` are log-probs (nats) aligned with `candidatesToScore` of the same state,
 * input and options; without them the ledger goes by rules alone.
 */
export function textualGradient(
  state: WordsState,
  input: GradientInput,
  scores: readonly number[] | null = null,
  options: GradientOptions = {},
): { state: WordsState; revision: Revision } {
  const attempt = lastAttempt(input);
  const accepted = input.feedback.reward > 0 && input.feedback.correction === undefined;
  const reading = read(state, input.request, options);
  const scored = groupScores(candidatesToScore(state, input, options), scores);
  const before = currentReading(reading, attempt, options);
  const asSaid = before.key === null;
  const guess = before.key ?? ledger.bestReading(reading.ledger).readings;
  const guessKey = ledger.keyOf(guess);
  const share = reading.senses.length === 0 ? 1 : (reading.ledger.weights[guessKey] ?? 0);
  // An as-said wording spreads the model's belief over the readings: c counts within the guessed one.
  const confidence = Math.min(
    1,
    (attempt.confidence ?? 0.5) / (asSaid ? Math.max(share, 1e-3) : 1),
  );
  const said = readFeedback(
    input.feedback.text ?? "",
    reading.occurrences.map((o) => o.compiled).filter(unique),
  );

  let next: Ledger = reading.ledger;
  let touched = false;
  if (accepted) {
    if (scored.accepted.size > 0 && options.variant !== "rules") {
      next = ledger.applyAcceptedScores(next, scored.accepted);
      touched = true;
    } else if (!asSaid) {
      next = ledger.applySuccess(next, guessKey);
      touched = true;
    }
  } else if (reading.senses.length > 0) {
    touched = true;
    let spoken = false;
    for (const { compiled, stated, denied, hinted } of said.senses) {
      const slot = reading.senses.indexOf(compiled);
      if (slot < 0) continue;
      spoken = true;
      for (const id of denied) next = ledger.applyHint(next, slot, id);
      if (stated !== null) next = ledger.applyStated(next, slot, stated);
      else if (hinted && denied.length === 0) {
        next = ledger.applyHint(next, slot, guess[slot] ?? "");
      }
    }
    if (scored.rejected.size > 0 && options.variant !== "rules") {
      next = ledger.applyRejectedScores(next, scored.rejected);
    } else if (!spoken) next = ledger.applyRejection(next, guessKey, confidence);
    if (scored.corrected.size > 0) {
      next = ledger.applyCorrectionScores(next, scored.corrected, options.variant ?? "bayes");
    }
  }

  let after = rememberForUndo(state, input.turnId, attempt.prompt);
  const learnt: Constraint[] = [];
  if (said.rest !== "" && !accepted) {
    const added = addConstraint(after, {
      family: "note",
      text: `The user added: “${neutraliseNote(said.rest, 200).replace(/[“”"]/gu, "'")}”.`,
      scope: "turn",
      turnId: input.turnId,
    });
    after = added.state;
    learnt.push(added.constraint);
  }
  if (touched) after = remember(after, reading, next, !accepted);
  const best = ledger.bestReading(next);
  const chosen = new Map<CompiledSense, string>(
    reading.senses.map((compiled, slot) => [compiled, best.readings[slot] ?? ""]),
  );
  const prompt = accepted
    ? attempt.prompt
    : compose(input.request, reading.occurrences, chosen, constraintsFor(after, input.turnId));
  const changed = prompt !== attempt.prompt;
  const hinted = said.senses.length > 0;
  return {
    state: after,
    revision: {
      changed,
      before: attempt.prompt,
      after: prompt,
      diagnosis: diagnose({ accepted, changed, hinted, share, confidence, said: said.rest }),
      constraints: learnt,
      ruledOut: ruledOut(reading, guess, best.readings, accepted),
      confidence: reading.senses.length === 0 ? 1 : best.share,
      spans: spansOf(input.request, { ...reading, ledger: next }, accepted ? new Map() : chosen),
      hinted,
      share,
    },
  };
}

function read(state: WordsState, request: string, options: GradientOptions): Reading {
  const lexicon = options.lexicon ?? shippedLexicon;
  const occurrences = findOccurrences(request, lexicon);
  const senses = lexicon.filter((compiled) =>
    occurrences.some((o) => o.compiled === compiled && o.stated === null),
  );
  const name = ledger.ledgerName(senses);
  return {
    occurrences,
    senses,
    name,
    ledger: ledger.openLedger(senses, state.ledgers[name], state.senses),
  };
}

/** The joint reading that an attempt's prompt states; null when it left any sense open. */
function currentReading(
  reading: Reading,
  attempt: Attempt,
  options: GradientOptions,
): { key: string[] | null } {
  const stated = findOccurrences(attempt.prompt, options.lexicon ?? shippedLexicon);
  const key: string[] = [];
  for (const compiled of reading.senses) {
    const id = stated.find((o) => o.compiled === compiled && o.stated !== null)?.stated?.id;
    if (id === undefined) return { key: null };
    key.push(id);
  }
  return { key };
}

function wordingOf(state: WordsState, input: GradientInput, reading: Reading, key: string): string {
  const ids = key.split("|");
  const chosen = new Map(reading.senses.map((compiled, slot) => [compiled, ids[slot] ?? ""]));
  const constraints = constraintsFor(state, input.turnId);
  return compose(input.request, reading.occurrences, chosen, constraints);
}

function constraintsFor(state: WordsState, turnId: string): Constraint[] {
  return state.constraints.filter((c) => c.scope === "session" || c.turnId === turnId);
}

function lastAttempt(input: GradientInput): Attempt {
  const attempt = input.attempts.at(-1);
  if (attempt === undefined) throw new Error("Cannot revise words without an attempt");
  return attempt;
}

function groupScores(
  items: readonly ScoreItem[],
  scores: readonly number[] | null,
): Record<ScoreItem["kind"], Map<string, number>> {
  const grouped = {
    accepted: new Map<string, number>(),
    rejected: new Map<string, number>(),
    corrected: new Map<string, number>(),
  };
  if (scores === null) return grouped;
  if (scores.length !== items.length) {
    throw new Error(`Cannot match ${scores.length} scores to ${items.length} candidates`);
  }
  for (const [i, { kind, reading }] of items.entries()) {
    const logprob = scores[i];
    if (logprob !== undefined && Number.isFinite(logprob)) grouped[kind].set(reading, logprob);
  }
  return grouped;
}

/** Keeps a ledger and the marginals it implies for each of its senses. */
function remember(state: WordsState, reading: Reading, next: Ledger, failed: boolean): WordsState {
  if (reading.senses.length === 0) return state;
  const senses: Record<string, SenseMemory> = { ...state.senses };
  for (const [slot, { sense }] of reading.senses.entries()) {
    senses[sense.id] = {
      readings: ledger.marginal(next.weights, slot),
      failures: (senses[sense.id]?.failures ?? 0) + (failed ? 1 : 0),
    };
  }
  return { ...state, senses, ledgers: { ...state.ledgers, [reading.name]: next } };
}

function spansOf(
  request: string,
  reading: Reading,
  chosen: ReadonlyMap<CompiledSense, string>,
): Span[] {
  return reading.occurrences.map(({ compiled, start, end, stated }) => {
    const slot = reading.senses.indexOf(compiled);
    const id = stated?.id ?? chosen.get(compiled) ?? null;
    const shares = slot < 0 ? {} : ledger.marginal(reading.ledger.weights, slot);
    return {
      sense: compiled.sense.id,
      label: compiled.sense.label,
      text: request.slice(start, end),
      start,
      end,
      reading: id,
      phrase: compiled.sense.readings.find((r) => r.id === id)?.phrase ?? null,
      said: stated !== null,
      probability: stated !== null ? 1 : id === null ? 0 : (shares[id] ?? 0),
    };
  });
}

function ruledOut(
  reading: Reading,
  before: readonly string[],
  after: readonly string[],
  accepted: boolean,
): string[] {
  if (accepted) return [];
  return reading.senses.flatMap(({ sense }, slot) => {
    const old = sense.readings.find((r) => r.id === before[slot]);
    return old === undefined || old.id === after[slot] ? [] : [`${sense.label}: ${old.phrase}`];
  });
}

/** Where the fault lies, before a correction can tell: P(incapacity | fail), see shared/src/schedule.ts. */
function diagnose(evidence: {
  accepted: boolean;
  changed: boolean;
  hinted: boolean;
  share: number;
  confidence: number;
  said: string;
}): Diagnosis {
  const { accepted, changed, hinted, share, confidence, said } = evidence;
  if (accepted) return "accepted";
  if (!changed) return said === "" && !hinted && share < 1 ? "unclear_feedback" : "incapable";
  if (hinted) return "ambiguous";
  const skill = share * (1 - confidence);
  const incapacity = skill / (skill + 1 - share + 1e-9);
  return incapacity > 0.65 ? "incapable" : incapacity > 0.35 ? "both" : "ambiguous";
}

function unique<T>(item: T, index: number, all: readonly T[]): boolean {
  return all.indexOf(item) === index;
}
