/**
 * Adapter files in R2 under `adapters/<tenant>/<digest>`: immutable, never shared between tenants. The account knows
 * their holders.
 */
import { RosaError } from "@rosa2/shared/errors";
import { limits } from "@rosa2/shared/protocol";
import type { Env } from "../env.ts";
import { sha256 } from "../ids.ts";

const pathOf = (tenantId: string, digest: string) => `adapters/${tenantId}/${digest}`;

/** @throws RosaError `adapter_invalid` if the bytes do not match the digest, or are too many. */
export async function checkFile(digest: string, bytes: Uint8Array): Promise<void> {
  if (bytes.byteLength > limits.adapterBytesMax) {
    throw new RosaError("adapter_invalid", `Cannot keep an adapter of ${bytes.byteLength} bytes`);
  }
  const actual = await sha256(bytes);
  if (actual !== digest) {
    throw new RosaError("adapter_invalid", `Adapter's digest is ${actual}, announced as ${digest}`);
  }
}

export async function putFile(
  env: Env,
  tenantId: string,
  digest: string,
  bytes: Uint8Array,
): Promise<void> {
  await env.ADAPTERS.put(pathOf(tenantId, digest), bytes, { sha256: digest });
}

/** @throws RosaError `not_found` if the file is gone. */
export async function getAdapter(
  env: Env,
  tenantId: string,
  digest: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const object = await env.ADAPTERS.get(pathOf(tenantId, digest));
  if (object === null) throw new RosaError("not_found", `No adapter file ${digest}`);
  return new Uint8Array(await object.arrayBuffer());
}

export async function deleteFiles(
  env: Env,
  tenantId: string,
  digests: readonly string[],
): Promise<void> {
  const paths = digests.map((digest) => pathOf(tenantId, digest));
  // R2 deletes at most 1000 keys per call.
  for (let i = 0; i < paths.length; i += 1000) {
    await env.ADAPTERS.delete(paths.slice(i, i + 1000));
  }
}

/** All files of a tenant, including those that no session names. */
export async function deleteAllFiles(env: Env, tenantId: string): Promise<void> {
  for (;;) {
    const { objects } = await env.ADAPTERS.list({ prefix: `adapters/${tenantId}/` });
    if (objects.length === 0) return;
    await env.ADAPTERS.delete(objects.map(({ key }) => key));
  }
}
