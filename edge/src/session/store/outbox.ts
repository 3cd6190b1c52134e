/**
 * Work that must happen even if the object is evicted: rows with a due time, run by the alarm, repeated with growing
 * pauses.
 */
import { asc, eq, lte, min, sql } from "drizzle-orm";
import type { DrizzleSqliteDODatabase } from "drizzle-orm/durable-sqlite";
import { pauseMs } from "../../pause.ts";
import { statement } from "../../statements.ts";
import { outbox } from "./schema.ts";

/** A running job renews its lease. A job with an expired lease was orphaned and starts again. */
export const leaseMs = 20_000;

export type Job = typeof outbox.$inferSelect;
export type JobKind = Job["kind"];

const dueBy = statement((db) =>
  db
    .select()
    .from(outbox)
    .where(lte(outbox.dueAt, sql.placeholder("now")))
    .orderBy(asc(outbox.dueAt), asc(outbox.id))
    .prepare(),
);
const nextDue = statement((db) =>
  db
    .select({ at: min(outbox.dueAt) })
    .from(outbox)
    .prepare(),
);

export class Outbox {
  readonly #db: DrizzleSqliteDODatabase;

  constructor(db: DrizzleSqliteDODatabase) {
    this.#db = db;
  }

  /** Adds a job, or reschedules one with this id. */
  put(job: { id: string; kind: JobKind; payload: unknown; dueAt: number }): void {
    this.#db
      .insert(outbox)
      .values(job)
      .onConflictDoUpdate({
        target: outbox.id,
        set: { payload: job.payload, dueAt: job.dueAt },
      })
      .run();
  }

  delete(id: string): void {
    this.#db.delete(outbox).where(eq(outbox.id, id)).run();
  }

  get(id: string): Job | undefined {
    return this.#db.select().from(outbox).where(eq(outbox.id, id)).get();
  }

  due(now: number): Job[] {
    return dueBy(this.#db).all({ now });
  }

  postpone(id: string, dueAt: number): void {
    this.#db.update(outbox).set({ dueAt }).where(eq(outbox.id, id)).run();
  }

  /** Notes a failed attempt; the job is due again after a pause. */
  failed(job: Job, now: number): void {
    const attempts = job.attempts + 1;
    this.#db
      .update(outbox)
      .set({ attempts, dueAt: now + pauseMs(attempts) })
      .where(eq(outbox.id, job.id))
      .run();
  }

  nextDueAt(): number | null {
    return nextDue(this.#db).get()?.at ?? null;
  }

  pending(kind: JobKind): Job[] {
    return this.#db.select().from(outbox).where(eq(outbox.kind, kind)).all();
  }
}

/** A file is stored before its generation. If the generation never follows, the file is deleted after this time. */
const unheldMs = 10 * 60_000;

export function fileJob(digest: string): string {
  return `file:${digest}`;
}

export function noteFile({ outbox, now }: { outbox: Outbox; now(): number }, digest: string): void {
  const dueAt = now() + unheldMs;
  outbox.put({ id: fileJob(digest), kind: "file", payload: { digest }, dueAt });
}
