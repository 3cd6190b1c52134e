/** The tenant itself: read it, its own senses, its settings of adaptation, erase everything. */
import { z } from "@hono/zod-openapi";
import { RosaError } from "@rosa2/shared/errors";
import { accountOf } from "../accounts/account.ts";
import { revokeOtherKeys } from "../accounts/keys.ts";
import { adaptationBody } from "../accounts/object/holdout.ts";
import { readTenant } from "../accounts/tenants.ts";
import {
  erasureSchema,
  lexiconSchema,
  tenantAdaptationPutSchema,
  tenantAdaptationSchema,
  tenantSchema,
} from "../contract/index.ts";
import { json, jsonBody, route, routeGroup } from "./define.ts";

export const tenant = routeGroup();

tenant.openapi(
  route({
    method: "get",
    path: "/v1/tenant",
    tags: ["Account"],
    summary: "Read the tenant: sessions, and how far an erasure has come",
    scope: "admin",
    answers: { 200: json(tenantSchema, "The tenant") },
    fails: [403],
  }),
  async (c) => c.json(await readTenant(c.env, c.var.principal.tenantId), 200),
);

tenant.openapi(
  route({
    method: "delete",
    path: "/v1/tenant",
    tags: ["Account"],
    summary: "Erase everything: sessions, adapters, saved answers, all other keys",
    description:
      "Other keys stop working at once (within a minute everywhere), no session can be opened any more, and sessions are erased in the background; GET /v1/tenant tells when that is done. The account stays, empty, with the key that asked: revoke it to close the account for good.",
    scope: "admin",
    request: {
      query: z.object({
        confirm: z.string().openapi({ description: "The tenant's id, as GET /v1/tenant tells it" }),
      }),
    },
    answers: { 202: json(erasureSchema, "The erasure has begun") },
    fails: [400, 403],
  }),
  async (c) => {
    const { tenantId, keyId } = c.var.principal;
    if (c.req.valid("query").confirm !== tenantId) {
      throw new RosaError("invalid_request", "confirm: must be this tenant's id", {
        param: "confirm",
      });
    }
    const revoked = await revokeOtherKeys(c.env.DB, tenantId, keyId, Date.now());
    return c.json(await accountOf(c.env, tenantId).erase(tenantId, revoked), 202);
  },
);

tenant.openapi(
  route({
    method: "get",
    path: "/v1/tenant/lexicon",
    tags: ["Words"],
    summary: "Read the senses that new sessions start with",
    scope: "admin",
    answers: { 200: json(lexiconSchema, "Own senses") },
    fails: [403],
  }),
  async (c) => {
    const { tenantId } = c.var.principal;
    return c.json({ senses: await accountOf(c.env, tenantId).lexicon(tenantId) }, 200);
  },
);

tenant.openapi(
  route({
    method: "put",
    path: "/v1/tenant/lexicon",
    tags: ["Words"],
    summary: "Set the senses that new sessions start with",
    scope: "admin",
    request: jsonBody(lexiconSchema),
    answers: { 200: json(lexiconSchema, "Own senses") },
    fails: [400, 403, 413],
  }),
  async (c) => {
    const { senses } = c.req.valid("json");
    const { tenantId } = c.var.principal;
    await accountOf(c.env, tenantId).setLexicon(tenantId, senses);
    return c.json({ senses }, 200);
  },
);

tenant.openapi(
  route({
    method: "get",
    path: "/v1/tenant/adaptation",
    tags: ["Account"],
    summary: "Read what the tenant wants of adaptation: holdout and roll-back",
    scope: "admin",
    answers: { 200: json(tenantAdaptationSchema, "The settings") },
    fails: [403],
  }),
  async (c) => {
    const { tenantId } = c.var.principal;
    return c.json(adaptationBody(await accountOf(c.env, tenantId).adaptation(tenantId)), 200);
  },
);

tenant.openapi(
  route({
    method: "put",
    path: "/v1/tenant/adaptation",
    tags: ["Account"],
    summary: "Set the holdout and the automatic roll-back of new sessions",
    description:
      "Sessions that are open keep what they began with. A held-out session works as one in the mode `off`, with the dialogue in view; `GET /v1/usage` compares both kinds. A share that changes begins a new comparison.",
    scope: "admin",
    request: jsonBody(tenantAdaptationPutSchema),
    answers: { 200: json(tenantAdaptationSchema, "The settings") },
    fails: [400, 403],
  }),
  async (c) => {
    const { tenantId } = c.var.principal;
    const { holdout_share: holdoutShare, roll_back_after: rollBackAfter } = c.req.valid("json");
    const wanted = { holdoutShare, rollBackAfter };
    return c.json(
      adaptationBody(await accountOf(c.env, tenantId).setAdaptation(tenantId, wanted)),
      200,
    );
  },
);
