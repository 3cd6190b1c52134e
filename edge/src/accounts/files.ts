/** Keeps adapter files for sessions: the account notes who holds a file before it is stored. */
import { RosaError } from "@rosa2/shared/errors";
import { checkFile, putFile } from "../adapters/index.ts";
import type { Env } from "../env.ts";
import { unwrap } from "../rpc.ts";
import { accountOf } from "./account.ts";

/**
 * Stores a file under its digest for a session. Repeating is fine.
 *
 * @throws RosaError `adapter_invalid` for other bytes than the digest's, `conflict` when the tenant may keep no
 *   more, `timeout` when a deletion of the same file does not end; trying again later helps.
 */
export async function keepAdapter(
  env: Env,
  { tenantId, sessionId }: { tenantId: string; sessionId: string },
  digest: string,
  bytes: Uint8Array,
  tenantBytesMax: number,
): Promise<void> {
  await checkFile(digest, bytes);
  const ref = { sessionId, digest, bytes: bytes.byteLength };
  // The reference first: an erasure of another session that shares the file then leaves it alone.
  for (let attempt = 0; ; attempt++) {
    const held = await unwrap(accountOf(env, tenantId).holdAdapter(tenantId, ref, tenantBytesMax));
    if (held === "held") break;
    if (attempt === 9) {
      throw new RosaError("timeout", `Adapter ${digest} is being erased; try again`, {
        retryAfterS: 2,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await putFile(env, tenantId, digest, bytes);
}
