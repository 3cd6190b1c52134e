/**
 * Recent revocations of all tenants, read from D1 in one statement now and then. With them everything that an isolate
 * remembers of keys and tokens stays current, however many tenants it serves.
 */
import { type SQL, sql } from "drizzle-orm";
import type { Background } from "./memory.ts";
import { readReplica } from "./nearest.ts";
import { apiKeys, signingKeys, tokenRevocations } from "./schema.ts";

/** Revocations that were read so recently are current. */
const freshMs = 25_000;
/** Until this age calls go on while the revocations are read again; beyond it they wait. */
const keptMs = 45_000;
/** A revocation reaches the nearest replica after this time at most. */
const lateMs = 60_000;
/** Calls within this time of a reading in the background start none of their own. */
const askMs = 5_000;
/** At most this many are read at a time. Beyond it everything remembered is read again. */
const rowsMax = 10_000;
/** Tokens live no longer than this, and a revoked key is forgotten by then. */
const rememberedMs = 25 * 3_600_000;

let currentAt: number | null = null;
let askedAt = 0;
/** Times of revocation, by tenant and subject. */
const revocations = new Map<string, number>();
/** Whatever was read up to this time is read again. */
let distrusted = 0;

/** Called with every read of something remembered: revocations are needed from then on. */
export function needRevocations(now: number): void {
  currentAt ??= now;
}

/** Makes every revocation older than a minute known here. Throws where D1 has been away for longer than that. */
export async function refreshRevocations(
  db: D1Database,
  now: number,
  background: Background,
): Promise<void> {
  const ageMs = now - (currentAt ?? 0);
  if (ageMs >= 0 && ageMs < freshMs) return;
  if (ageMs < 0 || ageMs >= keptMs) return await readRecent(db, now);
  if (askedAt <= now && now < askedAt + askMs) return;
  askedAt = now;
  background(readRecent(db, now));
}

/** When a subject (`key:…`, `owner:…`, `all`) was revoked, as far as this isolate has read; undefined where it was not. */
export function revokedAt(tenantId: string, subject: string): number | undefined {
  return revocations.get(`${tenantId} ${subject}`);
}

/** Whether something read at `readAt` must be read again, because too many revocations came since. */
export function isDistrusted(readAt: number): boolean {
  return readAt <= distrusted;
}

async function readRecent(db: D1Database, now: number): Promise<void> {
  const since = Math.min(currentAt ?? now, now) - lateMs;
  const rows = await readReplica(db, (near) =>
    near.all<{ tenant: string; subject: string; at: number }>(recent(since)),
  );
  if (rows.length > rowsMax) distrusted = now;
  for (const { tenant, subject, at } of rows) revocations.set(`${tenant} ${subject}`, at);
  for (const [what, at] of revocations) if (at < now - rememberedMs) revocations.delete(what);
  currentAt = now;
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
