/** Client tokens of owners, and the keys by which a tenant's own back end signs them. */
import { z } from "@hono/zod-openapi";
import { revokeTokens } from "../accounts/tokens/revocations.ts";
import {
  listSigningKeys,
  registerSigningKey,
  revokeSigningKey,
} from "../accounts/tokens/signing-keys.ts";
import { mintToken } from "../accounts/tokens/token.ts";
import {
  clientTokenBatchSchema,
  clientTokenCreateSchema,
  clientTokenListSchema,
  clientTokenSchema,
  ownerSchema,
  pageQuerySchema,
  signingKeyCreateSchema,
  signingKeyListSchema,
  signingKeySchema,
  tokensRevokedSchema,
} from "../contract/index.ts";
import { config } from "../http/context.ts";
import { idempotently } from "../http/idempotency.ts";
import { json, jsonBody, route, routeGroup } from "./define.ts";

export const tokens = routeGroup();

const tags = ["Client tokens"];

tokens.openapi(
  route({
    method: "post",
    path: "/v1/client_tokens",
    tags,
    summary: "Make a token for one owner's phone or browser",
    description:
      "The token opens, lists, reads, changes and erases the sessions of its owner and nobody else's. It is verified by its signature, without a look-up.",
    scope: "mint",
    idempotent: true,
    request: jsonBody(clientTokenCreateSchema),
    answers: { 201: json(clientTokenSchema, "The token") },
    fails: [400, 403, 409],
  }),
  async (c) => {
    const input = c.req.valid("json");
    const { tokenSecrets } = config(c);
    const make = async () =>
      c.json(await mintToken(tokenSecrets, c.var.principal, input, Date.now()), 201);
    return (await idempotently(c, make, { sharded: true })) as never;
  },
);

tokens.openapi(
  route({
    method: "post",
    path: "/v1/client_tokens/batch",
    tags,
    summary: "Make up to 100 tokens in one call",
    scope: "mint",
    idempotent: true,
    request: jsonBody(clientTokenBatchSchema),
    answers: { 201: json(clientTokenListSchema, "The tokens, in the order asked for") },
    fails: [400, 403, 409],
  }),
  async (c) => {
    const { tokens: wanted } = c.req.valid("json");
    const { tokenSecrets } = config(c);
    const make = async () => {
      const now = Date.now();
      const data = await Promise.all(
        wanted.map((input) => mintToken(tokenSecrets, c.var.principal, input, now)),
      );
      return c.json({ object: "list" as const, data }, 201);
    };
    return (await idempotently(c, make, { sharded: true })) as never;
  },
);

tokens.openapi(
  route({
    method: "delete",
    path: "/v1/client_tokens",
    tags,
    summary: "Revoke all tokens of an owner; they stop working within a minute",
    description: "Tokens that are made afterwards work. The owner's sessions stay.",
    scope: "mint",
    request: { query: z.object({ owner: ownerSchema }) },
    answers: { 200: json(tokensRevokedSchema, "Whose tokens, and since when") },
    fails: [400, 403],
  }),
  async (c) => {
    const { owner } = c.req.valid("query");
    const now = Date.now();
    await revokeTokens(c.env.DB, c.var.principal.tenantId, { owner }, now);
    const revoked_at = new Date(now).toISOString();
    return c.json({ object: "client_tokens.revoked" as const, owner, revoked_at }, 200);
  },
);

tokens.openapi(
  route({
    method: "post",
    path: "/v1/signing_keys",
    tags,
    summary: "Register a public key, so that your own back end signs tokens",
    description: `A token of your own is a JWT with the header \`{"alg": "EdDSA" or "ES256", "kid": the key's id}\` and the claims \`sub\` (the owner), \`aud\` ("rosa2"), \`iat\`, \`exp\` (at most a day later) and, where wanted, \`scope\` ("chat adapt"), \`session\`, \`cap_usd\`, \`requests_per_minute\`.`,
    scope: "admin",
    idempotent: true,
    request: jsonBody(signingKeyCreateSchema),
    answers: { 201: json(signingKeySchema, "The key, with its id") },
    fails: [400, 403],
  }),
  async (c) => {
    const { name, public_key: jwk } = c.req.valid("json");
    const { tenantId } = c.var.principal;
    const make = async () =>
      c.json(await registerSigningKey(c.env.DB, tenantId, { name, jwk }, Date.now()), 201);
    return (await idempotently(c, make)) as never;
  },
);

tokens.openapi(
  route({
    method: "get",
    path: "/v1/signing_keys",
    tags,
    summary: "List registered public keys",
    scope: "admin",
    request: { query: pageQuerySchema },
    answers: { 200: json(signingKeyListSchema, "One page of keys") },
    fails: [400, 403],
  }),
  async (c) => {
    const page = await listSigningKeys(c.env.DB, c.var.principal.tenantId, c.req.valid("query"));
    return c.json({ object: "list" as const, ...page }, 200);
  },
);

tokens.openapi(
  route({
    method: "delete",
    path: "/v1/signing_keys/{k}",
    tags,
    summary: "Revoke a registered key, and with it every token that it signed",
    scope: "admin",
    request: { params: z.object({ k: z.string() }) },
    answers: { 200: json(signingKeySchema, "The revoked key") },
    fails: [403, 404],
  }),
  async (c) => {
    const { k } = c.req.valid("param");
    return c.json(await revokeSigningKey(c.env.DB, c.var.principal.tenantId, k, Date.now()), 200);
  },
);
