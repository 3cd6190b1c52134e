/** The words state of a session, a row read and written whole, and how it was at earlier moments; it knows nothing of what is in it. */
import { asc, eq, gt, sql } from "drizzle-orm";
import { newId } from "../../ids.ts";
import { emptyWords, type WordsState } from "../../words/index.ts";
import { generationRow } from "./rows.ts";
import { revisions, words } from "./schema.ts";
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

/** Sets the words by hand; how they were before is kept, as it is with feedback. */
export function reviseByHand(store: Store, state: WordsState): void {
  const stateBefore = wordsState(store);
  store.transaction(() => {
    const row = { feedbackId: newId("rev"), stateBefore, createdAt: store.now() };
    store.db.insert(revisions).values(row).run();
    setWordsState(store, state);
  });
}

/** The words as they were when a generation had just been made; `base`: before anything was learnt. */
export function wordsStateOf(store: Store, generation: string): WordsState {
  const { db } = store;
  const order = sql<number>`revisions.rowid`;
  const row = generation === "base" ? null : generationRow(store, generation);
  const own =
    row?.feedbackId == null
      ? undefined
      : db
          .select({ at: order })
          .from(revisions)
          .where(eq(revisions.feedbackId, row.feedbackId))
          .get();
  const later =
    own === undefined ? gt(revisions.createdAt, row?.createdAt ?? -1) : gt(order, own.at);
  // What came next kept the words as it found them.
  const next = db.select().from(revisions).where(later).orderBy(asc(order)).limit(1).get();
  return next?.stateBefore ?? wordsState(store);
}
