/**
 * Stores adapter files for sessions. The file and the account's note of its holder are sent together, so that an update
 * waits only once for calls outside its region.
 */
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
  const account = accountOf(env, tenantId);
  const ref = { sessionId, digest, bytes: bytes.byteLength };
  const putting = putFile(env, tenantId, digest, bytes);
  // A failure is reported where this is awaited.
  putting.catch(() => {});
  for (let attempt = 0; ; attempt++) {
    let held: "held" | "again" | "wait";
    try {
      held = await unwrap(account.holdAdapter(tenantId, ref, tenantBytesMax));
    } catch (error) {
      await putting.catch(() => {});
      await account.dropFile(tenantId, digest);
      throw error;
    }
    await putting;
    if (held === "held") return;
    if (held === "again") return await putFile(env, tenantId, digest, bytes);
    if (attempt === 9) {
      throw new RosaError("timeout", `Adapter ${digest} is being erased; try again`, {
        retryAfterS: 2,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
