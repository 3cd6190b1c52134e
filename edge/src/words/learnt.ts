/**
 * The lexicon that a session writes itself: stretches of its requests as they were said, and other ways of saying them
 * that a model proposed. It scores nothing; the ledger decides which one holds.
 */

import { patternsOf } from "./custom-lexicon.ts";
import type { Occurrence, Reading, Sense } from "./senses.ts";
import { newestWithin } from "./state.ts";
import { nameOf, stretchesOf, tokensOf } from "./stretches.ts";
import type { LearntSense, WordsState } from "./types.ts";
import { type Saying, sayingsOf, wholeName } from "./wordings.ts";

/** The reading that leaves a stretch as it was said. */
export const asSaid = "as said";
/** Who proposed a wording that puts a remark in its place: the user. */
export const inPlace = "in_place";
/** Its share among the readings before anything is known. */
const asSaidPrior = 0.05;
/** The smallest share of a reading, however rarely it was proposed. */
const priorMin = 0.02;
/** Stretches that a session remembers, ways of saying each, and the bytes for both in a session's row. */
const sensesMax = 32;
const sensesBytesMax = 24_576;
const readingsMax = 12;
/** Requests whose draws are counted. */
const drawsMax = 32;

/** Wordings proposed for a request; equal ones count as often as they come. */
export interface Proposed {
  /** The rewriter's name. */
  by: string;
  turnId: string;
  /** Valid wordings, and the number that were drawn. */
  wordings: readonly string[];
  drawn: number;
}

/** Adds to the senses of the state what the wordings say differently from the request. */
export function learnWordings(
  state: WordsState,
  request: string,
  { by, turnId, wordings, drawn: drawnCount }: Proposed,
): WordsState {
  const counts = new Map<string, { saying: Saying; phrases: Map<string, number> }>();
  const drawn = sayingsOf(request, wordings);
  const isStretchwise = drawn.some((ones) => ones.some(({ place }) => place !== "whole"));
  for (const saying of drawn.flat()) {
    // Free rewritings give way to wordings that keep the request's own words.
    if (isStretchwise && saying.place === "whole") continue;
    const id = idOf(saying);
    const counted = counts.get(id) ?? { saying, phrases: new Map<string, number>() };
    counts.set(id, counted);
    counted.phrases.set(saying.phrase, (counted.phrases.get(saying.phrase) ?? 0) + 1);
  }
  let next = noteDraw(state, request, drawnCount);
  for (const [id, { saying, phrases }] of counts) {
    const shares = new Map([...phrases].map(([phrase, n]) => [phrase, n / wordings.length]));
    next = addReadings(next, id, saying, shares, { by, turnId });
  }
  return next;
}

function addReadings(
  state: WordsState,
  id: string,
  { said, place, follows }: Saying,
  shares: ReadonlyMap<string, number>,
  source: { by: string; turnId: string },
): WordsState {
  const old = state.learnt.find((one) => one.id === id);
  const known = new Set(old?.readings.map(({ phrase }) => phrase));
  const fresh = [...shares].filter(([phrase]) => !known.has(phrase));
  // What a model proposed before is the user's own from now on.
  const isOwn = (phrase: string) => source.by === inPlace && shares.has(phrase);
  const all = [
    ...(old?.readings ?? []).map((one) => (isOwn(one.phrase) ? { ...one, ...source } : one)),
    ...fresh.map(([phrase, share]) => ({ phrase, prior: Math.max(priorMin, share), ...source })),
  ];
  const readings = newestWithin(all, readingsMax, sensesBytesMax);
  const sense: LearntSense = { id, said, place, follows, readings };
  const learnt = [...state.learnt.filter((one) => one.id !== id), sense];
  const kept = newestWithin(learnt, sensesMax, sensesBytesMax);
  const forgotten = new Set(learnt.slice(0, -kept.length).map((one) => one.id));
  // A joint ledger without the new readings could never find them; what was learnt about each sense stays.
  const ledgers = Object.fromEntries(
    Object.entries(state.ledgers).filter(
      ([, { senses }]) =>
        !senses.some((one) => forgotten.has(one) || (one === id && fresh.length > 0)),
    ),
  );
  const senses = Object.fromEntries(
    Object.entries(state.senses).filter(([one]) => !forgotten.has(one)),
  );
  const memory = senses[id];
  if (memory !== undefined) {
    // The model has seen the new remark, so proposals that it repeats gain support.
    const again = new Map([...shares].map(([phrase, share]) => [readingId(phrase), share]));
    const heard = Object.entries(memory.readings).map(
      ([reading, share]) => [reading, share * Math.sqrt((again.get(reading) ?? 0) + 0.1)] as const,
    );
    const sum = heard.reduce((total, [, share]) => total + share, 0);
    const rescaled = heard.map(([reading, share]) => [reading, share / sum] as const);
    senses[id] = { ...memory, readings: Object.fromEntries(rescaled) };
  }
  return { ...state, learnt: kept, ledgers, senses };
}

