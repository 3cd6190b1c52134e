/**
 * A minimal Worker for a chat: it shows the cost of the runtime without our code. `/constant` answers at once, `/pipe`
 * parses the body and passes the GPU service's stream on. `/object` also writes a row in a Durable Object, in place of
 * reserving and settling a call's money. Nothing is checked, counted or kept.
 */
import { DurableObject } from "cloudflare:workers";

interface Env {
  GPU_URL: string;
  GPU_SECRET: string;
  ROWS: DurableObjectNamespace<FloorObject>;
}

export class FloorObject extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY)");
  }

  put(id: string): void {
    this.ctx.storage.sql.exec("INSERT INTO rows VALUES (?)", id);
  }

  delete(id: string): void {
    this.ctx.storage.sql.exec("DELETE FROM rows WHERE id = ?", id);
  }
}

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === "/health" || pathname === "/constant") return Response.json({ status: "ok" });
    const answering = fetch(`${env.GPU_URL}/v1/generate`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-rosa2-secret": env.GPU_SECRET },
      body: JSON.stringify(await request.json()),
    });
    if (pathname === "/object") {
      const [id, rows] = [crypto.randomUUID(), env.ROWS.getByName("rows")];
      await rows.put(id);
      ctx.waitUntil(answering.then(() => rows.delete(id)));
    }
    return new Response((await answering).body, {
      headers: { "content-type": "text/event-stream" },
    });
  },
} satisfies ExportedHandler<Env>;
