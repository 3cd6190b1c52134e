/** The index of a tenant's sessions: enough to list and to count them without waking their objects. */
import { RosaError } from "@rosa2/shared/errors";
import { and, asc, desc, eq, lt } from "drizzle-orm";
import type { Mode, SessionSummary } from "../../contract/index.ts";
import type { OwnLexicon } from "../../contract/lexicon.ts";
import { forgetAnswers } from "./answers.ts";
import { accountRow, type Books, setAccount } from "./books.ts";
import { savedAnswers, sessionIndex } from "./schema.ts";

export interface NewIndexRow {
  id: string;
  owner: string | null;
  title: string | null;
  mode: Mode;
  createdAt: number;
}

/**
 * @returns the senses that the tenant's new sessions start with.
 * @throws RosaError `conflict` when the tenant has as many sessions as it may, or is being erased.
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
  setAccount(books, { sessionCount: sessionCount + 1 });
  return lexicon ?? [];
}

/** Brings a session's row up to date; one that was removed stays away. */
export function updateSession(
  { db }: Books,
  row: { id: string; turns: number; generation: string; updatedAt: number },
): void {
  const { id, ...columns } = row;
  db.update(sessionIndex).set(columns).where(eq(sessionIndex.id, id)).run();
}

/** Removing twice counts once. Saved answers that show the session go with it. */
export function removeFromIndex(books: Books, id: string): void {
  const { db } = books;
  const removed = db.delete(sessionIndex).where(eq(sessionIndex.id, id)).returning().all();
  const { sessionCount } = accountRow(books);
  setAccount(books, { sessionCount: sessionCount - removed.length });
  forgetAnswers(books, eq(savedAnswers.sessionId, id));
}

/** The oldest few, for an erasure that goes through all of them. */
export function oldestSessions({ db }: Books, limit: number) {
  return db.select().from(sessionIndex).orderBy(asc(sessionIndex.id)).limit(limit).all();
}

export interface SessionPage {
  /** Of one owner alone. */
  owner?: string;
  /** The last id of the page before. */
  cursor?: string;
  limit: number;
}

/** Newest first. */
export function listSessions(
  { db }: Books,
  { owner, cursor, limit }: SessionPage,
): { data: SessionSummary[]; next_cursor: string | null } {
  const rows = db
    .select()
    .from(sessionIndex)
    .where(
      and(
        owner === undefined ? undefined : eq(sessionIndex.owner, owner),
        cursor === undefined ? undefined : lt(sessionIndex.id, cursor),
      ),
    )
    .orderBy(desc(sessionIndex.id))
    .limit(limit + 1)
    .all();
  const shown = rows.slice(0, limit);
  return {
    data: shown.map((row) => ({
      id: row.id,
      object: "session",
      owner: row.owner,
      title: row.title,
      mode: row.mode,
      generation: row.generation,
      turn_count: row.turns,
      created_at: new Date(row.createdAt).toISOString(),
      updated_at: new Date(row.updatedAt).toISOString(),
    })),
    next_cursor: rows.length > limit ? (shown.at(-1)?.id ?? null) : null,
  };
}
