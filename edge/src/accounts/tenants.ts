/** The tenant's own row in D1: its name, its date of creation, and its Stripe customer. */
import { RosaError } from "@rosa2/shared/errors";
import { eq } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import type { TenantBody } from "../contract/index.ts";
import type { Env } from "../env.ts";
import { iso } from "../time.ts";
import { accountOf } from "./account.ts";
import { tenants } from "./schema.ts";

async function tenantRow(db: D1Database, tenantId: string): Promise<typeof tenants.$inferSelect> {
  const row = await drizzle(db).select().from(tenants).where(eq(tenants.id, tenantId)).get();
  if (row === undefined) throw new RosaError("not_found", "No such tenant");
  return row;
}

export async function readTenant(env: Env, tenantId: string): Promise<TenantBody> {
  const [row, { sessions, adapterBytes, erasure }] = await Promise.all([
    tenantRow(env.DB, tenantId),
    accountOf(env, tenantId).describe(tenantId),
  ]);
  return {
    id: row.id,
    object: "tenant",
    name: row.name,
    sessions,
    adapter_bytes: adapterBytes,
    created_at: iso(row.createdAt),
    erasure,
  };
}
