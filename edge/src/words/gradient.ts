/** One step on the words, by rules: how a request goes out, and how feedback changes ledger, constraints and wording. Pure. */
import { incapacity } from "@rosa2/shared/schedule";
import {
  type GradientOptions,
  groupScores,
  hear,
  holdStated,
  isAccepted,
  lastAttempt,
  questions,
  weighAcceptance,
  weighRejection,
} from "./evidence.ts";
import { readFeedback, type SenseFeedback } from "./feedback.ts";
import * as ledger from "./ledger.ts";
import { type CompiledSense, wordPrefix } from "./lexicon.ts";
import {
  type Chosen,
  choose,
  isShy,
  type Reading,
  readRequest,
  spansOf,
  statedSlots,
  wording,
} from "./reading.ts";
import { readRemark } from "./remarks/read.ts";
import { addConstraint, rememberForUndo, withdrawRemark } from "./state.ts";
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
  WordsState,
} from "./types.ts";

/** How sure the ledger must be before it says a reading that was never in doubt. */
const sureShare = 0.6;
/** New words that a session remembers. */
const wordsMax = 32;
/** Combinations of senses that a session keeps a joint ledger for; older ones live on in the marginals. */
const ledgersMax = 32;

/**
 * Words a request goes out with, given what the session has learnt: a new one, or (`turnId`) one of an
 * earlier turn, with the constraints that were stated for that turn alone.
 */
export function reviseRequest(
  state: WordsState,
  request: string,
  options: GradientOptions = {},
  turnId: string | null = null,
): Revised {
  const reading = readRequest(state, request, options.lexicon);
  const joint = ledger.bestReading(reading.ledger).readings;
  const chosen: Chosen = new Map(
    reading.senses.flatMap((compiled, slot): [CompiledSense, string][] => {
      const id = joint[slot] ?? "";
      const share = ledger.marginal(reading.ledger.weights, slot)[id] ?? 0;
      const doubted = (state.senses[compiled.sense.id]?.failures ?? 0) > 0;
      const known = state.senses[compiled.sense.id] !== undefined;
      const says = known && (share >= sureShare || (doubted && !isShy(reading, compiled)));
      return says ? [[compiled, id]] : [];
    }),
  );
  const { prompt, constraints } = wording(state, turnId, reading, chosen);
  return { prompt, changed: prompt !== request, spans: spansOf(reading, chosen), constraints };
}

/**
 * What the ledger wants scored before `textualGradient`: the last reply, and the correction if there is
 * one, under each of the likeliest readings' wordings. Empty when nothing is ambiguous.
 */
