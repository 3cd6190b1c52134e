/** A session's own senses: compiled once per text of them, merged from the tenant's, changed without losing what still holds. */
import { eq } from "drizzle-orm";
import {
  forgetSense,
  type GradientOptions,
  lexiconWith,
  type OwnLexicon,
  type WordsState,
} from "../../words/index.ts";
import { type Desk, sessionRow } from "../context.ts";
import { session } from "./schema.ts";

/** One object serves one session, but several of them can share an isolate. */
const compiled = new WeakMap<Desk, { text: string; options: GradientOptions }>();

/** What the words axis is to be called with in this session. */
export function wordsOptions(desk: Desk): GradientOptions {
  const { lexicon } = sessionRow(desk);
  if (lexicon === null || lexicon.length === 0) return {};
  const text = JSON.stringify(lexicon);
  const known = compiled.get(desk);
  if (known?.text === text) return known.options;
  const options: GradientOptions = { lexicon: lexiconWith(lexicon) };
  compiled.set(desk, { text, options });
  return options;
}

/** A session's senses before the tenant's; of two with one id the session's counts. */
export function mergeLexicons(own: OwnLexicon, tenants: OwnLexicon): OwnLexicon {
  const ids = new Set(own.map(({ id }) => id));
  return [...own, ...tenants.filter(({ id }) => !ids.has(id))];
}

/** Sets the senses; what was learnt about one whose readings are others now is forgotten. */
export function setSessionLexicon(desk: Desk, lexicon: OwnLexicon): void {
  const row = sessionRow(desk);
  const before = new Map((row.lexicon ?? []).map((sense) => [sense.id, readingsOf(sense)]));
  const after = new Map(lexicon.map((sense) => [sense.id, readingsOf(sense)]));
  let wordsState: WordsState = row.wordsState;
  for (const id of new Set([...before.keys(), ...after.keys()])) {
    if (before.get(id) !== after.get(id) && wordsState.senses[id] !== undefined) {
      // Taking a revision back would bring the old readings back.
      wordsState = { ...forgetSense(wordsState, id), undo: [] };
    }
  }
  desk.db.update(session).set({ lexicon, wordsState }).where(eq(session.id, row.id)).run();
}

function readingsOf({ readings }: OwnLexicon[number]): string {
  return JSON.stringify(readings.map(({ id }) => id));
}
