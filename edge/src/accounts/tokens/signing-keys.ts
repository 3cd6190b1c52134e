/** Public keys that tenants register for their own back ends, which then sign their users' tokens. It knows no token. */
import { RosaError } from "@rosa2/shared/errors";
import { and, asc, eq, gt, isNull } from "drizzle-orm";
import { drizzle } from "drizzle-orm/d1";
import { importJWK } from "jose";
import type { PublicJwk, SigningKeyBody } from "../../contract/index.ts";
import { pageOf } from "../../cursors.ts";
import { newId } from "../../ids.ts";
import { iso } from "../../time.ts";
import { type Background, Memory, revocable } from "../memory.ts";
import { readNearest } from "../nearest.ts";
import {
  isDistrusted,
  needRevocations,
  refreshRevocations,
  revokedAt,
} from "../recent-revocations.ts";
import { signingKeys } from "../schema.ts";
import { revokeTokens } from "./revocations.ts";

export interface SigningKey {
  tenantId: string;
  algorithm: SigningKeyBody["algorithm"];
  publicKey: CryptoKey;
}

const memory = new Memory<SigningKey | null>(1_000, (key) =>
  key === null ? { freshMs: 10_000, keptMs: 10_000 } : revocable,
);

/** Null for an unknown or revoked key. */
export async function findSigningKey(
  db: D1Database,
  id: string,
  now: number,
  background: Background,
): Promise<SigningKey | null> {
  const read = async () => {
    needRevocations(now);
    const row = await readNearest(db, (near) =>
      near.select().from(signingKeys).where(eq(signingKeys.id, id)).get(),
    );
    if (row === undefined || row.revokedAt !== null) return null;
    const { tenantId, algorithm, jwk } = row;
    return { tenantId, algorithm, publicKey: await publicKeyOf(jwk, algorithm) };
  };
  const remembered = memory.peek(id, now, read, background);
  if (remembered === undefined) return await memory.refresh(id, now, read);
  await refreshRevocations(db, now, background);
  if (isDistrusted(remembered.readAt)) return await memory.refresh(id, now, read);
  const { value } = remembered;
  const isRevoked = value !== null && revokedAt(value.tenantId, `key:${id}`) !== undefined;
  return isRevoked ? null : value;
}

/** @throws RosaError `invalid_request` for anything that is no key of these kinds. */
export async function registerSigningKey(
  db: D1Database,
  tenantId: string,
  { name, jwk }: { name: string; jwk: PublicJwk },
  now: number,
): Promise<SigningKeyBody> {
  const algorithm = jwk.crv === "Ed25519" ? "EdDSA" : "ES256";
  const { kty, crv, x, y } = jwk;
  const bare = { kty, crv, x, ...(y === undefined ? {} : { y }) };
  await publicKeyOf(bare, algorithm).catch(() => {
    throw new RosaError("invalid_request", "public_key: is no Ed25519 or P-256 public key", {
      param: "public_key",
    });
  });
  const row = {
    id: newId("sig"),
    tenantId,
    name,
    algorithm,
    jwk: bare,
    createdAt: now,
    revokedAt: null,
  } as const;
  await drizzle(db).insert(signingKeys).values(row);
  return keyBody(row);
}

export async function listSigningKeys(
  db: D1Database,
  tenantId: string,
  { cursor, limit }: { cursor?: string; limit: number },
): Promise<{ data: SigningKeyBody[]; next_cursor: string | null }> {
  const older = cursor === undefined ? undefined : gt(signingKeys.id, cursor);
  const rows = await drizzle(db)
    .select()
    .from(signingKeys)
    .where(and(eq(signingKeys.tenantId, tenantId), older))
    .orderBy(asc(signingKeys.id))
    .limit(limit + 1);
  return pageOf(rows, limit, keyBody);
}

/** Revokes the key, and with it every token that it signed. Revoking twice is fine. */
export async function revokeSigningKey(
  db: D1Database,
  tenantId: string,
  id: string,
  now: number,
): Promise<SigningKeyBody> {
  const mine = and(eq(signingKeys.id, id), eq(signingKeys.tenantId, tenantId));
  await drizzle(db)
    .update(signingKeys)
    .set({ revokedAt: now })
    .where(and(mine, isNull(signingKeys.revokedAt)));
  const row = await drizzle(db).select().from(signingKeys).where(mine).get();
  if (row === undefined) throw new RosaError("not_found", `No signing key "${id}"`);
  memory.forget(id);
  await revokeTokens(db, tenantId, { keyId: id }, now);
  return keyBody(row);
}

async function publicKeyOf(jwk: PublicJwk, algorithm: string): Promise<CryptoKey> {
  return (await importJWK(jwk, algorithm)) as CryptoKey;
}

function keyBody(row: typeof signingKeys.$inferSelect): SigningKeyBody {
  const { id, name, algorithm, createdAt, revokedAt } = row;
  return {
    id,
    object: "signing_key",
    name,
    algorithm,
    created_at: iso(createdAt),
    revoked_at: iso(revokedAt),
  };
}
