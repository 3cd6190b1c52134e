/** A session's own senses: compiled once per text of them, merged from the tenant's, changed without losing what still holds. */
import type { OwnLexicon } from "../../contract/lexicon.ts";
import {
  forgetSense,
  type GradientOptions,
  lexiconOf,
  type WordsState,
} from "../../words/index.ts";
import { sessionRow } from "./rows.ts";
import { session } from "./schema.ts";
import type { Store } from "./store.ts";
import { setWordsState, wordsState } from "./words.ts";

/** One object serves one session, but several of them can share an isolate. */
const compiled = new WeakMap<Store, { text: string; options: GradientOptions }>();

/** What the words axis is to be called with in this session. */
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

/** A session's senses before the tenant's; of two with one id the session's counts. */
export function mergeLexicons(own: OwnLexicon, tenants: OwnLexicon): OwnLexicon {
  const ids = new Set(own.map(({ id }) => id));
  return [...own, ...tenants.filter(({ id }) => !ids.has(id))];
}

/** Sets the senses; what was learnt about one whose readings are others now is forgotten. */
export function setSessionLexicon(store: Store, lexicon: OwnLexicon): void {
  const row = sessionRow(store);
  const before = new Map((row.lexicon ?? []).map((sense) => [sense.id, readingsOf(sense)]));
  const after = new Map(lexicon.map((sense) => [sense.id, readingsOf(sense)]));
  let words: WordsState = wordsState(store);
  for (const id of new Set([...before.keys(), ...after.keys()])) {
    if (before.get(id) !== after.get(id) && words.senses[id] !== undefined) {
      // Taking a revision back would bring the old readings back.
      words = { ...forgetSense(words, id), undo: [] };
    }
  }
  store.transaction(() => {
    store.db.update(session).set({ lexicon }).run();
    setWordsState(store, words);
  });
}

function readingsOf({ readings }: OwnLexicon[number]): string {
  return JSON.stringify(readings.map(({ id }) => id));
}
