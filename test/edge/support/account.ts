/** A look into a tenant's account object, and its parts as a test calls them. */
import { runInDurableObject } from "cloudflare:test";
import { drizzle } from "drizzle-orm/durable-sqlite";
import { type AccountCalls, accountOf } from "../../../edge/src/accounts/account.ts";
import type { Books } from "../../../edge/src/accounts/object/books.ts";
import { configOf } from "../../../edge/src/config.ts";
import { bindings } from "./client.ts";

/** The object's calls, as a session or a region makes them. */
export function account(tenantId: string): AccountCalls {
  return accountOf(bindings, tenantId);
}

/** The object itself, without the watch on its calls. */
export function accountStub(tenantId: string): DurableObjectStub {
  const { ACCOUNTS } = bindings;
  return ACCOUNTS.get(ACCOUNTS.idFromName(tenantId)) as unknown as DurableObjectStub;
}

/** Work inside the object, on its own tables. */
export async function inAccount<T>(
  tenantId: string,
  work: (books: Books, sql: SqlStorage) => T | Promise<T>,
): Promise<T> {
  // The object learns whose it is with its first call.
  await account(tenantId).describe(tenantId);
  return runInDurableObject(accountStub(tenantId), (_, { storage }) =>
    work(
      {
        tenantId,
        env: bindings,
        config: configOf(bindings),
        db: drizzle(storage),
        now: () => Date.now(),
        storedBytes: () => storage.sql.databaseSize,
        transaction: (inside) => storage.transactionSync(inside),
      },
      storage.sql,
    ),
  );
}

/** Rows of the account's tables; a change is a statement too. */
export function accountRows<T>(
  tenantId: string,
  statement: string,
  ...values: unknown[]
): Promise<T[]> {
  return inAccount(tenantId, (_, sql) => sql.exec(statement, ...values).toArray() as T[]);
}
