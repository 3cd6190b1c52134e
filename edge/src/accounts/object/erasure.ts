/**
 * Erases everything of a tenant, some sessions at a time, until only billing remains.
 *
 * Its progress is in the account's row; the remaining sessions are the rows of the index. The object's alarm repeats
 * whatever fails.
 */

import { deleteAllFiles } from "../../adapters/index.ts";
import type { Erased, ErasureBody } from "../../contract/index.ts";
import type { Result } from "../../rpc.ts";
import { eraseAdapters } from "./adapters.ts";
import { forgetAnswers } from "./answers.ts";
import { eraseUsage } from "./archive.ts";
import { accountRow, type Books, setAccount } from "./books.ts";
import { eraseWebhooks } from "./messages.ts";
import { endLease } from "./money.ts";
import { adapterRefs, outcomes } from "./schema.ts";
import { oldestSessions, removeFromIndex } from "./sessions.ts";

const sessionsPerStep = 20;
export const againMs = 5_000;
/** A session this young may be in the index before its object exists, so it is checked again later. */
const youngMs = 60_000;

const kept =
  "usage by day and key and monthly totals (counts and prices; no text, sessions or owners), the spend cap, the account's name and the key that asked, for billing";

/** Begins the erasure of everything, or notes that more keys were revoked. No session is opened from here on. */
export function startErasure(books: Books, keys: number): ErasureBody {
  const running = accountRow(books).erasure;
  const erasure: ErasureBody =
    running?.status === "running"
      ? { ...running, erased: { ...running.erased, keys: running.erased.keys + keys } }
      : {
          status: "running",
          requested_at: new Date(books.now()).toISOString(),
          finished_at: null,
          erased: { sessions: 0, turns: 0, generations: 0, events: 0, adapters: 0, keys },
          kept,
        };
  setAccount(books, { erasure });
  return erasure;
}

/** Erases a few sessions or, once there are none, everything else. Returns the pause before the next step; null when done. */
export async function eraseSome(
  books: Books,
  erase: {
    session: (sessionId: string) => Promise<Result<Erased>>;
    /** Deletes answers that are saved in other objects. */
    answers: () => Promise<void>;
  },
): Promise<number | null> {
  if (accountRow(books).erasure?.status !== "running") return null;
  const sessions = oldestSessions(books, sessionsPerStep);
  if (sessions.length === 0) {
    await erase.answers();
    await eraseUsage(books);
    await deleteAllFiles(books.env, books.tenantId);
    books.transaction(() => {
      books.db.delete(adapterRefs).run();
      books.db.delete(outcomes).run();
      eraseWebhooks(books);
      forgetAnswers(books, undefined);
      const { erasure } = accountRow(books);
      if (erasure === null) return;
      const finished_at = new Date(books.now()).toISOString();
      const done = { ...erasure, status: "done" as const, finished_at };
      setAccount(books, { lexicon: null, adaptation: null, adapterBytes: 0, erasure: done });
    });
    return null;
  }
  const erased = await Promise.all(
    sessions.map(({ id, createdAt }) =>
      eraseSession(books, erase.session, id, books.now() - createdAt),
    ),
  );
  return erased.every((one) => !one) ? againMs : 0;
}

/** False if the session must wait because it is just being made. */
async function eraseSession(
  books: Books,
  erase: (sessionId: string) => Promise<Result<Erased>>,
  sessionId: string,
  ageMs: number,
): Promise<boolean> {
  const result = await erase(sessionId);
  if (result.ok) {
    count(books, result.value.erased);
    return true;
  }
  if (result.code !== "not_found") throw new Error(`${sessionId}: ${result.message}`);
  if (ageMs < youngMs) return false;
  const adapters = await eraseAdapters(books, sessionId);
  removeFromIndex(books, sessionId);
  endLease(books, sessionId);
  count(books, { turns: 0, generations: 0, events: 0, adapters });
  return true;
}

/** Adds what was erased. A step that dies before this leaves its session uncounted, but erased. */
function count(books: Books, one: Erased["erased"]): void {
  const { erasure } = accountRow(books);
  if (erasure === null) return;
  const { sessions, turns, generations, events, adapters, keys } = erasure.erased;
  const erased = {
    sessions: sessions + 1,
    turns: turns + one.turns,
    generations: generations + one.generations,
    events: events + one.events,
    adapters: adapters + one.adapters,
    keys,
  };
  setAccount(books, { erasure: { ...erasure, erased } });
}
