/**
 * Adapter files in R2 under `adapters/<tenant>/<digest>`: immutable, never shared between tenants.
 *
 * Which sessions hold a file is kept in D1, so that erasing one session leaves another's copy in place.
 */
import { RosaError } from "@rosa2/shared/errors";
import { limits } from "@rosa2/shared/protocol";
import type { Env } from "../env.ts";
import { sha256 } from "../ids.ts";

const pathOf = (tenantId: string, digest: string) => `adapters/${tenantId}/${digest}`;

/**
 * Stores a file under its digest and notes that the session holds it. Repeating is fine.
 *
 * @throws RosaError `adapter_invalid` when the bytes are not those of the digest, or too many.
 */
export async function putAdapter(
  env: Env,
  owner: { tenantId: string; sessionId: string },
  digest: string,
  bytes: Uint8Array,
): Promise<void> {
  if (bytes.byteLength > limits.adapterBytesMax) {
    throw new RosaError("adapter_invalid", `Cannot keep an adapter of ${bytes.byteLength} bytes`);
  }
  const actual = await sha256(bytes);
  if (actual !== digest) {
    throw new RosaError("adapter_invalid", `Adapter's digest is ${actual}, announced as ${digest}`);
  }
  // The reference first: an erasure of another session that shares the file then leaves it alone.
  await holdAdapter(env, owner, digest, bytes.byteLength);
  await env.ADAPTERS.put(pathOf(owner.tenantId, digest), bytes, { sha256: digest });
}

/**
 * Notes that a session holds a file, unless that file is being deleted right now; then it waits a little.
 *
 * @throws RosaError `timeout` when the deletion does not end; trying again later helps.
 */
export async function holdAdapter(
  env: Env,
  owner: { tenantId: string; sessionId: string },
  digest: string,
  bytes: number,
): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const held = await env.DB.prepare(
      `INSERT INTO adapter_refs (tenant_id, digest, session_id, bytes)
       SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS
         (SELECT 1 FROM adapter_refs WHERE tenant_id = ?1 AND digest = ?2 AND erasing = 1)
       ON CONFLICT (tenant_id, digest, session_id) DO UPDATE SET bytes = excluded.bytes`,
    )
      .bind(owner.tenantId, digest, owner.sessionId, bytes)
      .run();
    if (held.meta.changes > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new RosaError("timeout", `Adapter ${digest} is being erased; try again`, {
    retryAfterS: 2,
  });
}

export async function hasAdapter(env: Env, tenantId: string, digest: string): Promise<boolean> {
  return (await env.ADAPTERS.head(pathOf(tenantId, digest))) !== null;
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
export async function eraseAdapters(
  env: Env,
  owner: { tenantId: string; sessionId: string },
): Promise<number> {
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
  await env.DB.prepare("DELETE FROM adapter_refs WHERE tenant_id = ?1 AND session_id = ?2")
    .bind(owner.tenantId, owner.sessionId)
    .run();
  return paths.length;
}
