/** The first admin key of a deployed database: made once, kept on this machine, never sent anywhere in clear. */

import type { PrivateFolder } from "../local/private-folder.ts";
import { bootstrapAccount } from "../src/accounts/bootstrap.ts";
import type { Wrangler } from "./wrangler.ts";

const savedKey = "api-key";

export interface AdminKey {
  /** Null where the database has an admin key that this machine does not know. */
  key: string | null;
  made: boolean;
}

export async function ensureAdminKey(wrangler: Wrangler, folder: PrivateFolder): Promise<AdminKey> {
  const saved = folder.read(savedKey);
  const [row] = await wrangler.query<{ n: number }>(
    "SELECT count(*) AS n FROM api_keys WHERE revoked_at IS NULL AND (' ' || scopes || ' ') LIKE '% admin %'",
  );
  if ((row?.n ?? 0) > 0) return { key: saved, made: false };
  const { key, sql } = await bootstrapAccount({
    tenantId: "ten_first",
    tenantName: "First",
    ...(saved === null ? {} : { key: saved }),
  });
  // Saved before its row is written: a deploy that fails in between uses the same key again.
  folder.write(savedKey, key);
  await wrangler.query(sql.replaceAll("\n", " "));
  return { key, made: true };
}
