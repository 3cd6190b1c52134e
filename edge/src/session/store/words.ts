/** The words state of a session: one row of its own, read and written whole; it knows nothing of what is in it. */
import { emptyWords, type WordsState } from "../../words/index.ts";
import { words } from "./schema.ts";
import type { Store } from "./store.ts";

export function wordsState(store: Store): WordsState {
  return store.db.select().from(words).get()?.state ?? emptyWords();
}

export function setWordsState(store: Store, state: WordsState): void {
  store.db
    .insert(words)
    .values({ id: 1, state })
    .onConflictDoUpdate({ target: words.id, set: { state } })
    .run();
}
