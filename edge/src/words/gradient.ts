/** One step on the words: how a request is worded, and how feedback changes ledger, constraints and wording. Pure. */
import { replyConfidence } from "@rosa2/shared/objective";
import { incapacity } from "@rosa2/shared/schedule";
import { candidatesOf, reasonFor } from "./candidates.ts";
import {
  applyStatements,
  type GradientOptions,
  groupScores,
  isAccepted,
  lastAttempt,
  questions,
  type Scored,
  skillAfter,
  weigh,
} from "./evidence.ts";
import { readFeedback, type SenseFeedback } from "./feedback.ts";
import { asSaid } from "./learnt.ts";
import * as ledger from "./ledger.ts";
import {
  type Chosen,
  choose,
  type Reading,
  readRequest,
  spansOf,
  statedReadings,
  supported,
  wording,
} from "./reading.ts";
import { isPointer } from "./remarks/pointer.ts";
import { readRemark } from "./remarks/read.ts";
import type { Sense } from "./senses.ts";
import { addConstraint, newestWithin, withdrawRemark } from "./state.ts";
import type {
  Attempt,
  Constraint,
  GradientInput,
  Ledger,
  Revision,
  Score,
  ScoreItem,
  SenseMemory,
  WordsState,
} from "./types.ts";

/** From this share on the ledger states a reading that was never in doubt. */
const sureShare = 0.6;
/** Combinations of senses with a joint ledger in a session; older ones live on in the marginals. */
const ledgersMax = 32;
/** Bytes for these ledgers in a session's row; the latest is always kept. */
const ledgersBytesMax = 12_288;
/** After this many rejected replies to one problem a model is asked again. */
const failuresMax = 3;
/** Mean token probability from which a wording explains a right reply, and below which it explains a rejection. */
const explainedMin = 0.5;

/**
 * The wording of a request, given what the session has learnt: for a new request, or (with `turnId`) for one of an
 * earlier turn, with the constraints of that turn alone.
 */
export function reviseRequest(
  state: WordsState,
  request: string,
  options: GradientOptions = {},
  turnId: string | null = null,
): { prompt: string; changed: boolean } {
  const reading = readRequest(state, request, options.lexicon);
  const best = ledger.bestReading(reading.ledger).readings;
  const joint = supported(reading, reading.ledger, best);
  const shares = ledger.marginals(reading.ledger);
  const chosen: Chosen = new Map(
    reading.senses.flatMap((sense, position): [Sense, string][] => {
      const id = joint[position] ?? "";
      const memory = state.senses[sense.id];
      if (memory === undefined || id === asSaid) return [];
      const share = shares[position]?.[id] ?? 0;
      const isOpen = sense.learnt !== undefined || !sense.shy;
      const says = share >= sureShare || (memory.failures > 0 && isOpen);
      return says ? [[sense, id]] : [];
    }),
  );
  const prompt = wording(state, turnId, reading, chosen);
  return { prompt, changed: prompt !== request };
}

/**
 * What to score before `textualGradient`: the last reply, and the correction if there is one, under the wordings of the
 * likeliest readings. Empty if nothing is ambiguous.
 */
export function candidatesToScore(
  state: WordsState,
  input: GradientInput,
  options: GradientOptions = {},
): ScoreItem[] {
  const reading = readRequest(state, input.request, options.lexicon);
  const said = hearRemarks(state, input, reading).state;
  // A remark that only points is left out of the wording: it would make every reply unlikely, even the right one.
  const heard = { ...said, constraints: said.constraints.filter((one) => !isPointer(one)) };
  const prompts = new Map<string, string>();
  return questions(reading, input).map((question) => {
    const { reading: key } = question;
    const prompt =
      prompts.get(key) ?? wording(heard, input.turnId, reading, choose(reading, key.split("|")));
    prompts.set(key, prompt);
    return { ...question, prompt };
  });
}

/**
 * The request with the new remark below it, if that says more than that the reply is wrong; otherwise null. The model's
 * reply to it shows what the remark means to the model: give it as `input.heard`.
 */
