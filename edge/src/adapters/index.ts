/**
 * Adapter files in R2 under `adapters/<tenant>/<digest>`: immutable, never shared between tenants.
 *
 * Which sessions hold a file is kept in D1, so that erasing one session leaves another's copy in place. What
 * a tenant's sessions hold together is kept beside it as one number, so that its limit costs no sum.
 */
import { RosaError } from "@rosa2/shared/errors";
import { limits } from "@rosa2/shared/protocol";
import type { Env } from "../env.ts";
import { sha256 } from "../ids.ts";

/** The session that holds a file. */
interface Owner {
  tenantId: string;
  sessionId: string;
}

const pathOf = (tenantId: string, digest: string) => `adapters/${tenantId}/${digest}`;

/**
 * Stores a file under its digest and notes that the session holds it. Repeating is fine.
 *
 * @throws RosaError `adapter_invalid` when the bytes are not those of the digest, or too many;
 *   `conflict` when the tenant may keep no more.
 */
export async function putAdapter(
  env: Env,
  owner: Owner,
  digest: string,
  bytes: Uint8Array,
  tenantBytesMax: number,
): Promise<void> {
  if (bytes.byteLength > limits.adapterBytesMax) {
    throw new RosaError("adapter_invalid", `Cannot keep an adapter of ${bytes.byteLength} bytes`);
  }
  const actual = await sha256(bytes);
  if (actual !== digest) {
    throw new RosaError("adapter_invalid", `Adapter's digest is ${actual}, announced as ${digest}`);
  }
  // The reference first: an erasure of another session that shares the file then leaves it alone.
  await holdAdapter(env, owner, digest, bytes.byteLength, tenantBytesMax);
  await env.ADAPTERS.put(pathOf(owner.tenantId, digest), bytes, { sha256: digest });
}

/**
 * Notes that a session holds a file, unless that file is being deleted right now; then it waits a little.
 *
 * @throws RosaError `timeout` when the deletion does not end; trying again later helps. `conflict` when
 *   the tenant's sessions would hold more than they may.
 */
