/** A session's past as one value, to start another session from: what a fork copies, and up to which point. */
import { RosaError } from "@rosa2/shared/errors";
import { and, asc, eq, gte, lte, ne } from "drizzle-orm";
import type { OwnLexicon, WordsState } from "../../words/index.ts";
import { type Desk, sessionRow, turnRow } from "../context.ts";
import { events, feedback, generations, positives, revisions, session, turns } from "./schema.ts";
import { turnBody } from "./views.ts";

export interface Snapshot {
  from: string;
  wordsState: WordsState;
  lexicon: OwnLexicon | null;
  activeGeneration: string;
  turns: (typeof turns.$inferSelect)[];
  feedback: (typeof feedback.$inferSelect)[];
  revisions: (typeof revisions.$inferSelect)[];
  generations: (typeof generations.$inferSelect)[];
  positives: (typeof positives.$inferSelect)[];
}

/**
 * Everything up to a turn's reply (its generation, the words as they then were), or everything there is.
 * Copied rows keep their ids.
 *
 * @throws RosaError `conflict` while that turn is being answered.
 */
export function takeSnapshot(desk: Desk, turnId: string | null): Snapshot {
  const { id, wordsState, lexicon, activeGeneration } = sessionRow(desk);
  const { db } = desk;
  const last = turnId === null ? null : turnRow(desk, turnId);
  if (last?.status === "running") {
    throw new RosaError("conflict", `Cannot fork at turn ${last.id}: it is still being answered`);
  }
  const until = last === null ? desk.now() : (last.finishedAt ?? last.createdAt);
  const laterRevision =
    last === null
      ? undefined
      : db
          .select()
          .from(revisions)
          .where(gte(revisions.createdAt, until))
          .orderBy(asc(revisions.createdAt), asc(revisions.feedbackId))
          .get();
  return {
    from: id,
    wordsState: laterRevision?.stateBefore ?? wordsState,
    lexicon,
    activeGeneration: last?.generation ?? activeGeneration,
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
    revisions: db.select().from(revisions).where(lte(revisions.createdAt, until)).all(),
    generations: db.select().from(generations).where(lte(generations.createdAt, until)).all(),
    positives: db.select().from(positives).where(lte(positives.createdAt, until)).all(),
  };
}

/** Fills an empty session; each turn's log begins with its outcome. */
export function restoreSnapshot(desk: Desk, snapshot: Snapshot): void {
  const { db } = desk;
  desk.transaction(() => {
    db.update(session)
      .set({
        wordsState: snapshot.wordsState,
        lexicon: snapshot.lexicon,
        activeGeneration: snapshot.activeGeneration,
        forkedFrom: snapshot.from,
      })
      .run();
    for (const row of snapshot.turns) db.insert(turns).values(row).onConflictDoNothing().run();
    for (const row of snapshot.feedback)
      db.insert(feedback).values(row).onConflictDoNothing().run();
    for (const row of snapshot.revisions) {
      db.insert(revisions).values(row).onConflictDoNothing().run();
    }
    for (const row of snapshot.generations) {
      db.insert(generations).values(row).onConflictDoNothing().run();
    }
    for (const row of snapshot.positives) {
      db.insert(positives).values(row).onConflictDoNothing().run();
    }
    const logged = db.select({ turnId: events.turnId }).from(events).all();
    const known = new Set(logged.map(({ turnId }) => turnId));
    for (const row of snapshot.turns) {
      if (known.has(row.id)) continue;
      desk.log.append({
        turnId: row.id,
        type: "done",
        data: turnBody(desk, row),
        at: desk.now(),
      });
    }
  });
}
