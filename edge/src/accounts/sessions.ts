/** The index of sessions in D1: enough to list and to count them without waking their objects. */
import { RosaError } from "@rosa2/shared/errors";
import { and, desc, eq, lt } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { Mode, SessionSummary } from "../contract/index.ts";
import type { OwnLexicon } from "../contract/lexicon.ts";
import { sessionIndex } from "./schema.ts";

/**
 * @returns the senses that the tenant's new sessions start with.
 * @throws RosaError `conflict` when the tenant has as many sessions as it may, or is being erased.
 */
export async function addSession(
  db: D1Database,
  row: { id: string; tenantId: string; title: string | null; mode: Mode; createdAt: number },
  sessionsMax: number,
): Promise<OwnLexicon> {
  const counted = await db
    .prepare(
      `UPDATE tenants SET session_count = session_count + 1
       WHERE id = ?1 AND session_count < ?2
         AND coalesce(json_extract(erasure, '$.status'), 'done') <> 'running'
       RETURNING lexicon`,
    )
    .bind(row.tenantId, sessionsMax)
    .first<{ lexicon: string | null }>();
  if (counted === null) {
    throw new RosaError(
      "conflict",
      `Cannot open another session: ${sessionsMax} are open (delete some), or everything is being erased`,
    );
  }
  await drizzle(db)
    .insert(sessionIndex)
    .values({ ...row, updatedAt: row.createdAt });
  return counted.lexicon === null ? [] : (JSON.parse(counted.lexicon) as OwnLexicon);
}

/** Removing twice counts once. Saved answers that show the session go with it. */
export async function removeSession(db: D1Database, tenantId: string, id: string): Promise<void> {
  await db.batch([
    db
      .prepare(
        `UPDATE tenants SET session_count = session_count - 1
         WHERE id = ?1 AND EXISTS (SELECT 1 FROM session_index WHERE id = ?2 AND tenant_id = ?1)`,
      )
      .bind(tenantId, id),
    db.prepare("DELETE FROM session_index WHERE id = ?1 AND tenant_id = ?2").bind(id, tenantId),
    db
      .prepare("DELETE FROM idempotency WHERE tenant_id = ?1 AND session_id = ?2")
      .bind(tenantId, id),
  ]);
}

/** Newest first; the cursor is the last id of the page before. */
export async function listSessions(
  db: D1Database,
  tenantId: string,
  page: { cursor?: string; limit: number },
): Promise<{ data: SessionSummary[]; next_cursor: string | null }> {
  const rows = await drizzle(db)
    .select()
    .from(sessionIndex)
    .where(
      and(
        eq(sessionIndex.tenantId, tenantId),
        page.cursor === undefined ? undefined : lt(sessionIndex.id, page.cursor),
      ),
    )
    .orderBy(desc(sessionIndex.id))
    .limit(page.limit + 1);
  const shown = rows.slice(0, page.limit);
  return {
    data: shown.map((row) => ({
      id: row.id,
      object: "session",
      title: row.title,
      mode: row.mode as Mode,
      generation: row.generation,
      turn_count: row.turns,
      created_at: new Date(row.createdAt).toISOString(),
      updated_at: new Date(row.updatedAt).toISOString(),
    })),
    next_cursor: rows.length > page.limit ? (shown.at(-1)?.id ?? null) : null,
  };
}