export function remarkedWording(
  state: WordsState,
  input: GradientInput,
  options: GradientOptions = {},
): string | null {
  const { correction = "" } = input.feedback;
  if (isAccepted(input) || correction !== "") return null;
  const reading = readRequest(state, input.request, options.lexicon);
  const { state: said, constraints } = hearRemarks(state, input, reading);
  if (constraints.every(isPointer)) return null;
  return wording(said, input.turnId, reading, choose(reading, reading.plain));
}

/**
 * One step on the words. `scores` are aligned with `candidatesToScore` of the same state, input and options. Without
 * them a model's proposals are not used, and own senses follow the remarks.
 */
export function textualGradient(
  state: WordsState,
  input: GradientInput,
  scores: readonly Score[] | null = null,
  options: GradientOptions = {},
): { state: WordsState; revision: Revision; isExplained: boolean } {
  const attempt = lastAttempt(input);
  const accepted = isAccepted(input);
  const reading = readRequest(state, input.request, options.lexicon);
  const scored = groupScores(scores === null ? [] : questions(reading, input), scores ?? []);
  const answered = statedReadings(reading, attempt);
  const isOpen = answered.includes(null);
  // What was left open is inferred from the reply if the model scored it, otherwise from habit.
  const [shown] = scored.rejected;
  const guess =
    (isOpen && shown !== undefined ? ledger.explainReply(reading.ledger, shown, answered) : null) ??
    ledger.bestReading(reading.ledger, answered).readings;
  const learnt = hearRemarks(state, input, reading);
  const { senses: heard } = learnt;

  const spoken = applyStatements(reading, reading.ledger, heard, guess);
  const share = reading.senses.length === 0 ? 1 : (spoken.weights[ledger.keyOf(guess)] ?? 0);
  const prior = reading.ledger.weights[ledger.keyOf(guess)] ?? 1;
  // An as-said wording spreads the model's belief over the readings: c counts within the guessed one.
  const said = attempt.confidence ?? 0.5;
  const confidence = Math.min(1, isOpen ? said / Math.max(prior, 1e-3) : said);
  const evidence = { guess, isOpen, confidence, scored, heard };
  const weighed = weigh(reading, spoken, evidence, input);
  const next =
    weighed === reading.ledger
      ? learnt.state
      : remember(learnt.state, reading, weighed, {
          failures: accepted ? 0 : 1,
          skill: skillAfter(reading, scored),
        });

  const best = ledger.bestReading(weighed);
  const chosen = accepted
    ? choose(reading, answered)
    : sayable(reading, weighed, best.readings, heard, scores !== null);
  const keep = accepted && learnt.constraints.length === 0;
  const after = keep ? attempt.prompt : wording(next, input.turnId, reading, chosen);
  const moved = heard.some(({ sense }) => {
    const position = reading.senses.indexOf(sense);
    return position >= 0 && best.readings[position] !== answered[position];
  });
  const hinted = moved || learnt.constraints.length > 0;
  const changed = after !== attempt.prompt;
  const isStated = heard.some(
    ({ sense, stated }) => stated !== null && chosen.get(sense) === stated,
  );
  const weighing = { reading, weighed, scored, chosen, turnId: input.turnId };
  const candidates = candidatesOf(weighing, (one) => wording(next, input.turnId, reading, one));
  return {
    state: next,
    isExplained: accepted || explains(scored, best.readings, candidates[0]?.wording, input),
    revision: {
      changed,
      before: attempt.prompt,
      after,
      diagnosis: diagnose(input, { accepted, changed, hinted, share, confidence }),
      constraints: learnt.constraints,
      ruled_out: accepted ? [] : ruledOut(reading, guess, best.readings),
      confidence: reading.senses.length === 0 ? 1 : best.share,
      spans: spansOf({ ...reading, ledger: weighed }, chosen),
      hinted,
      share,
      candidates,
      ...reasonFor(weighing, input, { accepted, after, isStated }),
    },
  };
}

/**
 * Whether the session's readings explain the evidence: some wording makes the right reply likely or, without one,
 * another wording than the last makes the rejected reply unlikely. Then no model need be asked.
 */
function explains(
  { right, rejected }: Scored,
  best: readonly string[],
  bestWording: string | undefined,
  input: GradientInput,
) {
  if (right.size > 0)
    return [...right.values()].some((one) => replyConfidence(one) >= explainedMin);
  // Repeated failures may have a cause that none of them explains.
  if (bestWording === undefined || input.attempts.length % failuresMax === 0) return false;
  const last = rejected[0]?.get(ledger.keyOf(best));
  const isOther = bestWording !== lastAttempt(input).prompt;
  return isOther && last !== undefined && replyConfidence(last) < explainedMin;
}

