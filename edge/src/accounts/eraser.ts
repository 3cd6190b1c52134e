/**
 * Erases everything of a tenant, some sessions at a time, until nothing is left; what remains is billing.
 *
 * One object per tenant that asked. It keeps only the tenant's id: how far it is stands in D1, where the
 * tenant reads it, and the sessions left are the rows of the index. Whatever fails is tried again.
 */
import { DurableObject } from "cloudflare:workers";
import { eraseAdapters } from "../adapters/index.ts";
import type { Erased } from "../contract/index.ts";
import type { Env } from "../env.ts";
import { logFailure } from "../failure.ts";
import type { Result } from "../rpc.ts";
import { removeSession } from "./sessions.ts";
import { countErased, finishErasure, readErasure } from "./tenants.ts";

const sessionsPerStep = 20;
const againMs = 5_000;
/** A session this young may be in the index before its object is made: it is looked at again later. */
const youngMs = 60_000;

export class EraserObject extends DurableObject<Env> {
  async begin(tenantId: string): Promise<void> {
    await this.ctx.storage.put("tenantId", tenantId);
    await this.ctx.storage.setAlarm(Date.now());
  }

  override async alarm(): Promise<void> {
    const tenantId = await this.ctx.storage.get<string>("tenantId");
    if (tenantId === undefined) return;
    let pauseMs: number | null;
    try {
      pauseMs = await eraseSome(this.env, tenantId, Date.now());
    } catch (error) {
      logFailure("erasure", error);
      pauseMs = againMs;
    }
    if (pauseMs === null) await this.ctx.storage.deleteAll();
    else await this.ctx.storage.setAlarm(Date.now() + pauseMs);
  }
}

/** Erases a few sessions, or what lies beside them once there are none. The pause before the next step; null: done. */
async function eraseSome(env: Env, tenantId: string, now: number): Promise<number | null> {
  if ((await readErasure(env.DB, tenantId))?.status !== "running") return null;
  const { results } = await env.DB.prepare(
    "SELECT id, created_at FROM session_index WHERE tenant_id = ?1 ORDER BY id LIMIT ?2",
  )
    .bind(tenantId, sessionsPerStep)
    .all<{ id: string; created_at: number }>();
  if (results.length === 0) {
    await eraseRest(env, tenantId);
    await finishErasure(env.DB, tenantId, now);
    return null;
  }
  const erased = await Promise.all(
    results.map(({ id, created_at: createdAt }) =>
      eraseSession(env, tenantId, id, now - createdAt),
    ),
  );
  await countErased(
    env.DB,
    tenantId,
    erased.filter((one) => one !== null),
  );
  return erased.every((one) => one === null) ? againMs : 0;
}

/** Null when the session must wait: it is being made right now. */
async function eraseSession(
  env: Env,
  tenantId: string,
  sessionId: string,
  ageMs: number,
): Promise<Erased["erased"] | null> {
  const stub = env.SESSIONS.getByName(`${tenantId}/${sessionId}`) as unknown as {
    erase(): Promise<Result<Erased>>;
  };
  const result = await stub.erase();
  if (result.ok) return result.value.erased;
  if (result.code !== "not_found") throw new Error(`${sessionId}: ${result.message}`);
  if (ageMs < youngMs) return null;
  const adapters = await eraseAdapters(env, { tenantId, sessionId });
  await removeSession(env.DB, tenantId, sessionId);
  return { turns: 0, generations: 0, events: 0, adapters };
}

/** Files that no session named, saved answers, own senses. */
async function eraseRest(env: Env, tenantId: string): Promise<void> {
  for (;;) {
    const { objects } = await env.ADAPTERS.list({ prefix: `adapters/${tenantId}/` });
    if (objects.length === 0) break;
    await env.ADAPTERS.delete(objects.map(({ key }) => key));
  }
  const about = (sql: string) => env.DB.prepare(sql).bind(tenantId);
  await env.DB.batch([
    about("DELETE FROM adapter_refs WHERE tenant_id = ?1"),
    about("DELETE FROM idempotency WHERE tenant_id = ?1"),
    about("UPDATE tenants SET lexicon = NULL, adapter_bytes = 0 WHERE id = ?1"),
  ]);
}
