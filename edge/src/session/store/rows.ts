/** Reads and writes a session's tables: rows by id, or an error that names the missing one. No network here. */
import { RosaError } from "@rosa2/shared/errors";
import { desc, eq, sql } from "drizzle-orm";
import type { DrizzleSqliteDODatabase } from "drizzle-orm/durable-sqlite";
import type { SessionPatch } from "../../contract/index.ts";
import { statement } from "../../statements.ts";
import type { EventLog } from "./event-log.ts";
import type { Outbox } from "./outbox.ts";
import { active, feedback, generations, session, turns } from "./schema.ts";

export interface Store {
  /** The session's identity, read once; it never changes. */
  readonly sessionId: string;
  readonly tenantId: string;
  /** The owner among the tenant's users; null for none. */
  readonly owner: string | null;
  db: DrizzleSqliteDODatabase;
  log: EventLog;
  outbox: Outbox;
  /** How long reports to the account may wait. */
  readonly meteringMs: number;
  storedBytes(): number;
  now(): number;
  /** All or nothing; the work must not await. */
  transaction(work: () => void): void;
}

export type SessionRow = typeof session.$inferSelect;
export type TurnRow = typeof turns.$inferSelect;
export type FeedbackRow = typeof feedback.$inferSelect;
export type GenerationRow = typeof generations.$inferSelect;

const id = sql.placeholder("id");
const sessionOf = statement((db) => db.select().from(session).prepare());
const turnOf = statement((db) => db.select().from(turns).where(eq(turns.id, id)).prepare());
const feedbackOf = statement((db) =>
  db.select().from(feedback).where(eq(feedback.id, id)).prepare(),
);
const generationOf = statement((db) =>
  db.select().from(generations).where(eq(generations.id, id)).prepare(),
);
const activeOf = statement((db) => db.select().from(active).prepare());
const runningOf = statement((db) =>
  db.select().from(turns).where(eq(turns.status, "running")).orderBy(desc(turns.index)).prepare(),
);

/**
 * The session's settings.
 *
 * @throws RosaError `not_found` once the session is erased.
 */
export function sessionRow(store: Store): SessionRow {
  const row = sessionOf(store.db).get();
  if (row === undefined) throw new RosaError("not_found", "No such session");
  return row;
}

/** Changes only the given fields. */
export function changeSession(store: Store, patch: SessionPatch): void {
  const { title, metadata, reasoning_effort: reasoningEffort } = patch;
  const given = { title, metadata, reasoningEffort };
  if (Object.values(given).every((value) => value === undefined)) return;
  store.db.update(session).set(given).run();
}

/** @throws RosaError `not_found`. */
export function turnRow(store: Store, turnId: string): TurnRow {
  const row = turnOf(store.db).get({ id: turnId });
  if (row === undefined) throw new RosaError("not_found", `No turn "${turnId}" in this session`);
  return row;
}

export function feedbackRow(store: Store, feedbackId: string): FeedbackRow {
  const row = feedbackOf(store.db).get({ id: feedbackId });
  if (row === undefined) throw new RosaError("not_found", `No feedback "${feedbackId}"`);
  return row;
}

/** @throws RosaError `not_found`. */
export function generationRow(store: Store, generationId: string): GenerationRow {
  const row = generationOf(store.db).get({ id: generationId });
  if (row === undefined) {
    throw new RosaError("not_found", `No generation "${generationId}" in this session`);
  }
  return row;
}

/** The active generation: `base` or a generation's id. */
export function activeGeneration(store: Store): string {
  return activeOf(store.db).get()?.generation ?? "base";
}

/** The generation that a roll-back returns to. */
export function trustedGeneration(store: Store): string {
  return activeOf(store.db).get()?.trusted ?? "base";
}

/** Activates a generation; `trusted` is the one that a roll-back returns to. */
export function setActiveGeneration(store: Store, generation: string, trusted: string): void {
  store.db.delete(active).run();
  store.db.insert(active).values({ generation, trusted }).run();
}

/** The adapter of a generation; null for the base model. */
export function adapterOf(store: Store, generation: string): { digest: string } | null {
  return generation === "base" ? null : { digest: generationRow(store, generation).digest };
}

/** The turn that is being answered, if any. */
export function runningTurn(store: Store): TurnRow | undefined {
  return runningOf(store.db).get();
}
