/**
 * The first tenant and its admin key, as SQL for `wrangler d1 execute`; the key itself never reaches the database.
 *
 * Runs under Node and in workerd alike: it uses only web crypto and touches no file.
 */
import { sha256 } from "../ids.ts";
import { generateKey, keyPrefix, keyShape } from "./key-text.ts";

export interface Bootstrap {
  key: string;
  /** Two statements, one a line; repeating them changes nothing. */
  sql: string;
}

/**
 * SQL that makes sure that a tenant and this admin key exist.
 *
 * Pass the saved key to repeat an earlier bootstrap, or none to make a new one.
 */
export async function bootstrapAccount(
  options: { key?: string; tenantId?: string; tenantName?: string; now?: number } = {},
): Promise<Bootstrap> {
  const key = options.key ?? generateKey();
  if (!keyShape.test(key)) {
    throw new Error(
      "Cannot bootstrap: the saved API key is not of the form rosa2_… (43 characters)",
    );
  }
  const tenantId = options.tenantId ?? "ten_local";
  const hash = await sha256(key);
  const now = options.now ?? Date.now();
  const name = options.tenantName ?? "Local";
  const sql = [
    `INSERT OR IGNORE INTO tenants (id, name, created_at) VALUES (${quote(tenantId)}, ${quote(name)}, ${now});`,
    `INSERT OR IGNORE INTO api_keys (id, tenant_id, hash, prefix, name, scopes, created_at) VALUES (${quote(
      `key_${hash.slice(0, 26).toUpperCase()}`,
    )}, ${quote(tenantId)}, ${quote(hash)}, ${quote(keyPrefix(key))}, 'bootstrap', 'chat adapt admin', ${now});`,
  ].join("\n");
  return { key, sql };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
