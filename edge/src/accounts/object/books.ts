/** The shared context of the account object's parts: its tables, its clock, and its tenant. */
import type { DrizzleSqliteDODatabase } from "drizzle-orm/durable-sqlite";
import type { Config } from "../../config.ts";
import type { Env } from "../../env.ts";
import { statement } from "../../statements.ts";
import { account } from "./schema.ts";

const accountOf = statement((db) => db.select().from(account).prepare());

export interface Books {
  readonly tenantId: string;
  env: Env;
  config: Config;
  db: DrizzleSqliteDODatabase;
  now(): number;
  /** Size of the object's database in bytes. */
  storedBytes(): number;
  /** All or nothing; the work must not await. */
  transaction<T>(work: () => T): T;
}

export function accountRow({ db, tenantId }: Books): typeof account.$inferSelect {
  const row = accountOf(db).get();
  if (row !== undefined) return row;
  return db.insert(account).values({ tenantId }).returning().get();
}

export function setAccount(
  books: Books,
  columns: Partial<Omit<typeof account.$inferInsert, "tenantId">>,
): void {
  accountRow(books);
  books.db.update(account).set(columns).run();
}
