/** Deletes the parts of a finished reply's stream once the whole reply has been available for long. */
import { and, eq, inArray, isNotNull, lte, min } from "drizzle-orm";
import type { Store } from "./rows.ts";
import { events, turns } from "./schema.ts";

/** As long as an Idempotency-Key returns the stored answer; the `done` event stays and holds the whole reply. */
export const streamWindowMs = 48 * 3_600_000;

const parts = ["delta", "reset"];

/** Schedules the deletion of a finished reply's parts. */
export function notePrune(store: Store): void {
  if (store.outbox.get("prune") !== undefined) return;
  const dueAt = store.now() + streamWindowMs;
  store.outbox.put({ id: "prune", kind: "prune", payload: {}, dueAt });
}

/** Deletes parts of replies that ended long ago, and schedules the next deletion. */
export function pruneLog(store: Store): void {
  const { db, outbox } = store;
  const ended = store.now() - streamWindowMs;
  store.transaction(() => {
    const old = db
      .select({ id: turns.id })
      .from(turns)
      .where(and(isNotNull(turns.finishedAt), lte(turns.finishedAt, ended)));
    db.delete(events)
      .where(and(inArray(events.type, parts), inArray(events.turnId, old)))
      .run();
    const next = db
      .select({ at: min(turns.finishedAt) })
      .from(turns)
      .innerJoin(events, eq(events.turnId, turns.id))
      .where(inArray(events.type, parts))
      .get()?.at;
    if (next === null || next === undefined) outbox.delete("prune");
    else outbox.postpone("prune", next + streamWindowMs);
  });
}
