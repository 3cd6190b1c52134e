/**
 * Client tokens: JWTs for one owner's phone or browser, made here or by the tenant's own back end.
 *
 * Tokens made here are signed with the deployment's secret and verified without a look-up. A tenant's own are verified
 * with the public key that it registered (signing-keys.ts). Both have the same claims. Revocation is checked in
 * revocations.ts.
 */
import { RosaError } from "@rosa2/shared/errors";
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import {
  type ClientTokenBody,
  type ClientTokenInput,
  ownerSchema,
  requestRates,
  tokenSecondsMax,
} from "../../contract/index.ts";
import { tokenScopes } from "../../contract/sets.ts";
import { sha256 } from "../../ids.ts";
import type { Background } from "../memory.ts";
import type { Principal } from "../principal.ts";
import { refuseRevoked } from "./revocations.ts";
import { findSigningKey } from "./signing-keys.ts";

const audience = "rosa2";
const clockToleranceS = 30;

const claimsSchema = z.object({
  sub: ownerSchema,
  iat: z.number(),
  exp: z.number(),
  /** Space-separated, as in OAuth. */
  scope: z.string().default(tokenScopes.join(" ")),
  session: z.string().optional(),
  cap_usd: z.number().min(0).max(1e6).optional(),
  requests_per_minute: z.literal(requestRates).default(60),
  /** For tokens made here: the owner's tenant, and the key that minted the token. */
  tenant: z.string().optional(),
  key: z.string().optional(),
});
type Claims = z.infer<typeof claimsSchema>;

/** Whether a Bearer token is one of these: three parts of base64url. */
export function isToken(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

/** Signs a token. `secrets`: the newest first; each is accepted as long as it is listed. */
export async function mintToken(
  secrets: readonly string[],
  by: Principal,
  input: ClientTokenInput,
  now: number,
): Promise<ClientTokenBody> {
  const [secret] = secrets;
  if (secret === undefined) {
    throw new RosaError(
      "conflict",
      "This deployment mints no tokens: it has no CLIENT_TOKEN_SECRET",
    );
  }
  const { owner, session, scopes, ttl_seconds, cap_usd, requests_per_minute } = input;
  const expiresS = Math.floor(now / 1000) + ttl_seconds;
  const claims = {
    tenant: by.tenantId,
    key: by.keyId,
    scope: [...new Set(scopes)].join(" "),
    requests_per_minute,
    ...(session === undefined ? {} : { session }),
    ...(cap_usd === undefined ? {} : { cap_usd }),
  };
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", typ: "JWT", kid: await kidOf(secret) })
    .setSubject(owner)
    .setAudience(audience)
    // In milliseconds: a token made right after a revocation is not revoked by it.
    .setIssuedAt(now / 1000)
    .setExpirationTime(expiresS)
    .sign(new TextEncoder().encode(secret));
  return {
    object: "client_token",
    token,
    owner,
    session: session ?? null,
    scopes: [...new Set(scopes)],
    expires_at: new Date(expiresS * 1000).toISOString(),
  };
}

/** @throws RosaError `invalid_key` for a token that is forged, expired or revoked, or has claims that it may not have. */
export async function authenticateToken(
  db: D1Database,
  secrets: readonly string[],
  token: string,
  now: number,
  background: Background,
): Promise<Principal> {
  const { claims, tenantId, keyId } = await verify(db, secrets, token, now, background);
  const issuedAt = claims.iat * 1000;
  if (claims.exp - claims.iat > tokenSecondsMax + 1) {
    throw invalidToken(`lives longer than ${tokenSecondsMax} seconds`);
  }
  const scopes = tokenScopes.filter((scope) => claims.scope.split(" ").includes(scope));
  await refuseRevoked(db, { tenantId, owner: claims.sub, keyId, issuedAt }, now, background);
  return {
    tenantId,
    keyId,
    scopes,
    requestsPerMinute: claims.requests_per_minute,
    owner: claims.sub,
    token: {
      sessionId: claims.session ?? null,
      capNanos: claims.cap_usd === undefined ? null : Math.round(claims.cap_usd * 1e9),
    },
  };
}

async function verify(
  db: D1Database,
  secrets: readonly string[],
  token: string,
  now: number,
  background: Background,
): Promise<{ claims: Claims; tenantId: string; keyId: string }> {
  const { kid = "", alg } = headerOf(token);
  if (kid.startsWith("sig_")) {
    const key = await findSigningKey(db, kid, now, background);
    if (key === null || key.algorithm !== alg) throw invalidToken("names no registered key");
    const claims = await claimsOf(token, key.publicKey, key.algorithm, now);
    return { claims, tenantId: key.tenantId, keyId: kid };
  }
  for (const secret of secrets) {
    if (kid !== (await kidOf(secret)) || alg !== "HS256") continue;
    const claims = await claimsOf(token, new TextEncoder().encode(secret), "HS256", now);
    const { tenant = "", key = "" } = claims;
    return { claims, tenantId: tenant, keyId: key };
  }
  throw invalidToken("names no key that is known here");
}

async function claimsOf(
  token: string,
  key: CryptoKey | Uint8Array,
  algorithm: string,
  now: number,
): Promise<Claims> {
  let payload: JWTPayload;
  try {
    ({ payload } = await jwtVerify(token, key, {
      audience,
      algorithms: [algorithm],
      requiredClaims: ["sub", "iat", "exp"],
      currentDate: new Date(now),
      clockTolerance: clockToleranceS,
    }));
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw invalidToken("has expired");
    throw invalidToken("is not valid");
  }
  const parsed = claimsSchema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw invalidToken(`is not valid: ${issue?.path.join(".")} ${issue?.message}`);
}

function headerOf(token: string): { kid?: string; alg?: string } {
  try {
    return decodeProtectedHeader(token);
  } catch {
    throw invalidToken("is not valid");
  }
}

const kids = new Map<string, string>();

/** Identifies a secret without revealing it. */
async function kidOf(secret: string): Promise<string> {
  let kid = kids.get(secret);
  if (kid === undefined) {
    kid = (await sha256(`kid of ${secret}`)).slice(0, 16);
    kids.set(secret, kid);
  }
  return kid;
}

function invalidToken(why: string): RosaError {
  return new RosaError("invalid_key", `The client token ${why}`);
}
