/**
 * Stores what a session has learnt about words (rewrites, remarks, readings) as one row, read and written whole, with
 * patches that lead back to earlier moments.
 * Also its own senses, with which requests are read. The content of both is not known here.
 */

import { RosaError } from "@rosa2/shared/errors";
import { asc, desc, eq, gt, gte, sql } from "drizzle-orm";
import type { OwnLexicon } from "../../contract/lexicon.ts";
import { newId } from "../../ids.ts";
import {
  emptyWords,
  forgetSense,
  type GradientOptions,
  lexiconOf,
  type WordsState,
} from "../../words/index.ts";
import { changedWords, type WordsChange } from "../policy/words-change.ts";
import { goBack, patchBack } from "./patches.ts";
import { generationRow, type Store, sessionRow } from "./rows.ts";
import { revisions, session, words } from "./schema.ts";

/** Revisions that can be taken back. */
const undoMax = 5;

/** One object serves one session, but several objects can share an isolate. */
const parsed = new WeakMap<Store, { text: string; state: WordsState }>();
const compiled = new WeakMap<Store, { text: string; options: GradientOptions }>();

/** The current words; a state that was read or written before is not parsed again. */
export function wordsState(store: Store): WordsState {
  const text = store.db
    .select({ text: sql<string>`${words.state}` })
    .from(words)
    .get()?.text;
  if (text === undefined) return emptyWords();
  const known = parsed.get(store);
  if (known?.text === text) return known.state;
  const state = JSON.parse(text) as WordsState;
  parsed.set(store, { text, state });
  return state;
}

/** Sets a new session's words; every later change goes through `reviseWordsTo`. */
export function setWordsState(store: Store, state: WordsState): void {
  store.db
    .insert(words)
    .values({ id: 1, state })
    .onConflictDoUpdate({ target: words.id, set: { state } })
    .run();
  parsed.set(store, { text: JSON.stringify(state), state });
}

/**
 * Moves the words to another state and keeps the patch back to this one, under the id of the feedback that made the
 * change, or a random one for a change by hand. Part of the caller's transaction.
 */
export function reviseWordsTo(store: Store, state: WordsState, id = newId("rev")): void {
  const patch = patchBack(state, wordsState(store));
  store.db.insert(revisions).values({ id, patch, createdAt: store.now() }).run();
  setWordsState(store, state);
}

/** The state with one more revision that can be taken back, by its id. */
export function noteRevision(state: WordsState, id: string): WordsState {
  return { ...state, undo: [...state.undo, id].slice(-undoMax) };
}

/** A user's change of the words; an undo takes back what feedback taught. */
export function changeWords(store: Store, change: WordsChange): WordsState {
  const state =
    change.kind === "undo" ? wordsTakenBack(store) : changedWords(wordsState(store), change);
  store.transaction(() => reviseWordsTo(store, state));
  return state;
}

/** The words as they were right after a generation was made; `base` means before anything was learnt. */
export function restoreWords(store: Store, generation: string): void {
  const state = wordsOfGeneration(store, generation);
  store.transaction(() => reviseWordsTo(store, state));
}

/** The words before a revision: from now back through every later one. */
export function wordsBefore(store: Store, seq: number): WordsState {
  let state = wordsState(store);
  const later = store.db
    .select({ patch: revisions.patch })
    .from(revisions)
    .where(gte(revisions.seq, seq))
    .orderBy(desc(revisions.seq));
  for (const { patch } of later.all()) state = goBack(state, patch);
  return state;
}

/**
 * The words without the latest revision that can be taken back, and without everything after it.
 *
 * @throws RosaError `conflict` if there is none.
 */
function wordsTakenBack(store: Store): WordsState {
  const state = wordsState(store);
  const id = state.undo.at(-1) ?? "";
  const { seq } = revisions;
  const last = store.db.select({ seq }).from(revisions).where(eq(revisions.id, id)).get();
  if (last === undefined) {
    throw new RosaError("conflict", "No revision of the words is left to take back");
  }
  // No constraint's id is used twice.
  return { ...wordsBefore(store, last.seq), constraintCount: state.constraintCount };
}

function wordsOfGeneration(store: Store, generation: string): WordsState {
  const row = generation === "base" ? null : generationRow(store, generation);
  const own = store.db
    .select({ seq: revisions.seq })
    .from(revisions)
    .where(eq(revisions.id, row?.feedbackId ?? ""))
    .get();
  const isLater =
    own === undefined ? gt(revisions.createdAt, row?.createdAt ?? -1) : gt(revisions.seq, own.seq);
  // Later revisions began with the words of that time.
  const next = store.db
    .select({ seq: revisions.seq })
    .from(revisions)
    .where(isLater)
    .orderBy(asc(revisions.seq))
    .get();
  return next === undefined ? wordsState(store) : wordsBefore(store, next.seq);
}

/** The options of the words axis in this session. */
export function wordsOptions(store: Store): GradientOptions {
  const { lexicon } = sessionRow(store);
  if (lexicon === null || lexicon.length === 0) return {};
  const text = JSON.stringify(lexicon);
  const known = compiled.get(store);
  if (known?.text === text) return known.options;
  const options: GradientOptions = { lexicon: lexiconOf(lexicon) };
  compiled.set(store, { text, options });
  return options;
}

/** A session's senses before the tenant's; if two have one id, the session's counts. */
export function mergeLexicons(own: OwnLexicon, tenants: OwnLexicon): OwnLexicon {
  const ids = new Set(own.map(({ id }) => id));
  return [...own, ...tenants.filter(({ id }) => !ids.has(id))];
}

/** Sets the senses. What was learnt about a sense whose readings changed is forgotten. */
export function setSessionLexicon(store: Store, lexicon: OwnLexicon): void {
  const row = sessionRow(store);
  const before = new Map((row.lexicon ?? []).map((sense) => [sense.id, readingsOf(sense)]));
  const after = new Map(lexicon.map((sense) => [sense.id, readingsOf(sense)]));
  const now = wordsState(store);
  let state = now;
  for (const id of new Set([...before.keys(), ...after.keys()])) {
    if (before.get(id) !== after.get(id) && state.senses[id] !== undefined) {
      // Taking a revision back would bring the old readings back.
      state = { ...forgetSense(state, id), undo: [] };
    }
  }
  store.transaction(() => {
    store.db.update(session).set({ lexicon }).run();
    if (state !== now) reviseWordsTo(store, state);
  });
}

function readingsOf({ readings }: OwnLexicon[number]): string {
  return JSON.stringify(readings.map(({ id }) => id));
}
