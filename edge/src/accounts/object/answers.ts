/** Saved answers by Idempotency-Key: of any size, for two days. An answer whose first call died is made again. */
import { RosaError } from "@rosa2/shared/errors";
import { and, asc, eq, inArray, isNotNull, isNull, lt, or, type SQL } from "drizzle-orm";
import { type Owed, settleOwed } from "../region-calls.ts";
import type { Books } from "./books.ts";
import { answerParts, savedAnswers } from "./schema.ts";

const keepMs = 48 * 3_600_000;
/** A first call without a sign of life for this long counts as dead. */
export const aliveMs = 4_000;
/** Characters of one row: at most three bytes each, and a row may hold 2 MB. */
const partChars = 500_000;

export interface SavedAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** A call that asks for a key. `sessionId` is the id for the session that the call opens, or null if it opens none. */
export interface ClaimingCall {
  key: string;
  fingerprint: string;
  token: string;
  sessionId: string | null;
}

/** The key is this call's, with the id of the session to open; or another call still runs; or there is an answer. */
export type Claim = { sessionId: string | null } | "running" | SavedAnswer;

/**
 * Whether this call is the first with its key, or the first one's answer. A first call that died or failed leaves its
 * session's id to the next. Also deletes old answers.
 *
 * @throws RosaError `idempotency_mismatch` for a key that came with another request.
 */
export function claimAnswer(
  books: Books,
  { key, fingerprint, token, sessionId }: ClaimingCall,
): Claim {
  const { db, now } = books;
  return books.transaction(() => {
    forgetAnswers(
      books,
      and(lt(savedAnswers.createdAt, now() - keepMs), isNull(savedAnswers.owed)),
    );
    const row = db.select().from(savedAnswers).where(eq(savedAnswers.key, key)).get();
    if (row === undefined || (row.status === null && row.aliveUntil < now())) {
      const opens = row?.fingerprint === fingerprint ? row.sessionId : sessionId;
      const claim = { fingerprint, token, aliveUntil: now() + aliveMs, sessionId: opens };
      db.insert(savedAnswers)
        .values({ key, ...claim, createdAt: now() })
        .onConflictDoUpdate({ target: savedAnswers.key, set: claim })
        .run();
      return { sessionId: opens };
    }
    if (row.fingerprint !== fingerprint) {
      throw new RosaError(
        "idempotency_mismatch",
        "This Idempotency-Key was used with another request before",
        { param: "Idempotency-Key" },
      );
    }
    if (row.status === null) {
      return row.token === token ? { sessionId: row.sessionId } : "running";
    }
    const parts = db
      .select()
      .from(answerParts)
      .where(eq(answerParts.key, key))
      .orderBy(asc(answerParts.part))
      .all();
    const body = parts.map(({ text }) => text).join("");
    return { status: row.status, headers: row.headers ?? {}, body };
  });
}

/** A sign of life of the first call; returns whether it still is the first. */
export function keepAlive({ db, now }: Books, key: string, token: string): boolean {
  const aliveUntil = now() + aliveMs;
  return (
    db.update(savedAnswers).set({ aliveUntil }).where(mine(key, token)).returning().all().length > 0
  );
}

/**
 * Saves the first call's answer together with what it owes; `sessionId` is the session that it shows. If another call
 * holds the key by now, this answer is dropped.
 */
export function saveAnswer(
  books: Books,
  call: { key: string; token: string },
  answer: SavedAnswer,
  sessionId: string | null,
  owed: Owed | null,
): void {
  const { db } = books;
  const { status, headers, body } = answer;
  books.transaction(() => {
    const saved = db
      .update(savedAnswers)
      .set({ status, headers, sessionId, owed })
      .where(mine(call.key, call.token))
      .returning()
      .all();
    if (saved.length === 0) return;
    for (let part = 0; part * partChars < body.length; part++) {
      const text = body.slice(part * partChars, (part + 1) * partChars);
      db.insert(answerParts).values({ key: call.key, part, text }).run();
    }
  });
}

/** Delivers what saved answers owe to the purses; what cannot be delivered stays. */
export async function payOwed(books: Books): Promise<void> {
  const { db, env } = books;
  const rows = db.select().from(savedAnswers).where(isNotNull(savedAnswers.owed)).all();
  for (const { key, owed } of rows) {
    if (owed === null) continue;
    await settleOwed(env, books.tenantId, owed);
    db.update(savedAnswers).set({ owed: null }).where(eq(savedAnswers.key, key)).run();
  }
}

/** Failures are not kept: the same call may be made again, and finds the session that this one may have opened. */
export function dropClaim(books: Books, key: string, token: string): void {
  const { db } = books;
  books.transaction(() => {
    db.delete(savedAnswers)
      .where(and(mine(key, token), isNull(savedAnswers.sessionId)))
      .run();
    db.update(savedAnswers).set({ aliveUntil: 0 }).where(mine(key, token)).run();
  });
}

/** Deletes the answers that show a session. A call that is still running keeps its key. */
export function forgetAnswersOf(books: Books, sessionId: string): void {
  const isOver = or(isNotNull(savedAnswers.status), lt(savedAnswers.aliveUntil, books.now()));
  forgetAnswers(books, and(eq(savedAnswers.sessionId, sessionId), isOver));
}

export function forgetAnswers({ db }: Books, which: SQL | undefined): void {
  const keys = db.delete(savedAnswers).where(which).returning({ key: savedAnswers.key }).all();
  if (keys.length === 0) return;
  const gone = keys.map(({ key }) => key);
  // The platform binds at most 100 values per statement.
  for (let i = 0; i < gone.length; i += 100) {
    db.delete(answerParts)
      .where(inArray(answerParts.key, gone.slice(i, i + 100)))
      .run();
  }
}

function mine(key: string, token: string) {
  return and(eq(savedAnswers.key, key), eq(savedAnswers.token, token), isNull(savedAnswers.status));
}
