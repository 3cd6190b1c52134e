/** API keys: made here, shown once, stored as SHA-256; it knows no HTTP beyond the Bearer token's text. */
import { RosaError } from "@rosa2/shared/errors";
import { and, asc, eq, isNull } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import { type KeyBody, type RequestRate, requestRates, type Scope } from "../contract/index.ts";
import { newId, sha256 } from "../ids.ts";
import { generateKey, keyPrefix, keyShape } from "./key-text.ts";
import { apiKeys } from "./schema.ts";

/** Who is calling. */
export interface Principal {
  tenantId: string;
  keyId: string;
  scopes: readonly Scope[];
  requestsPerMinute: RequestRate;
}

/** So long a looked-up key answers from memory alone. */
const freshMs = 20_000;
/** So long it still does while it is looked up again behind the answer; a revocation is effective within a minute. */
const memoryMs = 45_000;
const memoryMax = 10_000;
const memory = new Map<
  string,
  { principal: Principal; expiresAt: number | null; readAt: number }
>();
/** Keys that nobody has, for a while: whoever guesses does not reach the database with each guess. */
const unknownMs = 10_000;
const unknownMax = 1_000;
const unknown = new Map<string, number>();

/**
 * The caller behind `Authorization: Bearer …`. `background` goes on with work after the answer.
 *
 * @throws RosaError `missing_key`, or `invalid_key` for one that is unknown, revoked or expired.
 */
export async function authenticate(
  db: D1Database,
  authorization: string | null | undefined,
  now: number,
  background: (work: Promise<unknown>) => void = () => {},
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
  const hash = await sha256(key);
  if ((unknown.get(hash) ?? 0) > now) throw invalidKey();
  const remembered = memory.get(hash);
  const ageMs = remembered === undefined ? memoryMs : now - remembered.readAt;
  if (remembered !== undefined && ageMs < memoryMs && alive(remembered.expiresAt, now)) {
    if (ageMs >= freshMs) background(lookUp(db, hash, now));
    return remembered.principal;
  }
  const principal = await lookUp(db, hash, now);
  if (principal === null) throw invalidKey();
  return principal;
}

/** Reads a key and remembers what it found; null for one that is unknown, revoked or expired. */
async function lookUp(db: D1Database, hash: string, now: number): Promise<Principal | null> {
  const row = await drizzle(db).select().from(apiKeys).where(eq(apiKeys.hash, hash)).get();
  if (row === undefined || row.revokedAt !== null || !alive(row.expiresAt, now)) {
    memory.delete(hash);
    if (unknown.size >= unknownMax) unknown.clear();
    unknown.set(hash, now + unknownMs);
    return null;
  }
  const principal: Principal = {
    tenantId: row.tenantId,
    keyId: row.id,
    scopes: row.scopes.split(" ") as Scope[],
    requestsPerMinute: rateOf(row),
  };
  if (memory.size >= memoryMax) memory.clear();
  memory.set(hash, { principal, expiresAt: row.expiresAt, readAt: now });
  return principal;
}

function alive(expiresAt: number | null, now: number): boolean {
  return expiresAt === null || expiresAt > now;
}

function invalidKey(): RosaError {
  return new RosaError("invalid_key", "The API key is unknown, revoked or expired");
}

/** `admin` includes the others. */
export function requireScope(principal: Principal, scope: Scope): void {
  if (principal.scopes.includes(scope) || principal.scopes.includes("admin")) return;
  throw new RosaError("insufficient_scope", `This needs a key with the scope "${scope}"`);
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

export async function listKeys(db: D1Database, tenantId: string): Promise<KeyBody[]> {
  const rows = await drizzle(db)
    .select()
    .from(apiKeys)
    .where(eq(apiKeys.tenantId, tenantId))
    .orderBy(asc(apiKeys.id))
    .limit(1000);
  return rows.map(keyBody);
}

/** Revokes; elsewhere it takes effect within a minute, when the memory of the key runs out. Revoking twice is fine. */
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
  memory.delete(row.hash);
  return keyBody(row);
}

/** The highest where the row names none that there is. */
function rateOf(row: typeof apiKeys.$inferSelect): RequestRate {
  return requestRates.find((rate) => rate === row.requestsPerMinute) ?? 1200;
}

/**
 * Revokes all keys of a tenant but one, and deletes every name that a person gave.
 *
 * @returns how many were revoked.
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
  for (const { hash } of results) memory.delete(hash);
  await db.prepare("UPDATE api_keys SET name = '' WHERE tenant_id = ?1").bind(tenantId).run();
  return results.length;
}

function keyBody(row: typeof apiKeys.$inferSelect): KeyBody {
  const iso = (time: number | null) => (time === null ? null : new Date(time).toISOString());
  return {
    id: row.id,
    object: "api_key",
    name: row.name,
    prefix: row.prefix,
    scopes: row.scopes.split(" ") as Scope[],
    requests_per_minute: rateOf(row),
    created_at: new Date(row.createdAt).toISOString(),
    expires_at: iso(row.expiresAt),
    revoked_at: iso(row.revokedAt),
  };
}
