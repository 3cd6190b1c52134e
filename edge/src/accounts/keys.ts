/** API keys: made here, shown once, stored as SHA-256. It knows no HTTP beyond the Bearer token's text. */
import { RosaError } from "@rosa2/shared/errors";
import { and, asc, eq, gt, gte, isNull, lt, type SQL } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { SQLiteColumn } from "drizzle-orm/sqlite-core";
import { type KeyBody, type RequestRate, requestRates, type Scope } from "../contract/index.ts";
import { pageOf } from "../cursors.ts";
import { newId, sha256 } from "../ids.ts";
import { iso } from "../time.ts";
import { generateKey, keyPrefix, keyShape } from "./key-text.ts";
import { type Background, Memory, revocable } from "./memory.ts";
import { readNearest } from "./nearest.ts";
import type { Principal } from "./principal.ts";
import {
  isDistrusted,
  needRevocations,
  refreshRevocations,
  revokedAt,
} from "./recent-revocations.ts";
import { apiKeys } from "./schema.ts";
import { revokeTokens } from "./tokens/revocations.ts";

interface KnownKey {
  principal: Principal;
  expiresAt: number | null;
}

const known = new Memory<KnownKey | null>(10_000, () => revocable);
/** Hashes of keys that were good here, forgotten when there are many: hashing takes longer than all else of a check. */
const hashes = new Map<string, string>();
const hashesMax = 1_000;
/** Unknown keys, kept for a while, so that guessing does not reach the database every time. */
const unknownMs = 10_000;
const unknownMax = 1_000;
const unknown = new Map<string, number>();

/**
 * The caller behind `Authorization: Bearer …`. `background` continues work after the answer.
 *
 * @throws RosaError `missing_key`, or `invalid_key` for an unknown, revoked or expired key.
 */
export async function authenticate(
  db: D1Database,
  authorization: string | null | undefined,
  now: number,
  background: Background = () => {},
): Promise<Principal> {
  if (authorization === null || authorization === undefined || authorization === "") {
    throw new RosaError("missing_key", "Send an API key as `Authorization: Bearer rosa2_…`");
  }
  const key = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  if (key === undefined) {
    throw new RosaError("invalid_key", "Send the key as `Authorization: Bearer rosa2_…`");
  }
  if (!keyShape.test(key)) {
    throw new RosaError("invalid_key", "This is no API key of rosa2's: those begin with `rosa2_`");
  }
  const hash = hashes.get(key) ?? (await sha256(key));
  if ((unknown.get(hash) ?? 0) > now) throw invalidKey();
  const found = await knownKey(db, hash, now, background);
  if (found !== null && alive(found.expiresAt, now)) {
    if (hashes.size >= hashesMax) hashes.clear();
    hashes.set(key, hash);
    return found.principal;
  }
  hashes.delete(key);
  if (unknown.size >= unknownMax) unknown.clear();
  unknown.set(hash, now + unknownMs);
  known.forget(hash);
  throw invalidKey();
}

/** A key from memory, unless it was revoked since; otherwise it is read now. */
async function knownKey(
  db: D1Database,
  hash: string,
  now: number,
  background: Background,
): Promise<KnownKey | null> {
  const read = () => lookUp(db, hash, now);
  const remembered = known.peek(hash, now, read, background);
  if (remembered === undefined) return await known.refresh(hash, now, read);
  await refreshRevocations(db, now, background);
  if (isDistrusted(remembered.readAt)) return await known.refresh(hash, now, read);
  const { value } = remembered;
  if (value === null) return null;
  const { tenantId, keyId } = value.principal;
  return revokedAt(tenantId, `key:${keyId}`) === undefined ? value : null;
}

/** Null for an unknown or revoked key. */
async function lookUp(db: D1Database, hash: string, now: number): Promise<KnownKey | null> {
  needRevocations(now);
  const row = await readNearest(db, (near) =>
    near.select().from(apiKeys).where(eq(apiKeys.hash, hash)).get(),
  );
  if (row === undefined || row.revokedAt !== null || !alive(row.expiresAt, now)) return null;
  const principal: Principal = {
    tenantId: row.tenantId,
    keyId: row.id,
    scopes: row.scopes.split(" ") as Scope[],
    requestsPerMinute: rateOf(row),
    owner: null,
    token: null,
  };
  return { principal, expiresAt: row.expiresAt };
}

function alive(expiresAt: number | null, now: number): boolean {
  return expiresAt === null || expiresAt > now;
}

function invalidKey(): RosaError {
  return new RosaError("invalid_key", "The API key is unknown, revoked or expired");
}

