/** Reports over usage: from rows of the account, and from files in R2 for old days. */
import { and, between, desc, eq, gt, gte, lt, lte, ne, or, sql } from "drizzle-orm";
import type { UsageReport } from "../../contract/index.ts";
import type { UsageGroup } from "../../contract/sets.ts";
import { getPart } from "./archive-files.ts";
import type { Books } from "./books.ts";
import { compareArms } from "./holdout.ts";
import { archiveParts, archives, usage } from "./schema.ts";
import {
  type Counts,
  countNames,
  countsOf,
  reportRow,
  Totals,
  type UsageRow,
} from "./usage-counts.ts";

export interface UsageQuery {
  groupBy: UsageGroup;
  owner?: string;
  from?: string;
  to?: string;
  /** The last group of the previous page; groups are in falling order. */
  cursor?: string;
  limit: number;
}

type Archive = typeof archives.$inferSelect;
type Part = typeof archiveParts.$inferSelect;

const sums = countsOf((name) => sql<number>`sum(${usage[name]})`);
const columns = { day: usage.day, session: usage.sessionId, key: usage.keyId, owner: usage.owner };

/** Totals by day, session, key or owner, over all owners or one. Days are UTC, both ends included. */
export async function reportUsage(books: Books, query: UsageQuery): Promise<UsageReport> {
  const totals = new Totals(query.limit + 1);
  // Rows and the list of files are read at one moment; listed files do not change.
  const files = filesOf(books, query);
  for (const { group, counts } of rowTotals(books, query)) totals.add(group, counts);
  for (const parts of files) await addFiles(books, query, parts, totals);
  const found = totals.greatest();
  const shown = found.slice(0, query.limit);
  return {
    object: "list",
    group_by: query.groupBy,
    data: shown.map(([group, counts]) => reportRow(group, counts)),
    next_cursor: found.length > query.limit ? (shown.at(-1)?.[0] ?? null) : null,
    holdout: compareArms(books, query),
  };
}

/** Days of a query, both ends included. */
function rangeOf({ from = "0000-00-00", to = "9999-99-99" }: UsageQuery) {
  return { from, to };
}

/** The greatest groups among the account's own rows. */
function rowTotals(books: Books, query: UsageQuery): { group: string; counts: Counts }[] {
  const { db } = books;
  const column = columns[query.groupBy];
  const { from, to } = rangeOf(query);
  const written = db.select().from(archives).where(eq(archives.state, "written")).get();
  return db
    .select({ group: column, ...sums })
    .from(usage)
    .where(
      and(
        between(usage.day, from, to),
        query.owner === undefined ? undefined : eq(usage.owner, query.owner),
        query.cursor === undefined ? undefined : lt(column, query.cursor),
        // Rows that are being deleted, because files contain them.
        written && or(gt(usage.segment, written.segment), gt(usage.day, written.toDay)),
      ),
    )
    .groupBy(column)
    .orderBy(desc(column))
    .limit(query.limit + 1)
    .all()
    .map(({ group, ...row }) => ({ group, counts: countNames.map((name) => row[name]) }));
}

/** The files to read of each archive that the query reaches, the file with the greatest group first. */
function filesOf({ db }: Books, query: UsageQuery): Part[][] {
  const { from, to } = rangeOf(query);
  const reached = db
    .select()
    .from(archives)
    .where(and(gte(archives.toDay, from), lte(archives.fromDay, to), ne(archives.state, "writing")))
    .all();
  return reached.map((archive) => {
    const by = sortedBy(archive, query);
    if (by === null) return [];
    const { owner, cursor } = query;
    return db
      .select()
      .from(archiveParts)
      .where(
        and(
          eq(archiveParts.segment, archive.segment),
          eq(archiveParts.by, by),
          owner === undefined
            ? undefined
            : and(lte(archiveParts.first, owner), gte(archiveParts.last, owner)),
          by !== query.groupBy || cursor === undefined ? undefined : lt(archiveParts.first, cursor),
        ),
      )
      .orderBy(desc(archiveParts.part))
      .all();
  });
}

/** The files that answer a query with the fewest of them; null if no file does any more. */
function sortedBy({ isErased }: Archive, { groupBy, owner }: UsageQuery): UsageGroup | null {
  if (owner !== undefined) return isErased ? null : "owner";
  // Erased sessions and owners have no name any more: the days' totals include them.
  return isErased && (groupBy === "session" || groupBy === "owner") ? "day" : groupBy;
}

/** Adds an archive's greatest groups: files are read until no later one can hold any of them. */
async function addFiles(
  books: Books,
  query: UsageQuery,
  parts: readonly Part[],
  totals: Totals,
): Promise<void> {
  const { from, to } = rangeOf(query);
  const { groupBy, owner, cursor } = query;
  const isAsked = (row: UsageRow) =>
    row.day >= from &&
    row.day <= to &&
    (owner === undefined || row.owner === owner) &&
    (cursor === undefined || row[groupBy] < cursor);
  const met = new Set<string>();
  let least = "";
  for (const part of parts) {
    if (part.by === groupBy && met.size > query.limit && part.last < least) return;
    for (const row of (await getPart(books, part)).filter(isAsked)) {
      const group = row[groupBy];
      totals.add(group, row.counts);
      if (met.size === 0 || group < least) least = group;
      met.add(group);
    }
  }
}