/** The session's own senses in the ledger's form. */
export function compileLearnt({ learnt }: WordsState): Sense[] {
  return learnt.map((own) => {
    const readings: Reading[] = [
      { id: asSaid, phrase: "", prior: asSaidPrior, cues: [] },
      ...own.readings.map((one) => ({
        ...one,
        id: readingId(one.phrase),
        cues: patternsOf(statements(own, one)),
      })),
    ];
    const sum = readings.reduce((total, { prior }) => total + prior, 0);
    return {
      id: own.id,
      label: own.place === "whole" ? "the request" : `“${own.said}”`,
      attach: own.place === "after" ? "aside" : "replace",
      shy: true,
      readings: readings.map((one) => ({ ...one, prior: one.prior / sum })),
      learnt: own,
      span: null,
      hints: [],
    };
  });
}

/**
 * Texts by which a user states the reading. They are the user's own words, or the words that a proposal adds to the
 * stretch. A single added word may be chance, so it states nothing.
 */
function statements(
  { said, place }: LearntSense,
  { phrase, by }: LearntSense["readings"][number],
): string[] {
  const isLonger = place === "instead" && phrase.toLowerCase().startsWith(`${said} `);
  const added = isLonger ? phrase.slice(said.length + 1) : place === "after" ? phrase : "";
  const own = by === inPlace ? [phrase] : [];
  return /\S\s+\S/u.test(added) ? [...own, added] : own;
}

/** Id of a learnt reading: short, because ledgers name their readings in every combination. */
function readingId(phrase: string): string {
  // Begins with a letter, so that a record keeps its order.
  return `r${hashOf(phrase)}`;
}

/** The phrase of a learnt reading's id. */
export function phraseOf({ learnt }: WordsState, senseId: string, reading: string): string {
  const sense = learnt.find(({ id }) => id === senseId);
  return sense?.readings.find(({ phrase }) => readingId(phrase) === reading)?.phrase ?? reading;
}

/** Occurrences of learnt stretches in a text, exactly as they were said. */
export function findLearnt(text: string, senses: readonly Sense[]): Occurrence[] {
  if (senses.length === 0) return [];
  const found: Occurrence[] = [];
  const add = (sense: Sense, start: number, end: number) =>
    found.push({ sense, start, end, insertAt: end, stated: null });
  const wholes = senses.filter(({ learnt }) => learnt?.place === "whole");
  const name = wholes.length > 0 ? wholeName(text) : "";
  const same = wholes.find(({ learnt }) => learnt?.said === name);
  if (same !== undefined) {
    add(same, 0, text.length);
    return found;
  }
  const bySaid = Map.groupBy(senses, ({ learnt }) => learnt?.said ?? "");
  const tokens = tokensOf(text);
  for (const stretch of stretchesOf(tokens)) {
    const [start, end] = [tokens[stretch.from]?.start ?? 0, tokens[stretch.to - 1]?.end ?? 0];
    for (const sense of bySaid.get(nameOf(tokens, stretch)) ?? []) {
      const { place, follows } = sense.learnt ?? { place: "whole", follows: "" };
      const next = /^[^\s\p{L}\p{N}]/u.exec(text.slice(end, end + 2))?.[0] ?? "";
      if (place === "instead" || (place === "after" && next === follows)) add(sense, start, end);
    }
  }
  return found;
}

/** Number of wordings drawn for a request and others with its stretches. */
export function drawsFor(state: WordsState, request: string): number {
  return state.draws[drawKey(request)] ?? 0;
}

function noteDraw(state: WordsState, request: string, count: number): WordsState {
  const key = drawKey(request);
  const { [key]: before = 0, ...others } = state.draws;
  const recent = Object.entries(others).slice(1 - drawsMax);
  return { ...state, draws: { ...Object.fromEntries(recent), [key]: before + count } };
}

/** A request without its data: equal stretches are the same question to a rewriter. */
function drawKey(request: string): string {
  const tokens = tokensOf(request.slice(0, 2_000));
  const names = stretchesOf(tokens).map((stretch) => nameOf(tokens, stretch));
  return names.slice(0, 4).join("/").slice(0, 160);
}

function idOf({ said, place, follows }: Saying): string {
  const name = said.replace(/[|+]/gu, " ");
  if (place === "instead" && name.length <= 120) return name;
  if (place === "after" && name.length <= 120) return `${name}, …${follows}`;
  return `${place} ${hashOf(said)}`;
}

function hashOf(text: string): string {
  let hash = 0;
  for (const character of text) hash = (hash * 31 + character.codePointAt(0)!) >>> 0;
  return hash.toString(36);
}