async function holdAdapter(
  env: Env,
  owner: Owner,
  digest: string,
  bytes: number,
  tenantBytesMax: number,
): Promise<void> {
  const { tenantId, sessionId } = owner;
  for (let attempt = 0; attempt < 10; attempt++) {
    const [held] = await env.DB.batch([
      env.DB.prepare(
        `INSERT INTO adapter_refs (tenant_id, digest, session_id, bytes)
         SELECT ?1, ?2, ?3, ?4
         WHERE NOT EXISTS
             (SELECT 1 FROM adapter_refs WHERE tenant_id = ?1 AND digest = ?2 AND erasing = 1)
           AND (EXISTS (SELECT 1 FROM adapter_refs
                        WHERE tenant_id = ?1 AND digest = ?2 AND session_id = ?3)
             OR (SELECT adapter_bytes FROM tenants WHERE id = ?1) + ?4 <= ?5)
         ON CONFLICT (tenant_id, digest, session_id) DO UPDATE SET bytes = excluded.bytes`,
      ).bind(tenantId, digest, sessionId, bytes, tenantBytesMax),
      ...countHeld(env, owner),
    ]);
    if ((held?.meta.changes ?? 0) > 0) return;
    if (!(await hasRoom(env, tenantId, bytes, tenantBytesMax))) {
      throw new RosaError(
        "conflict",
        `Cannot keep ${bytes} bytes more: all sessions' adapter files may take ${tenantBytesMax}; erase some`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new RosaError("timeout", `Adapter ${digest} is being erased; try again`, {
    retryAfterS: 2,
  });
}

/**
 * Lets a new session hold files that another one holds, in one statement however many there are.
 *
 * @throws RosaError `conflict` when some are being erased, or the tenant's sessions would hold too much.
 */
export async function shareAdapters(
  env: Env,
  from: string,
  owner: Owner,
  digests: readonly string[],
  tenantBytesMax: number,
): Promise<void> {
  const { tenantId, sessionId } = owner;
  const wanted = new Set(digests);
  if (wanted.size === 0) return;
  // Whoever erases marks a reference before the file goes, so an unmarked one stands for a file that is there.
  const [shared] = await env.DB.batch([
    env.DB.prepare(
      `WITH shared AS (
         SELECT digest, bytes FROM adapter_refs
         WHERE tenant_id = ?1 AND session_id = ?2 AND erasing = 0
           AND digest IN (SELECT value FROM json_each(?4)))
       INSERT INTO adapter_refs (tenant_id, digest, session_id, bytes)
       SELECT ?1, digest, ?3, bytes FROM shared
       WHERE (SELECT adapter_bytes FROM tenants WHERE id = ?1) + (SELECT sum(bytes) FROM shared) <= ?5`,
    ).bind(tenantId, from, sessionId, JSON.stringify([...wanted]), tenantBytesMax),
    ...countHeld(env, owner),
  ]);
  if (shared?.meta.changes === wanted.size) return;
  throw new RosaError(
    "conflict",
    `Cannot fork: the session is being erased, or all sessions' adapter files would take more than ${tenantBytesMax} bytes`,
  );
}

/** Adds what a session holds since the last time to its tenant's number; part of the batch that holds it. */
function countHeld(env: Env, { tenantId, sessionId }: Owner): D1PreparedStatement[] {
  return [
    `UPDATE tenants SET adapter_bytes = adapter_bytes + coalesce(
       (SELECT sum(bytes) FROM adapter_refs
        WHERE tenant_id = ?1 AND session_id = ?2 AND counted = 0), 0)
     WHERE id = ?1`,
    "UPDATE adapter_refs SET counted = 1 WHERE tenant_id = ?1 AND session_id = ?2 AND counted = 0",
  ].map((sql) => env.DB.prepare(sql).bind(tenantId, sessionId));
}

/** Whether what a tenant's sessions hold together leaves room for so many bytes. */
export async function hasRoom(
  env: Env,
  tenantId: string,
  bytes: number,
  tenantBytesMax: number,
): Promise<boolean> {
  const held = await env.DB.prepare("SELECT adapter_bytes FROM tenants WHERE id = ?1")
    .bind(tenantId)
    .first<number>("adapter_bytes");
  return (held ?? 0) + bytes <= tenantBytesMax;
}

/** @throws RosaError `not_found` when the file is gone. */
export async function getAdapter(
  env: Env,
  tenantId: string,
  digest: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const object = await env.ADAPTERS.get(pathOf(tenantId, digest));
  if (object === null) throw new RosaError("not_found", `No adapter file ${digest}`);
  return new Uint8Array(await object.arrayBuffer());
}

/** Drops a session's references and deletes the files that no other session of the tenant holds. */
export async function eraseAdapters(env: Env, owner: Owner): Promise<number> {
  // One statement marks what only this session holds: a fork either took hold before, or finds the mark.
  const { results } = await env.DB.prepare(
    `UPDATE adapter_refs AS mine SET erasing = 1 WHERE tenant_id = ?1 AND session_id = ?2
       AND NOT EXISTS (SELECT 1 FROM adapter_refs AS other WHERE other.tenant_id = ?1
                       AND other.digest = mine.digest AND other.session_id <> ?2)
     RETURNING digest`,
  )
    .bind(owner.tenantId, owner.sessionId)
    .all<{ digest: string }>();
  const paths = results.map(({ digest }) => pathOf(owner.tenantId, digest));
  // R2 deletes at most 1000 keys a call. Files go before references, so that a failure is repeated.
  for (let i = 0; i < paths.length; i += 1000) {
    await env.ADAPTERS.delete(paths.slice(i, i + 1000));
  }
  const about = (sql: string) => env.DB.prepare(sql).bind(owner.tenantId, owner.sessionId);
  await env.DB.batch([
    about(
      `UPDATE tenants SET adapter_bytes = adapter_bytes - coalesce(
         (SELECT sum(bytes) FROM adapter_refs
          WHERE tenant_id = ?1 AND session_id = ?2 AND counted = 1), 0)
       WHERE id = ?1`,
    ),
    about("DELETE FROM adapter_refs WHERE tenant_id = ?1 AND session_id = ?2"),
  ]);
  return paths.length;
}
