/** What reads and writes a session's tables, and their rows by id, or the error that says which is missing. No network here. */
import { RosaError } from "@rosa2/shared/errors";
import { desc, eq } from "drizzle-orm";
import type { DrizzleSqliteDODatabase } from "drizzle-orm/durable-sqlite";
import type { SessionPatch } from "../../contract/index.ts";
import type { EventLog } from "./event-log.ts";
import type { Outbox } from "./outbox.ts";
import { active, feedback, generations, session, turns } from "./schema.ts";

export interface Store {
  /** Who this session is, read once: none of it ever changes. */
  readonly sessionId: string;
  readonly tenantId: string;
  /** Whose session it is among the tenant's users; null: nobody's. */
  readonly owner: string | null;
  db: DrizzleSqliteDODatabase;
  log: EventLog;
  outbox: Outbox;
  /** How long the account may wait for what it should know. */
  readonly meteringMs: number;
  /** Bytes that the session stores. */
  storedBytes(): number;
  now(): number;
  /** All or nothing; the work must not await. */
  transaction(work: () => void): void;
}

export type SessionRow = typeof session.$inferSelect;
export type TurnRow = typeof turns.$inferSelect;
export type FeedbackRow = typeof feedback.$inferSelect;
export type GenerationRow = typeof generations.$inferSelect;

/**
 * What the session is and how it is set up.
 *
 * @throws RosaError `not_found` once the session is erased.
 */
export function sessionRow(store: Store): SessionRow {
  const row = store.db.select().from(session).get();
  if (row === undefined) throw new RosaError("not_found", "No such session");
  return row;
}

/** Changes what is given, and nothing else. */
export function changeSession(store: Store, patch: SessionPatch): void {
  const { title, metadata, reasoning_effort: reasoningEffort } = patch;
  const given = { title, metadata, reasoningEffort };
  if (Object.values(given).every((value) => value === undefined)) return;
  store.db.update(session).set(given).run();
}

/** @throws RosaError `not_found`. */
export function turnRow(store: Store, turnId: string): TurnRow {
  const row = store.db.select().from(turns).where(eq(turns.id, turnId)).get();
  if (row === undefined) throw new RosaError("not_found", `No turn "${turnId}" in this session`);
  return row;
}

export function feedbackRow(store: Store, feedbackId: string): FeedbackRow {
  const row = store.db.select().from(feedback).where(eq(feedback.id, feedbackId)).get();
  if (row === undefined) throw new RosaError("not_found", `No feedback "${feedbackId}"`);
  return row;
}

/** @throws RosaError `not_found`. */
export function generationRow(store: Store, generationId: string): GenerationRow {
  const row = store.db.select().from(generations).where(eq(generations.id, generationId)).get();
  if (row === undefined) {
    throw new RosaError("not_found", `No generation "${generationId}" in this session`);
  }
  return row;
}

/** The generation that answers now: `base` or a generation's id. */
export function activeGeneration(store: Store): string {
  return store.db.select().from(active).get()?.generation ?? "base";
}

/** The generation that a roll-back returns to. */
export function trustedGeneration(store: Store): string {
  return store.db.select().from(active).get()?.trusted ?? "base";
}

/** Lets a generation answer from now on; `trusted` is what a roll-back returns to. */
export function setActiveGeneration(store: Store, generation: string, trusted: string): void {
  store.db.delete(active).run();
  store.db.insert(active).values({ generation, trusted }).run();
}

/** The adapter that a generation's name stands for; null is the base model. */
export function adapterOf(store: Store, generation: string): { digest: string } | null {
  return generation === "base" ? null : { digest: generationRow(store, generation).digest };
}

/** The turn that is being answered, if any. */
export function runningTurn(store: Store): TurnRow | undefined {
  return store.db
    .select()
    .from(turns)
    .where(eq(turns.status, "running"))
    .orderBy(desc(turns.index))
    .get();
}
