/**
 * Moves usage of old days from the account to R2, step by step. Rows are written there once for each group of reports,
 * then deleted here. Reports (report.ts) are the same before, during and after.
 *
 * The rows of an archive do not change while it is written: new usage, even of old days, goes to rows of the next
 * segment. So a step repeated after a crash writes the same file again, and no event is lost or counted twice.
 */
import { and, desc, eq, gt, inArray, lte, or, sql } from "drizzle-orm";
import { type UsageGroup, usageGroups } from "../../contract/sets.ts";
import { deleteParts, putPart } from "./archive-files.ts";
import { accountRow, type Books, setAccount } from "./books.ts";
import { archiveParts, archives, ownerSpend, usage } from "./schema.ts";
import { countNames, countsOf, type UsageRow } from "./usage-counts.ts";

const dayMs = 24 * 3_600_000;
/** A month's usage moves this long after the end of the month. */
const ageMs = 35 * dayMs;
/** Beyond this many bytes days move earlier, one by one, except the last two. */
const bytesMax = 2 * 1024 ** 3;
const youngMs = 2 * dayMs;
/** Rows of one file; some 400 kB compressed. */
const rowsPerPartMax = 10_000;
const rowsPerDeletion = 20_000;

type Archive = typeof archives.$inferSelect;

/** Takes one step; returns whether another can follow at once. */
export async function archiveSome(books: Books, rowsPerPart = rowsPerPartMax): Promise<boolean> {
  const archive = openArchive(books) ?? beginArchive(books);
  if (archive === undefined) return false;
  if (archive.state === "writing") await writePart(books, archive, rowsPerPart);
  else deleteRows(books, archive);
  return true;
}

/** When there will be something to move; null if there is no usage. */
export function archiveDueAt(books: Books): number | null {
  const first = firstDay(books);
  if (first === null && openArchive(books) === undefined) return null;
  if (first === null || openArchive(books) !== undefined || oldUpTo(books, first) !== null) {
    return books.now();
  }
  const day = new Date(first);
  return Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 1) + ageMs;
}

/** Removes sessions and owners from all usage, here and in R2. Totals by day and key remain. Repeating is fine. */
export async function eraseUsage(books: Books): Promise<void> {
  const { db } = books;
  while (openArchive(books) !== undefined) await archiveSome(books);
  const named = or(gt(usage.sessionId, ""), gt(usage.owner, ""));
  for (;;) {
    const row = db.select({ day: usage.day }).from(usage).where(named).limit(1).get();
    if (row === undefined) break;
    foldDay(books, row.day);
  }
  db.delete(ownerSpend).run();
  db.update(archives).set({ isErased: true }).run();
  for (const by of ["session", "owner"] as const) {
    const ofGroup = eq(archiveParts.by, by);
    const archived = db.selectDistinct({ segment: archiveParts.segment }).from(archiveParts);
    for (const { segment } of archived.where(ofGroup).all()) {
      await deleteParts(books, segment, by);
      db.delete(archiveParts)
        .where(and(ofGroup, eq(archiveParts.segment, segment)))
        .run();
    }
  }
}

function openArchive({ db }: Books): Archive | undefined {
  return db
    .select()
    .from(archives)
    .where(inArray(archives.state, ["writing", "written"]))
    .get();
}

function beginArchive(books: Books): Archive | undefined {
  const fromDay = firstDay(books);
  const toDay = fromDay === null ? null : oldUpTo(books, fromDay);
  if (fromDay === null || toDay === null) return undefined;
  const { segment } = accountRow(books);
  return books.transaction(() => {
    setAccount(books, { segment: segment + 1 });
    const row = { segment, fromDay, toDay, state: "writing" as const };
    return books.db.insert(archives).values(row).returning().get();
  });
}

function firstDay({ db }: Books): string | null {
  return db.select({ day: usage.day }).from(usage).orderBy(usage.day).limit(1).get()?.day ?? null;
}

