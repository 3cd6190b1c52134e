/** The part of the contract about owners and the tokens of their phones and browsers. It knows no storage and no route. */
import { z } from "@hono/zod-openapi";
import { tokenScopes } from "./sets.ts";
import { nextCursor, ownerSchema, requestRateSchema, timestamp } from "./shared.ts";

/** Longest lifetime of a client token, whoever signs it. */
export const tokenSecondsMax = 86_400;
const tokensPerCallMax = 100;

export const clientTokenCreateSchema = z
  .strictObject({
    owner: ownerSchema,
    session: z.string().optional().openapi({
      description: "The one session that the token is for. It then opens no other and lists none",
      example: "ses_Ag3kPz9xWq1Tn5Yb7Ls0Vd2Hf4Jr6Mc8Ue-QiSoKwZE",
    }),
    scopes: z
      .array(z.enum(tokenScopes))
      .min(1)
      .max(tokenScopes.length)
      .default([...tokenScopes]),
    ttl_seconds: z.int().min(10).max(tokenSecondsMax).default(900),
    cap_usd: z.number().min(0).max(1e6).optional().openapi({
      description:
        "Most that the owner may cost in a calendar month (UTC), over all its sessions and tokens. Without it the tenant's own cap alone holds",
    }),
    requests_per_minute: requestRateSchema.default(60).openapi({
      description: "Requests per minute of the owner, over all its tokens",
    }),
  })
  .openapi("ClientTokenCreate");
export type ClientTokenInput = z.infer<typeof clientTokenCreateSchema>;

export const clientTokenSchema = z
  .object({
    object: z.literal("client_token"),
    token: z.string().openapi({ description: "To be sent as `Authorization: Bearer …`" }),
    owner: ownerSchema,
    session: z.string().nullable(),
    scopes: z.array(z.enum(tokenScopes)),
    expires_at: timestamp,
  })
  .openapi("ClientToken");
export type ClientTokenBody = z.infer<typeof clientTokenSchema>;

export const clientTokenBatchSchema = z
  .strictObject({ tokens: z.array(clientTokenCreateSchema).min(1).max(tokensPerCallMax) })
  .openapi("ClientTokenBatch");

export const clientTokenListSchema = z
  .object({ object: z.literal("list"), data: z.array(clientTokenSchema) })
  .openapi("ClientTokenList");

export const tokensRevokedSchema = z
  .object({
    object: z.literal("client_tokens.revoked"),
    owner: ownerSchema,
    revoked_at: timestamp.openapi({ description: "Tokens issued before are no longer taken" }),
  })
  .openapi("ClientTokensRevoked");

/** A public key without any private part: `d` is refused like every unknown name. */
const jwkSchema = z.strictObject({
  kty: z.enum(["OKP", "EC"]),
  crv: z.enum(["Ed25519", "P-256"]),
  x: z.string().max(64),
  y: z.string().max(64).optional().openapi({ description: "For P-256" }),
  kid: z.string().max(256).optional(),
  alg: z.string().max(16).optional(),
  use: z.string().max(16).optional(),
});
export type PublicJwk = z.infer<typeof jwkSchema>;

export const signingKeyCreateSchema = z
  .strictObject({
    name: z.string().min(1).max(100),
    public_key: jwkSchema.openapi({
      description: "The public half of an Ed25519 or P-256 key, as a JWK",
      example: { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" },
    }),
  })
  .openapi("SigningKeyCreate");

export const signingKeySchema = z
  .object({
    id: z.string().openapi({
      description: "To be named as `kid` in the header of the tokens that you sign",
      example: "sig_01KAQ2V7S3Z3XWJ0H1G8Y4T5RM",
    }),
    object: z.literal("signing_key"),
    name: z.string(),
    algorithm: z.enum(["EdDSA", "ES256"]),
    created_at: timestamp,
    revoked_at: timestamp.nullable(),
  })
  .openapi("SigningKey");
export type SigningKeyBody = z.infer<typeof signingKeySchema>;

export const signingKeyListSchema = z
  .object({ object: z.literal("list"), data: z.array(signingKeySchema), next_cursor: nextCursor })
  .openapi("SigningKeyList");
