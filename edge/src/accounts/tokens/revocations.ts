/**
 * Which of a tenant's tokens are revoked: those of an owner or of a key, issued before a time.
 *
 * A tenant's list is short, because no token lives longer than a day. It is read once; later revocations are read for
 * all tenants at once, so that each is effective within a minute. A token younger than that needs no list.
 */
import { RosaError } from "@rosa2/shared/errors";
import { and, eq, gt } from "drizzle-orm";
import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";
import { tokenSecondsMax } from "../../contract/index.ts";
import { type Background, Memory, revocable } from "../memory.ts";
import { readReplica } from "../nearest.ts";
import {
  isDistrusted,
  needRevocations,
  refreshRevocations,
  revokedAt,
} from "../recent-revocations.ts";
import { tokenRevocations } from "../schema.ts";

/** What is revoked: all tokens of an owner, those that a key minted or signed, or all tokens. */
export type Revoked = { owner: string } | { keyId: string } | "all";

/** A token this young can only have been revoked within the time that a revocation may take anyway. */
const youngMs = 15_000;

/** Time of revocation of each subject. */
type List = ReadonlyMap<string, number>;
const lists = new Memory<List>(1_000, () => revocable);

export async function revokeTokens(
  db: D1Database,
  tenantId: string,
  what: Revoked,
  now: number,
): Promise<void> {
  const row = { tenantId, subject: subjectOf(what), revokedAt: now };
  await drizzle(db)
    .insert(tokenRevocations)
    .values(row)
    .onConflictDoUpdate({
      target: [tokenRevocations.tenantId, tokenRevocations.subject],
      set: { revokedAt: now },
    });
  // Effective here at once; a replica may not have it yet.
  await lists.refresh(tenantId, now, () => readList(drizzle(db), tenantId, now));
}

/** @throws RosaError `invalid_key` if the token was issued before its owner's, its key's or all tokens were revoked. */
export async function refuseRevoked(
  db: D1Database,
  token: { tenantId: string; owner: string; keyId: string; issuedAt: number },
  now: number,
  background: Background,
): Promise<void> {
  const { tenantId, owner, keyId, issuedAt } = token;
  const read = () => readReplica(db, (near) => readList(near, tenantId, now));
  const remembered = lists.peek(tenantId, now, read, background);
  if (remembered === undefined && issuedAt > now - youngMs) {
    background(lists.get(tenantId, now, read, background));
    return;
  }
  if (remembered !== undefined) await refreshRevocations(db, now, background);
  const list =
    remembered === undefined || isDistrusted(remembered.readAt)
      ? await lists.refresh(tenantId, now, read)
      : remembered.value;
  for (const subject of [{ owner }, { keyId }, "all" as const].map(subjectOf)) {
    if (issuedAt < Math.max(list.get(subject) ?? 0, revokedAt(tenantId, subject) ?? 0)) {
      throw new RosaError("invalid_key", "The client token was revoked");
    }
  }
}

async function readList(db: DrizzleD1Database, tenantId: string, now: number): Promise<List> {
  needRevocations(now);
  const oldest = now - tokenSecondsMax * 1000;
  const rows = await db
    .select()
    .from(tokenRevocations)
    .where(and(eq(tokenRevocations.tenantId, tenantId), gt(tokenRevocations.revokedAt, oldest)))
    .all();
  return new Map(rows.map(({ subject, revokedAt }) => [subject, revokedAt]));
}

function subjectOf(what: Revoked): string {
  if (what === "all") return "all";
  return "owner" in what ? `owner:${what.owner}` : `key:${what.keyId}`;
}
