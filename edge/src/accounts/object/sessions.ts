/** The index of a tenant's sessions: enough to list, find and count them without waking their objects. */
import { RosaError } from "@rosa2/shared/errors";
import { and, asc, desc, eq, exists, sql } from "drizzle-orm";
import type { Metadata, Mode, SessionSummary } from "../../contract/index.ts";
import type { OwnLexicon } from "../../contract/lexicon.ts";
import { readSessionCursor } from "../../cursors.ts";
import { statement } from "../../statements.ts";
import { iso } from "../../time.ts";
import { forgetAnswersOf } from "./answers.ts";
import { accountRow, type Books, setAccount } from "./books.ts";
import { noteOutcome, type Outcome } from "./holdout.ts";
import { sessionIndex, sessionMetadata } from "./schema.ts";

const indexed = statement((db) =>
  db
    .select()
    .from(sessionIndex)
    .where(eq(sessionIndex.id, sql.placeholder("id")))
    .prepare(),
);

export interface NewIndexRow {
  id: string;
  owner: string | null;
  title: string | null;
  metadata: Metadata;
  mode: Mode;
  createdAt: number;
}

/** The changeable columns of a session's row. */
export interface IndexUpdate {
  id: string;
  title: string | null;
  metadata: Metadata;
  turns: number;
  generation: string;
  updatedAt: number;
  /** For a session that takes part in the holdout's comparison. */
  outcome: Outcome | null;
}

/**
 * @returns the senses of the tenant's new sessions. @throws RosaError `conflict` if the tenant has as many sessions as
 * it may, or is being erased.
 */
export function addSession(books: Books, row: NewIndexRow, sessionsMax: number): OwnLexicon {
  const { lexicon, erasure, sessionCount } = accountRow(books);
  if (erasure?.status === "running" || sessionCount >= sessionsMax) {
    throw new RosaError(
      "conflict",
      `Cannot open another session: ${sessionsMax} are open (delete some), or everything is being erased`,
    );
  }
  books.db
    .insert(sessionIndex)
    .values({ ...row, updatedAt: row.createdAt })
    .run();
  setMetadata(books, row.id, row.createdAt, row.metadata);
  setAccount(books, { sessionCount: sessionCount + 1 });
  return lexicon ?? [];
}

/** Updates a session's row; a removed row stays removed. */
export function updateSession(books: Books, row: IndexUpdate): void {
  const { db } = books;
  const { id, outcome, ...columns } = row;
  const before = indexed(db).get({ id });
  if (before === undefined) return;
  if (outcome !== null) noteOutcome(books, id, outcome);
  db.update(sessionIndex).set(columns).where(eq(sessionIndex.id, id)).run();
  if (JSON.stringify(before.metadata) === JSON.stringify(row.metadata)) return;
  db.delete(sessionMetadata).where(eq(sessionMetadata.sessionId, id)).run();
  setMetadata(books, id, before.createdAt, row.metadata);
}

function setMetadata({ db }: Books, sessionId: string, createdAt: number, metadata: Metadata) {
  for (const [key, value] of Object.entries(metadata)) {
    db.insert(sessionMetadata).values({ sessionId, key, value, createdAt }).run();
  }
}

/** Removing twice counts once. Saved answers that show the session are deleted with it. */
export function removeFromIndex(books: Books, id: string): void {
  const { db } = books;
  const removed = db.delete(sessionIndex).where(eq(sessionIndex.id, id)).returning().all();
  db.delete(sessionMetadata).where(eq(sessionMetadata.sessionId, id)).run();
  const { sessionCount } = accountRow(books);
  setAccount(books, { sessionCount: sessionCount - removed.length });
  forgetAnswersOf(books, id);
}

/** The oldest few, for an erasure of all of them. */
export function oldestSessions({ db }: Books, limit: number) {
  return db
    .select()
    .from(sessionIndex)
    .orderBy(asc(sessionIndex.createdAt), asc(sessionIndex.id))
    .limit(limit)
    .all();
}

/** Ids of the newest few. */
export function newestSessions({ db }: Books, limit: number): string[] {
  return db
    .select({ id: sessionIndex.id })
    .from(sessionIndex)
    .orderBy(desc(sessionIndex.createdAt), desc(sessionIndex.id))
    .limit(limit)
    .all()
    .map(({ id }) => id);
}

export interface SessionPage {
  /** Only this owner's. */
  owner?: string;
  /** Only with this pair in their metadata. */
  metadata?: { key: string; value: string };
  /** Where the previous page ended. */
  cursor?: string;
  limit: number;
}

/**
 * Newest first.
 *
 * @throws RosaError `invalid_request` for a cursor that this list never returned.
 */
export function listSessions(
  { db }: Books,
  { owner, metadata, cursor, limit }: SessionPage,
): { data: SessionSummary[]; next_cursor: string | null } {
  // An owner has few sessions, so they are scanned; all of a tenant's are found by the pair's index.
  const byPair = metadata !== undefined && owner === undefined;
  const [time, id] = byPair
    ? [sessionMetadata.createdAt, sessionMetadata.sessionId]
    : [sessionIndex.createdAt, sessionIndex.id];
  const pair =
    metadata &&
    and(eq(sessionMetadata.key, metadata.key), eq(sessionMetadata.value, metadata.value));
  const after = cursor === undefined ? undefined : readSessionCursor(cursor);
  const older = after && sql`(${time}, ${id}) < (${after.createdAt}, ${after.id})`;
  const all = db.select({ row: sessionIndex });
  const query = byPair
    ? all
        .from(sessionMetadata)
        .innerJoin(sessionIndex, eq(sessionIndex.id, sessionMetadata.sessionId))
        .where(and(pair, older))
    : all.from(sessionIndex).where(
        and(
          owner === undefined ? undefined : eq(sessionIndex.owner, owner),
          pair &&
            exists(
              db
                .select({ one: sql`1` })
                .from(sessionMetadata)
                .where(and(eq(sessionMetadata.sessionId, sessionIndex.id), pair)),
            ),
          older,
        ),
      );
  const rows = query
    .orderBy(desc(time), desc(id))
    .limit(limit + 1)
    .all()
    .map(({ row }) => row);
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    data: shown.map((row) => ({
      id: row.id,
      object: "session",
      owner: row.owner,
      title: row.title,
      metadata: row.metadata,
      mode: row.mode,
      generation: row.generation,
      turn_count: row.turns,
      created_at: iso(row.createdAt),
      updated_at: iso(row.updatedAt),
    })),
    next_cursor: rows.length > limit && last !== undefined ? `${last.createdAt}.${last.id}` : null,
  };
}
