/** Idempotency-Keys inside a session: what a key created, or the answer to its change. */
import { RosaError } from "@rosa2/shared/errors";
import { eq, sql } from "drizzle-orm";
import type { IdempotencyKey } from "../../rpc.ts";
import { statement } from "../../statements.ts";
import type { Store } from "./rows.ts";
import { idempotency } from "./schema.ts";

const noted = statement((db) =>
  db
    .select()
    .from(idempotency)
    .where(eq(idempotency.key, sql.placeholder("key")))
    .prepare(),
);

/** @throws RosaError `idempotency_mismatch` if the key came with another request before. */
export function findIdempotent(store: Store, { key, fingerprint }: IdempotencyKey): string | null {
  const row = noted(store.db).get({ key });
  if (row === undefined) return null;
  if (row.fingerprint === fingerprint) return row.ref;
  throw new RosaError(
    "idempotency_mismatch",
    "This Idempotency-Key was used with another request before",
    { param: "Idempotency-Key" },
  );
}

/** Notes what a key created. If two calls found nothing and created the same, it is noted once. */
export function noteIdempotent(store: Store, key: IdempotencyKey | undefined, ref: string): void {
  if (key === undefined) return;
  store.db
    .insert(idempotency)
    .values({ ...key, ref })
    .onConflictDoNothing()
    .run();
}

/**
 * Makes a change once per key: a repeated call gets the first answer, whatever happened since. The change must not
 * await, so that it and its answer are stored together.
 */
export function changeOnce<T>(store: Store, key: IdempotencyKey | undefined, change: () => T): T {
  const earlier = key === undefined ? null : findIdempotent(store, key);
  if (earlier !== null) return JSON.parse(earlier) as T;
  const answer = change();
  noteIdempotent(store, key, JSON.stringify(answer));
  return answer;
}