/** The last day that is old enough to move; null if even the first is not. */
function oldUpTo(books: Books, first: string): string | null {
  const aged = new Date(books.now() - ageMs);
  const byAge = dayOf(Date.UTC(aged.getUTCFullYear(), aged.getUTCMonth(), 0));
  if (first <= byAge) return byAge;
  const isFull = books.storedBytes() > bytesMax;
  return isFull && first < dayOf(books.now() - youngMs) ? first : null;
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

/** Writes the next file. If none is left, the files count from here on. */
async function writePart(books: Books, archive: Archive, rowsPerPart: number): Promise<void> {
  const { db } = books;
  const { segment } = archive;
  for (const by of usageGroups) {
    const last = db
      .select()
      .from(archiveParts)
      .where(and(eq(archiveParts.segment, segment), eq(archiveParts.by, by)))
      .orderBy(desc(archiveParts.part))
      .limit(1)
      .get();
    if (last !== undefined && last.cursor === null) continue;
    const { rows, cursor } = pageOf(books, archive, by, last?.cursor ?? null, rowsPerPart);
    const name = { segment, by, part: (last?.part ?? -1) + 1 };
    await putPart(books, name, rows);
    const [first, greatest] = [rows.at(0)?.[by] ?? "", rows.at(-1)?.[by] ?? ""];
    db.insert(archiveParts)
      .values({ ...name, first, last: greatest, cursor })
      .run();
    return;
  }
  db.update(archives).set({ state: "written" }).where(eq(archives.segment, segment)).run();
}

function deleteRows({ db }: Books, { segment, toDay }: Archive): void {
  const some = db
    .select({ id: sql`rowid` })
    .from(usage)
    .where(and(lte(usage.day, toDay), lte(usage.segment, segment)))
    .limit(rowsPerDeletion);
  const gone = db
    .delete(usage)
    .where(inArray(sql`rowid`, some))
    .returning({ day: usage.day })
    .all();
  if (gone.length > 0) return;
  db.update(archives).set({ state: "done" }).where(eq(archives.segment, segment)).run();
}

interface Page {
  rows: UsageRow[];
  /** Where the next page begins; null if there is none. */
  cursor: (string | number)[] | null;
}

const nobody = {
  day: sql<string>`''`,
  session: sql<string>`''`,
  key: sql<string>`''`,
  owner: sql<string>`''`,
};
const sums = countsOf((name) => sql<number>`sum(${usage[name]})`);
const counts = countsOf((name) => usage[name]);

/** The next rows of an archive, sorted by a group. Rows that the group's reports do not distinguish are added up. */
function pageOf(
  books: Books,
  archive: Archive,
  by: UsageGroup,
  after: Page["cursor"],
  limit: number,
): Page {
  if (by === "owner") return ownersPage(books, archive, after, limit);
  const { day } = usage;
  const group = { day, session: usage.sessionId, key: usage.keyId }[by];
  const order = by === "day" ? [day] : [group, day];
  const rows = books.db
    .select({ ...nobody, [by]: group, day, ...sums })
    .from(usage)
    .where(and(isIn(archive), after === null ? undefined : comesAfter(order, after)))
    .groupBy(...order)
    .orderBy(...order)
    .limit(limit)
    .all()
    .map(toRow);
  const last = rows.at(-1);
  const next = last && (by === "day" ? [last.day] : [last[by], last.day]);
  return { rows, cursor: rows.length < limit ? null : (next ?? null) };
}

/**
 * An owner's rows stay separate, so that one owner's usage can be reported by any group. Rows without an owner come
 * first, added up.
 */
function ownersPage({ db }: Books, archive: Archive, after: Page["cursor"], limit: number): Page {
  const { owner, day, sessionId, keyId, segment } = usage;
  if (after === null) {
    const rows = db
      .select({ ...nobody, day, ...sums })
      .from(usage)
      .where(and(eq(owner, ""), isIn(archive)))
      .groupBy(day)
      .orderBy(day)
      .all()
      .map(toRow);
    return { rows, cursor: ["", "9999-99-99", "", "", 0] };
  }
  const order = [owner, day, sessionId, keyId, segment];
  const rows = db
    .select({ day, session: sessionId, key: keyId, owner, segment, ...counts })
    .from(usage)
    .where(and(isIn(archive), comesAfter(order, after)))
    .orderBy(...order)
    .limit(limit)
    .all();
  const last = rows.at(-1);
  const cursor = last && [last.owner, last.day, last.session, last.key, last.segment];
  return { rows: rows.map(toRow), cursor: rows.length < limit ? null : (cursor ?? null) };
}

/** The plus prevents an index look-up by these columns: the index that has the rows in order is wanted. */
function isIn({ segment, toDay }: Archive) {
  return and(sql`+${usage.day} <= ${toDay}`, sql`+${usage.segment} <= ${segment}`);
}

function comesAfter(order: readonly unknown[], after: readonly unknown[]) {
  const list = (items: readonly unknown[]) =>
    sql.join(
      items.map((item) => sql`${item}`),
      sql`, `,
    );
  return sql`(${list(order)}) > (${list(after)})`;
}

function toRow(
  row: Omit<UsageRow, "counts"> & Record<(typeof countNames)[number], number>,
): UsageRow {
  const { day, session, key, owner } = row;
  return { day, session, key, owner, counts: countNames.map((name) => row[name]) };
}

/** Adds up a day's rows by key alone. */
function foldDay({ db, transaction }: Books, day: string): void {
  const { keyId, segment } = usage;
  const ofDay = eq(usage.day, day);
  transaction(() => {
    const folded = db
      .select({ keyId, segment, ...sums })
      .from(usage)
      .where(ofDay)
      .groupBy(keyId, segment)
      .all();
    db.delete(usage).where(ofDay).run();
    for (const row of folded) {
      db.insert(usage)
        .values({ day, sessionId: "", owner: "", ...row })
        .run();
    }
  });
}