export async function createKey(
  db: D1Database,
  tenantId: string,
  input: {
    name: string;
    scopes: readonly Scope[];
    expiresAt: number | null;
    requestsPerMinute: RequestRate;
  },
  now: number,
): Promise<KeyBody & { key: string }> {
  const key = generateKey();
  const row = {
    id: newId("key"),
    tenantId,
    hash: await sha256(key),
    prefix: keyPrefix(key),
    name: input.name,
    scopes: [...new Set(input.scopes)].join(" "),
    requestsPerMinute: input.requestsPerMinute,
    createdAt: now,
    expiresAt: input.expiresAt,
    revokedAt: null,
  };
  await drizzle(db).insert(apiKeys).values(row);
  return { ...keyBody(row), key };
}

export interface KeyPage {
  /** Keys whose text begins with this, up to the twelve characters that are stored. */
  prefix?: string;
  /** The last id of the previous page. */
  cursor?: string;
  limit: number;
}

/** Keys in the order of their creation. */
export async function listKeys(
  db: D1Database,
  tenantId: string,
  { prefix, cursor, limit }: KeyPage,
): Promise<{ data: KeyBody[]; next_cursor: string | null }> {
  const rows = await drizzle(db)
    .select()
    .from(apiKeys)
    .where(
      and(
        eq(apiKeys.tenantId, tenantId),
        prefix === undefined ? undefined : beginsWith(apiKeys.prefix, keyPrefix(prefix)),
        cursor === undefined ? undefined : gt(apiKeys.id, cursor),
      ),
    )
    .orderBy(asc(apiKeys.id))
    .limit(limit + 1);
  return pageOf(rows, limit, keyBody);
}

/** A range that an index can answer; LIKE would scan all of a tenant's keys. */
function beginsWith(column: SQLiteColumn, prefix: string): SQL | undefined {
  return and(gte(column, prefix), lt(column, `${prefix}\uffff`));
}

/** Revokes a key. Elsewhere this takes effect within a minute, when the remembered key expires. Revoking twice is fine. */
export async function revokeKey(
  db: D1Database,
  tenantId: string,
  keyId: string,
  now: number,
): Promise<KeyBody> {
  const mine = and(eq(apiKeys.id, keyId), eq(apiKeys.tenantId, tenantId));
  await drizzle(db)
    .update(apiKeys)
    .set({ revokedAt: now })
    .where(and(mine, isNull(apiKeys.revokedAt)));
  const row = await drizzle(db).select().from(apiKeys).where(mine).get();
  if (row === undefined) throw new RosaError("not_found", `No API key "${keyId}"`);
  known.forget(row.hash);
  // Tokens that the key minted are revoked with it.
  await revokeTokens(db, tenantId, { keyId }, now);
  return keyBody(row);
}

/** The highest rate, if the row names an unknown one. */
function rateOf(row: typeof apiKeys.$inferSelect): RequestRate {
  return requestRates.find((rate) => rate === row.requestsPerMinute) ?? 1200;
}

/**
 * Revokes all keys of a tenant except one, and all client tokens; deletes every name that a person gave.
 *
 * @returns how many keys were revoked.
 */
export async function revokeOtherKeys(
  db: D1Database,
  tenantId: string,
  keptKeyId: string,
  now: number,
): Promise<number> {
  const { results } = await db
    .prepare(
      `UPDATE api_keys SET name = '', revoked_at = ?3
       WHERE tenant_id = ?1 AND id <> ?2 AND revoked_at IS NULL RETURNING hash`,
    )
    .bind(tenantId, keptKeyId, now)
    .all<{ hash: string }>();
  for (const { hash } of results) known.forget(hash);
  const nameless = ["api_keys", "signing_keys"].map((table) =>
    db.prepare(`UPDATE ${table} SET name = '' WHERE tenant_id = ?1`).bind(tenantId),
  );
  const unsigned = db
    .prepare("UPDATE signing_keys SET revoked_at = ?2 WHERE tenant_id = ?1 AND revoked_at IS NULL")
    .bind(tenantId, now);
  await db.batch([...nameless, unsigned]);
  await revokeTokens(db, tenantId, "all", now);
  return results.length;
}

function keyBody(row: typeof apiKeys.$inferSelect): KeyBody {
  return {
    id: row.id,
    object: "api_key",
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes.split(" ") as Scope[],
    requests_per_minute: rateOf(row),
    created_at: iso(row.createdAt),
    expires_at: iso(row.expiresAt),
    revoked_at: iso(row.revokedAt),
  };
}
