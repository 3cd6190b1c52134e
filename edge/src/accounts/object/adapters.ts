/**
 * Which of a tenant's sessions hold which adapter file, so that erasing one session keeps another's copy. The bytes
 * they hold together are kept as one number, so that the limit needs no sum.
 *
 * It keeps references; the files themselves are in R2 (adapters/index.ts).
 */
import { RosaError } from "@rosa2/shared/errors";
import { and, eq, lt, ne, notExists, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/sqlite-core";
import { deleteFiles } from "../../adapters/index.ts";
import { accountRow, type Books, setAccount } from "./books.ts";
import { adapterRefs, deletedFiles } from "./schema.ts";

/** The longest time that storing a file may take. */
const rememberedMs = 10 * 60_000;

/**
 * Notes that a session holds a file. Repeating is fine.
 *
 * @returns `wait` while that file is being deleted; `again` if it was deleted a short while ago, so that a copy stored
 * meanwhile may be gone. @throws RosaError `conflict` if the tenant's sessions would hold more than they may.
 */
export function holdAdapter(
  books: Books,
  ref: { sessionId: string; digest: string; bytes: number },
  bytesMax: number,
): "held" | "again" | "wait" {
  const { db, now } = books;
  const { sessionId, digest, bytes } = ref;
  return books.transaction(() => {
    const refs = db.select().from(adapterRefs).where(eq(adapterRefs.digest, digest)).all();
    if (refs.some(({ erasing }) => erasing === 1)) return "wait";
    if (!refs.some((one) => one.sessionId === sessionId)) {
      addBytes(books, bytes, bytesMax);
      db.insert(adapterRefs).values(ref).run();
    }
    const deleted = db.select().from(deletedFiles).where(eq(deletedFiles.digest, digest)).get();
    return deleted !== undefined && deleted.at > now() - rememberedMs ? "again" : "held";
  });
}

/**
 * Lets a new session hold files of another one.
 *
 * @throws RosaError `conflict` if some are being erased, or the tenant's sessions would hold too much.
 */
export function shareAdapters(
  books: Books,
  from: string,
  to: string,
  digests: readonly string[],
  bytesMax: number,
): void {
  const wanted = [...new Set(digests)];
  if (wanted.length === 0) return;
  const { db } = books;
  books.transaction(() => {
    const shared = db
      .select()
      .from(adapterRefs)
      .where(and(eq(adapterRefs.sessionId, from), eq(adapterRefs.erasing, 0)))
      .all()
      .filter(({ digest }) => wanted.includes(digest));
    if (shared.length < wanted.length) {
      throw new RosaError("conflict", "Cannot fork: the session is being erased");
    }
    addBytes(
      books,
      shared.reduce((total, { bytes }) => total + bytes, 0),
      bytesMax,
    );
    for (const { digest, bytes } of shared) {
      db.insert(adapterRefs).values({ digest, bytes, sessionId: to }).run();
    }
  });
}

/** Deletes a file that no session holds: it was stored, and its update was not kept. Repeating is fine. */
export async function dropFile(books: Books, digest: string): Promise<void> {
  const { db } = books;
  const isHeld = () =>
    db.select().from(adapterRefs).where(eq(adapterRefs.digest, digest)).get() !== undefined;
  if (isHeld()) return;
  noteDeleted(books, [digest]);
  await deleteFiles(books.env, books.tenantId, [digest]);
  noteDeleted(books, [digest]);
}

/** Remembers deleted files for callers that store one of them at the same time. */
function noteDeleted({ db, now }: Books, digests: readonly string[]): void {
  db.delete(deletedFiles)
    .where(lt(deletedFiles.at, now() - rememberedMs))
    .run();
  for (const digest of digests) {
    db.insert(deletedFiles)
      .values({ digest, at: now() })
      .onConflictDoUpdate({ target: deletedFiles.digest, set: { at: now() } })
      .run();
  }
}

/**
 * Drops a session's references and deletes the files that no other session holds. Returns their number. Repeating is
 * fine.
 */
export async function eraseAdapters(books: Books, sessionId: string): Promise<number> {
  const { db } = books;
  // Marked before the file is deleted: a session that wants to hold it meanwhile waits.
  const other = alias(adapterRefs, "other");
  const alone = db
    .update(adapterRefs)
    .set({ erasing: 1 })
    .where(
      and(
        eq(adapterRefs.sessionId, sessionId),
        notExists(
          db
            .select({ one: sql`1` })
            .from(other)
            .where(and(eq(other.digest, sql`adapter_refs.digest`), ne(other.sessionId, sessionId))),
        ),
      ),
    )
    .returning({ digest: adapterRefs.digest })
    .all()
    .map(({ digest }) => digest);
  await deleteFiles(books.env, books.tenantId, alone);
  books.transaction(() => {
    noteDeleted(books, alone);
    const gone = db
      .delete(adapterRefs)
      .where(eq(adapterRefs.sessionId, sessionId))
      .returning()
      .all();
    const bytes = gone.reduce((total, one) => total + one.bytes, 0);
    setAccount(books, { adapterBytes: accountRow(books).adapterBytes - bytes });
  });
  return alone.length;
}

function addBytes(books: Books, bytes: number, bytesMax: number): void {
  const { adapterBytes } = accountRow(books);
  if (adapterBytes + bytes > bytesMax) {
    throw new RosaError(
      "conflict",
      `Cannot keep ${bytes} bytes more: all sessions' adapter files may take ${bytesMax}; erase some`,
    );
  }
  setAccount(books, { adapterBytes: adapterBytes + bytes });
}
