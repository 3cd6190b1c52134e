/**
 * What was revoked lately, of all tenants at once: one statement now and then keeps everything current that an
 * isolate remembers of keys and tokens, however many tenants it serves.
 */
import { type SQL, sql } from "drizzle-orm";
import type { Background } from "./memory.ts";
import { readReplica } from "./nearest.ts";
import { apiKeys, signingKeys, tokenRevocations } from "./schema.ts";

/** So long what was heard last is believed. */
const freshMs = 25_000;
/** So long it still is while it is asked for again behind the answer; after that the answer waits. */
const keptMs = 45_000;
/** A revocation may reach the nearest replica so much later than it was made. */
const lateMs = 60_000;
/** Calls that come meanwhile do not ask as well. */
const askMs = 5_000;
/** More than this at a time is not read; nothing that is remembered is believed then. */
const rowsMax = 10_000;
/** Tokens live no longer, and a key that is revoked is not remembered any more. */
const rememberedMs = 25 * 3_600_000;

let heardAt: number | null = null;
let askedAt = 0;
/** Times of revocation, by tenant and subject. */
const heard = new Map<string, number>();
/** What was read until then is read again. */
let distrusted = 0;

/** To be called with every read of what is remembered: from then on revocations must be heard of. */
export function beginToHear(now: number): void {
  heardAt ??= now;
}

/** Makes sure that a revocation made more than a minute ago is known here. Throws while D1 is away for longer than that. */
export async function hearRevocations(
  db: D1Database,
  now: number,
  background: Background,
): Promise<void> {
  const ageMs = now - (heardAt ?? 0);
  if (ageMs >= 0 && ageMs < freshMs) return;
  if (ageMs < 0 || ageMs >= keptMs) return await hear(db, now);
  if (askedAt <= now && now < askedAt + askMs) return;
  askedAt = now;
  background(hear(db, now));
}

/** When a subject (`key:…`, `owner:…`, `all`) was revoked, as far as it was heard since this isolate began. */
export function heardOf(tenantId: string, subject: string): number | undefined {
  return heard.get(`${tenantId} ${subject}`);
}

/** Whether something read at a time must be read again, because too much was revoked since to be heard of. */
export function isDistrusted(readAt: number): boolean {
  return readAt <= distrusted;
}

async function hear(db: D1Database, now: number): Promise<void> {
  const since = Math.min(heardAt ?? now, now) - lateMs;
  const rows = await readReplica(db, (near) =>
    near.all<{ tenant: string; subject: string; at: number }>(recent(since)),
  );
  if (rows.length > rowsMax) distrusted = now;
  for (const { tenant, subject, at } of rows) heard.set(`${tenant} ${subject}`, at);
  for (const [what, at] of heard) if (at < now - rememberedMs) heard.delete(what);
  heardAt = now;
}

/** A key that somebody revoked in the database by hand counts as well. */
function recent(since: number): SQL {
  const { tenantId: tenant, subject, revokedAt: at } = tokenRevocations;
  return sql`SELECT ${tenant} AS tenant, ${subject} AS subject, ${at} AS at
    FROM ${tokenRevocations} WHERE ${at} > ${since}
    UNION ALL SELECT tenant_id, 'key:' || id, revoked_at FROM ${apiKeys} WHERE revoked_at > ${since}
    UNION ALL SELECT tenant_id, 'key:' || id, revoked_at FROM ${signingKeys} WHERE revoked_at > ${since}
    LIMIT ${rowsMax + 1}`;
}
