/** A session's past as one value, up to a given point: a fork starts from it. */
import { RosaError } from "@rosa2/shared/errors";
import { and, asc, eq, gte, lt, lte, ne } from "drizzle-orm";
import type { OwnLexicon } from "../../contract/lexicon.ts";
import type { WordsState } from "../../words/index.ts";
import { activeGeneration, type Store, sessionRow, setActiveGeneration, turnRow } from "./rows.ts";
import { events, feedback, generations, replay, revisions, session, turns } from "./schema.ts";
import { turnBody } from "./views.ts";
import { setWordsState, wordsBefore, wordsState } from "./words.ts";

export interface Snapshot {
  from: string;
  wordsState: WordsState;
  lexicon: OwnLexicon | null;
  activeGeneration: string;
  turns: (typeof turns.$inferSelect)[];
  feedback: (typeof feedback.$inferSelect)[];
  revisions: (typeof revisions.$inferSelect)[];
  generations: (typeof generations.$inferSelect)[];
  replay: (typeof replay.$inferSelect)[];
}

/**
 * Everything up to a turn's reply (its generation, the words at that time), or everything there is. Copied rows keep
 * their ids.
 *
 * @throws RosaError `conflict` while that turn is being answered.
 */
export function takeSnapshot(store: Store, turnId: string | null): Snapshot {
  const { lexicon } = sessionRow(store);
  const { db } = store;
  const last = turnId === null ? null : turnRow(store, turnId);
  if (last?.status === "running") {
    throw new RosaError("conflict", `Cannot fork at turn ${last.id}: it is still being answered`);
  }
  const until = last === null ? store.now() : (last.finishedAt ?? last.createdAt);
  const laterRevision =
    last === null
      ? undefined
      : db
          .select({ seq: revisions.seq })
          .from(revisions)
          .where(gte(revisions.createdAt, until))
          .orderBy(asc(revisions.seq))
          .get();
  return {
    from: store.sessionId,
    wordsState:
      laterRevision === undefined ? wordsState(store) : wordsBefore(store, laterRevision.seq),
    lexicon,
    activeGeneration: last?.generation ?? activeGeneration(store),
    turns: db
      .select()
      .from(turns)
      .where(
        and(ne(turns.status, "running"), last === null ? undefined : lte(turns.index, last.index)),
      )
      .all(),
    feedback: db
      .select()
      .from(feedback)
      .where(and(eq(feedback.step, "done"), lte(feedback.createdAt, until)))
      .all()
      .filter((row) => last === null || row.turnId !== last.id),
    revisions: db
      .select()
      .from(revisions)
      .where(laterRevision === undefined ? undefined : lt(revisions.seq, laterRevision.seq))
      .orderBy(asc(revisions.seq))
      .all(),
    generations: db.select().from(generations).where(lte(generations.createdAt, until)).all(),
    replay: db.select().from(replay).where(lte(replay.createdAt, until)).all(),
  };
}

/** Fills an empty session; each turn's log begins with its outcome. */
export function restoreSnapshot(store: Store, snapshot: Snapshot): void {
  const { db } = store;
  store.transaction(() => {
    db.update(session)
      .set({
        lexicon: snapshot.lexicon,
        forkedFrom: snapshot.from,
      })
      .run();
    setWordsState(store, snapshot.wordsState);
    setActiveGeneration(store, snapshot.activeGeneration, snapshot.activeGeneration);
    for (const row of snapshot.turns) db.insert(turns).values(row).onConflictDoNothing().run();
    for (const row of snapshot.feedback)
      db.insert(feedback).values(row).onConflictDoNothing().run();
    for (const row of snapshot.revisions) {
      db.insert(revisions).values(row).onConflictDoNothing().run();
    }
    for (const row of snapshot.generations) {
      db.insert(generations).values(row).onConflictDoNothing().run();
    }
    for (const row of snapshot.replay) {
      db.insert(replay).values(row).onConflictDoNothing().run();
    }
    const logged = db.select({ turnId: events.turnId }).from(events).all();
    const known = new Set(logged.map(({ turnId }) => turnId));
    for (const row of snapshot.turns) {
      if (known.has(row.id)) continue;
      store.log.append({
        turnId: row.id,
        type: "done",
        data: turnBody(store, row),
        at: store.now(),
      });
    }
  });
}