/** After a failure every open sense is stated, except shy and learnt ones without support or statement. */
function sayable(
  reading: Reading,
  weighed: Ledger,
  joint: readonly string[],
  heard: readonly SenseFeedback[],
  wasScored: boolean,
): Chosen {
  const shares = ledger.marginals(weighed);
  // What was just stated needs no evidence.
  const said = supported(reading, weighed, joint).map(
    (id, position) => heard.find(({ sense }) => sense === reading.senses[position])?.stated ?? id,
  );
  return new Map(
    [...choose(reading, said)].filter(([sense, id]) => {
      const position = reading.senses.indexOf(sense);
      if (sense.learnt !== undefined) return id !== asSaid;
      if (!sense.shy || heard.some((h) => h.sense === sense)) return true;
      return wasScored && (shares[position]?.[id] ?? 0) >= sureShare;
    }),
  );
}

/**
 * What the feedback says in words, as own senses and as constraints. A constraint is a plain instruction, otherwise the
 * remark as it was said. Own senses replace remarks that they understand completely. Praise is quoted only if it says
 * that it holds for later.
 */
function hearRemarks(
  state: WordsState,
  input: GradientInput,
  reading: Reading,
): { state: WordsState; constraints: Constraint[]; senses: SenseFeedback[] } {
  const { text = "" } = input.feedback;
  const { senses, rest } = readFeedback(text, reading.occurrences);
  const { reply }: Attempt = lastAttempt(input);
  const replyWords = reply.match(/\S+/gu)?.length ?? 0;
  const context = { request: input.request, replyWords };
  const isHeard = rest !== text && readRemark(rest, context).length === 0;
  if (isHeard) return { state, constraints: [], senses };
  const drafts = readRemark(text, context);
  if (drafts === "back") {
    return { state: withdrawRemark(state, input.turnId), constraints: [], senses };
  }
  let next = state;
  const constraints: Constraint[] = [];
  for (const draft of drafts) {
    if (isAccepted(input) && draft.topic === "note" && draft.scope === "turn") continue;
    const added = addConstraint(next, input.turnId, draft);
    next = added.state;
    constraints.push(added.constraint);
  }
  return { state: next, constraints, senses };
}

/** Stores a ledger, the marginals that it implies for each of its senses, and what else is new about them. */
function remember(
  state: WordsState,
  reading: Reading,
  weighed: Ledger,
  { failures, skill }: { failures: number; skill: number },
): WordsState {
  const senses: Record<string, SenseMemory> = { ...state.senses };
  const shares = ledger.marginals(weighed);
  for (const [position, sense] of reading.senses.entries()) {
    const before = senses[sense.id]?.failures ?? 0;
    senses[sense.id] = { readings: shares[position] ?? {}, failures: before + failures, skill };
  }
  const { [reading.name]: _, ...others } = state.ledgers;
  const entries = [...Object.entries(others), [reading.name, weighed] as const];
  const kept = newestWithin(entries, ledgersMax, ledgersBytesMax);
  return { ...state, senses, ledgers: Object.fromEntries(kept) };
}

function ruledOut(reading: Reading, before: readonly string[], after: readonly string[]): string[] {
  return reading.senses.flatMap((sense, position) => {
    const old = sense.readings.find((r) => r.id === before[position]);
    const isKept = old === undefined || old.id === after[position] || old.phrase === "";
    return isKept ? [] : [`${sense.label}: ${old.phrase}`];
  });
}

/** The likely fault, before a correction can tell. */
function diagnose(
  { feedback }: GradientInput,
  found: {
    accepted: boolean;
    changed: boolean;
    hinted: boolean;
    share: number;
    confidence: number;
  },
): Revision["diagnosis"] {
  if (found.accepted) return "accepted";
  if (feedback.reward === 0 && !found.changed) return "unclear_feedback";
  if (!found.changed) return "incapable";
  const blame = incapacity(found.share, found.confidence, found.hinted);
  return blame > 0.65 ? "incapable" : blame > 0.35 ? "both" : "ambiguous";
}
