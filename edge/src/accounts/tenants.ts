/** The tenant's own row in D1: what it is, its senses, and how far its erasure has come. */
import { RosaError } from "@rosa2/shared/errors";
import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { Erased, ErasureBody, TenantBody } from "../contract/index.ts";
import type { OwnLexicon } from "../contract/lexicon.ts";
import { tenants } from "./schema.ts";

const kept =
  "usage rows and monthly totals (counts, prices, ids, no text), the spend cap, the account's name and the key that asked, for billing";

async function tenantRow(db: D1Database, tenantId: string): Promise<typeof tenants.$inferSelect> {
  const row = await drizzle(db).select().from(tenants).where(eq(tenants.id, tenantId)).get();
  if (row === undefined) throw new RosaError("not_found", "No such tenant");
  return row;
}

export async function readTenant(db: D1Database, tenantId: string): Promise<TenantBody> {
  const row = await tenantRow(db, tenantId);
  return {
    id: row.id,
    object: "tenant",
    name: row.name,
    sessions: row.sessionCount,
    adapter_bytes: row.adapterBytes,
    created_at: new Date(row.createdAt).toISOString(),
    erasure: row.erasure,
  };
}

export async function readLexicon(db: D1Database, tenantId: string): Promise<OwnLexicon> {
  return (await tenantRow(db, tenantId)).lexicon ?? [];
}

/** New sessions start with these; those that are open keep what they have. */
export async function setLexicon(
  db: D1Database,
  tenantId: string,
  lexicon: OwnLexicon,
): Promise<void> {
  await drizzle(db).update(tenants).set({ lexicon }).where(eq(tenants.id, tenantId));
}

export async function readErasure(db: D1Database, tenantId: string): Promise<ErasureBody | null> {
  return (await tenantRow(db, tenantId)).erasure;
}

/** Notes that everything is to be erased, or that more keys went; from here on no session is opened. */
export async function startErasure(
  db: D1Database,
  tenantId: string,
  keys: number,
  now: number,
): Promise<ErasureBody> {
  const running = await readErasure(db, tenantId);
  const erasure: ErasureBody =
    running?.status === "running"
      ? { ...running, erased: { ...running.erased, keys: running.erased.keys + keys } }
      : {
          status: "running",
          requested_at: new Date(now).toISOString(),
          finished_at: null,
          erased: { sessions: 0, turns: 0, generations: 0, events: 0, adapters: 0, keys },
          kept,
        };
  await drizzle(db).update(tenants).set({ erasure }).where(eq(tenants.id, tenantId));
  return erasure;
}

/** Adds what was erased; a step that dies before this leaves its sessions uncounted, not unerased. */
export async function countErased(
  db: D1Database,
  tenantId: string,
  sessions: readonly Erased["erased"][],
): Promise<void> {
  const total = (of: (one: Erased["erased"]) => number) =>
    sessions.reduce((sum, one) => sum + of(one), 0);
  const parts = {
    sessions: sessions.length,
    turns: total(({ turns }) => turns),
    generations: total(({ generations }) => generations),
    events: total(({ events }) => events),
    adapters: total(({ adapters }) => adapters),
  };
  const sets = Object.keys(parts).map(
    (name, i) => `'$.erased.${name}', json_extract(erasure, '$.erased.${name}') + ?${i + 2}`,
  );
  await db
    .prepare(`UPDATE tenants SET erasure = json_set(erasure, ${sets.join(", ")}) WHERE id = ?1`)
    .bind(tenantId, ...Object.values(parts))
    .run();
}

export async function finishErasure(db: D1Database, tenantId: string, now: number): Promise<void> {
  await db
    .prepare(
      "UPDATE tenants SET erasure = json_set(erasure, '$.status', 'done', '$.finished_at', ?2) WHERE id = ?1",
    )
    .bind(tenantId, new Date(now).toISOString())
    .run();
}