export function candidatesToScore(
  state: WordsState,
  input: GradientInput,
  options: GradientOptions = {},
): ScoreItem[] {
  const reading = readRequest(state, input.request, options.lexicon);
  const prompts = new Map<string, string>();
  return questions(reading, input, options).map((question) => {
    const { reading: key } = question;
    const prompt =
      prompts.get(key) ??
      wording(state, input.turnId, reading, choose(reading, key.split("|"))).prompt;
    prompts.set(key, prompt);
    return { ...question, prompt };
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
  const accepted = isAccepted(input);
  const text = input.feedback.text ?? "";
  const reading = readRequest(state, input.request, options.lexicon);
  const scored = groupScores(
    reading,
    scores === null ? [] : questions(reading, input, options),
    scores ?? [],
  );
  const slots = statedSlots(reading, attempt);
  const asSaid = slots.includes(null);
  // What was left open is read off the reply where the model scored it, else taken by habit.
  const shown =
    asSaid && options.variant !== "rules"
      ? ledger.explainReply(reading.ledger, scored.rejected, slots)
      : null;
  const guess = shown ?? ledger.bestReading(reading.ledger, slots).readings;
  const heard = readFeedback(text, reading.occurrences);

  const spoken = hear(reading, reading.ledger, heard.senses, guess);
  const share = reading.senses.length === 0 ? 1 : (spoken.weights[ledger.keyOf(guess)] ?? 0);
  const prior = reading.ledger.weights[ledger.keyOf(guess)] ?? 1;
  // An as-said wording spreads the model's belief over the readings: c counts within the guessed one.
  const said = attempt.confidence ?? 0.5;
  const confidence = Math.min(1, asSaid ? said / Math.max(prior, 1e-3) : said);
  const evidence = { guess, asSaid, confidence, scored, options };
  const weighed = accepted
    ? weighAcceptance(reading.ledger, evidence)
    : holdStated(
        reading,
        weighRejection(spoken, { ...evidence, spoken: heard.senses.length > 0, input }),
        heard.senses,
      );

  const memory = rememberForUndo(state, input.turnId, attempt.prompt);
  const learnt = learnConstraints(memory, input, heard.rest, attempt);
  const next =
    weighed === reading.ledger
      ? learnt.state
      : remember(learnt.state, reading, weighed, accepted ? 0 : 1);

  const best = ledger.bestReading(weighed);
  const chosen = accepted
    ? saidAlready(reading, slots)
    : sayable(reading, weighed, best.readings, heard.senses, scores !== null);
  const keep = accepted && learnt.constraints.length === 0;
  const after = keep ? attempt.prompt : wording(next, input.turnId, reading, chosen).prompt;
  const moved = heard.senses.some(({ compiled }) => {
    const slot = reading.senses.indexOf(compiled);
    return slot >= 0 && best.readings[slot] !== slots[slot];
  });
  const hinted = moved || learnt.constraints.length > 0;
  const changed = after !== attempt.prompt;
  return {
    state: next,
    revision: {
      changed,
      before: attempt.prompt,
      after,
      diagnosis: diagnose(input, { accepted, changed, hinted, moved, share, confidence }),
      constraints: learnt.constraints,
      ruledOut: accepted ? [] : ruledOut(reading, guess, best.readings),
      confidence: reading.senses.length === 0 ? 1 : best.share,
      spans: spansOf({ ...reading, ledger: weighed }, chosen),
      hinted,
      share,
    },
  };
}

/** The readings that an attempt's prompt stated. */
function saidAlready({ senses }: Reading, slots: readonly (string | null)[]): Chosen {
  return new Map(
    senses.flatMap((compiled, slot): [CompiledSense, string][] => {
      const id = slots[slot] ?? null;
      return id === null ? [] : [[compiled, id]];
    }),
  );
}

/** After a failure every open sense is said, except shy ones that nothing speaks for. */
function sayable(
  reading: Reading,
  weighed: Ledger,
  joint: readonly string[],
  heard: readonly SenseFeedback[],
  wasScored: boolean,
): Chosen {
  return new Map(
    [...choose(reading, joint)].filter(([compiled, id]) => {
      if (!isShy(reading, compiled) || heard.some((h) => h.compiled === compiled)) return true;
      const share = ledger.marginal(weighed.weights, reading.senses.indexOf(compiled))[id] ?? 0;
      return wasScored && share >= sureShare;
    }),
  );
}

/**
 * The constraints that a remark asks for: plain instructions, else the remark as it was said. What own senses
 * understood whole is said by them. Praise is quoted only where it says that it holds for later.
 */
function learnConstraints(
  state: WordsState,
  input: GradientInput,
  rest: string,
  attempt: Attempt,
): { state: WordsState; constraints: Constraint[] } {
  const { text = "" } = input.feedback;
  const context = {
    request: input.request,
    replyWords: attempt.reply.match(/\S+/gu)?.length ?? 0,
  };
  const { drafts, withdraws } = readRemark(text, context);
  const isHeard = rest !== text && readRemark(rest, context).drafts.length === 0;
  if (isHeard) return { state, constraints: [] };
  let next = withdraws ? withdrawRemark(state, input.turnId) : state;
  const constraints: Constraint[] = [];
  for (const draft of drafts) {
    if (isAccepted(input) && draft.topic === "note" && draft.scope === "turn") continue;
    const added = addConstraint(next, input.turnId, draft);
    next = added.state;
    constraints.push(added.constraint);
  }
  return { state: next, constraints };
}

/** Keeps a ledger, and the marginals it implies for each of its senses. */
function remember(
  state: WordsState,
  reading: Reading,
  weighed: Ledger,
  failures: number,
): WordsState {
  const senses: Record<string, SenseMemory> = { ...state.senses };
  const shares = ledger.marginals(weighed.weights, reading.senses.length);
  for (const [slot, { sense }] of reading.senses.entries()) {
    const before = senses[sense.id]?.failures ?? 0;
    // The newest last: the oldest words are forgotten first.
    delete senses[sense.id];
    senses[sense.id] = { readings: shares[slot] ?? {}, failures: before + failures };
  }
  const words = Object.keys(senses).filter((id) => id.startsWith(wordPrefix));
  for (const id of words.slice(0, -wordsMax)) delete senses[id];
  const { [reading.name]: _, ...others } = state.ledgers;
  const recent = Object.entries(others).slice(1 - ledgersMax);
  return { ...state, senses, ledgers: { ...Object.fromEntries(recent), [reading.name]: weighed } };
}

function ruledOut(reading: Reading, before: readonly string[], after: readonly string[]): string[] {
  return reading.senses.flatMap(({ sense }, slot) => {
    const old = sense.readings.find((r) => r.id === before[slot]);
    const isKept = old === undefined || old.id === after[slot] || old.phrase === "";
    return isKept ? [] : [`${sense.label}: ${old.phrase}`];
  });
}

/** Where the fault lies, before a correction can tell. */
function diagnose(
  { feedback }: GradientInput,
  found: {
    accepted: boolean;
    changed: boolean;
    hinted: boolean;
    moved: boolean;
    share: number;
    confidence: number;
  },
): Diagnosis {
  if (found.accepted) return "accepted";
  if (feedback.reward === 0 && !found.changed) return "unclear_feedback";
  if (!found.changed) return "incapable";
  const blame = incapacity(found.share, found.confidence, found.hinted);
  return blame > 0.65 ? "incapable" : blame > 0.35 ? "both" : "ambiguous";
}
