/** Idempotency-Keys inside a session: the turn or the feedback that a key made. */
import { RosaError } from "@rosa2/shared/errors";
import { eq } from "drizzle-orm";
import type { Desk } from "./desk.ts";
import { idempotency } from "./schema.ts";

/** @throws RosaError `idempotency_mismatch` when the key came with another request before. */
export function findIdempotent(
  desk: Desk,
  { key, fingerprint }: { key: string; fingerprint: string },
): string | null {
  const row = desk.db.select().from(idempotency).where(eq(idempotency.key, key)).get();
  if (row === undefined) return null;
  if (row.fingerprint === fingerprint) return row.ref;
  throw new RosaError(
    "idempotency_mismatch",
    "This Idempotency-Key was used with another request before",
    { param: "Idempotency-Key" },
  );
}
