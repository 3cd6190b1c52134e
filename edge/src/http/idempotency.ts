/** Saved answers of POSTs outside sessions: the same key gives the same answer for at least a day, streams included. */
import { RosaError } from "@rosa2/shared/errors";
import type { AppContext } from "./context.ts";
import { idempotencyOf } from "./context.ts";

const keepMs = 48 * 3_600_000;
/** A first call that has not answered by then is taken for dead. */
const abandonedMs = 10 * 60_000;
const waitMsMax = 30_000;
const pollMs = 100;
const bodyCharsMax = 900_000;

interface Saved {
  fingerprint: string;
  status: number | null;
  headers: string | null;
  body: string | null;
  created_at: number;
}

/**
 * Runs the handler once per Idempotency-Key; a repeated call gets the first one's answer, a concurrent one
 * waits for it. Failures are not kept: what is thrown here can be tried again.
 *
 * `redact` leaves out what must not be stored. `sessionOf` names the session that an answer shows: the
 * saved answer is erased with it.
 *
 * @throws RosaError `idempotency_mismatch` for a key that came with another request.
 */
export async function idempotently(
  c: AppContext,
  handler: () => Promise<Response>,
  {
    redact = (body) => body,
    sessionOf = () => null,
  }: { redact?: (body: string) => string; sessionOf?: (body: string) => string | null } = {},
): Promise<Response> {
  const idempotency = await idempotencyOf(c);
  if (idempotency === undefined) return handler();
  const { tenantId } = c.var.principal;
  const { key, fingerprint } = idempotency;
  const db = c.env.DB;
  const waitUntil = Date.now() + waitMsMax;
  while (!(await claim(db, tenantId, key, fingerprint))) {
    const saved = await db
      .prepare("SELECT * FROM idempotency WHERE tenant_id = ?1 AND key = ?2")
      .bind(tenantId, key)
      .first<Saved>();
    if (saved === null) continue;
    if (saved.fingerprint !== fingerprint) {
      throw new RosaError(
        "idempotency_mismatch",
        "This Idempotency-Key was used with another request before",
        { param: "Idempotency-Key" },
      );
    }
    if (saved.status !== null) return replay(saved);
    if (Date.now() > waitUntil) {
      throw new RosaError("conflict", "The first call with this Idempotency-Key is still running", {
        retryAfterS: 5,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  const forget = () =>
    db
      .prepare("DELETE FROM idempotency WHERE tenant_id = ?1 AND key = ?2 AND status IS NULL")
      .bind(tenantId, key)
      .run();
  const save = async (response: Response, body: string) => {
    if (body.length > bodyCharsMax) return forget();
    const headers = Object.fromEntries(
      [...response.headers].filter(([name]) => /^(content-type|location|x-rosa2-.*)$/.test(name)),
    );
    const saved = await db
      .prepare(
        `UPDATE idempotency SET status = ?3, headers = ?4, body = ?5, session_id = ?6
         WHERE tenant_id = ?1 AND key = ?2
           AND (?6 IS NULL OR EXISTS (SELECT 1 FROM session_index WHERE id = ?6))`,
      )
      .bind(tenantId, key, response.status, JSON.stringify(headers), redact(body), sessionOf(body))
      .run();
    // The session was erased meanwhile.
    if (saved.meta.changes === 0) return forget();
  };
  const answerOnce = async () => {
    let response: Response;
    try {
      response = await handler();
    } catch (error) {
      await forget();
      throw error;
    }
    if (response.body === null) return response;
    if (!response.headers.get("content-type")?.startsWith("text/event-stream")) {
      const body = await response.text();
      await save(response, body);
      return new Response(body, response);
    }
    const [mine, theirs] = response.body.tee();
    const saving = new Response(mine).text().then((body) => save(response, body), forget);
    c.executionCtx.waitUntil(saving);
    return new Response(theirs, response);
  };
  const answer = answerOnce();
  // A caller that goes away and comes back with its key finds the answer.
  c.executionCtx.waitUntil(answer.catch(() => {}));
  return answer;
}

/** Whether this call is the first with its key. Old rows go by the way. */
async function claim(
  db: D1Database,
  tenantId: string,
  key: string,
  fingerprint: string,
): Promise<boolean> {
  const now = Date.now();
  const results = await db.batch([
    db.prepare("DELETE FROM idempotency WHERE created_at < ?1").bind(now - keepMs),
    db
      .prepare(
        "DELETE FROM idempotency WHERE tenant_id = ?1 AND key = ?2 AND status IS NULL AND created_at < ?3",
      )
      .bind(tenantId, key, now - abandonedMs),
    db
      .prepare(
        "INSERT OR IGNORE INTO idempotency (tenant_id, key, fingerprint, created_at) VALUES (?1, ?2, ?3, ?4)",
      )
      .bind(tenantId, key, fingerprint, now),
  ]);
  return (results[2]?.meta.changes ?? 0) > 0;
}

function replay(saved: Saved): Response {
  const headers = new Headers(JSON.parse(saved.headers ?? "{}") as Record<string, string>);
  headers.set("idempotency-replayed", "true");
  return new Response(saved.body, { status: saved.status ?? 200, headers });
}
