/** Lineage of a session's adapter: list, activate, download. */
import { z } from "@hono/zod-openapi";
import { getAdapter } from "../adapters/index.ts";
import { generationListSchema, pageQuerySchema } from "../contract/index.ts";
import { idempotencyOf, mySession, traceOf } from "../http/context.ts";
import { inferenceOf } from "../inference/index.ts";
import { regionOfCaller } from "../regions.ts";
import { unwrap } from "../rpc.ts";
import { generationParams, json, route, routeGroup, sessionParam } from "./define.ts";

export const generations = routeGroup();

generations.openapi(
  route({
    method: "get",
    path: "/v1/sessions/{s}/generations",
    tags: ["Generations"],
    summary: "List a session's generations, oldest first",
    scope: "chat",
    request: {
      params: sessionParam,
      query: pageQuerySchema.extend({
        limit: z.coerce.number().int().min(1).max(100).default(100),
      }),
    },
    answers: { 200: json(generationListSchema, "One page of the lineage") },
    fails: [400, 404],
  }),
  async (c) => {
    const page = c.req.valid("query");
    const listed = await unwrap(mySession(c, c.req.valid("param").s).generations(page));
    return c.json({ object: "list" as const, ...listed }, 200);
  },
);

generations.openapi(
  route({
    method: "post",
    path: "/v1/sessions/{s}/generations/{g}/activate",
    tags: ["Generations"],
    summary: "Let a generation, or `base`, answer from now on",
    scope: "adapt",
    idempotent: true,
    request: { params: generationParams },
    answers: { 200: json(generationListSchema, "Lineage") },
    fails: [400, 403, 404, 422],
  }),
  async (c) => {
    const { s, g } = c.req.valid("param");
    const listed = await unwrap(mySession(c, s).activate(g, await idempotencyOf(c)));
    return c.json({ object: "list" as const, ...listed }, 200);
  },
);

generations.openapi(
  route({
    method: "get",
    path: "/v1/sessions/{s}/generations/{g}/adapter",
    tags: ["Generations"],
    summary: "Download a generation's adapter",
    description:
      "`peft`: one archive with adapter_config.json and adapter_model.safetensors, for PEFT and vLLM. `rosa2`: the file as it is stored (B matrices and the seed of A).",
    scope: "adapt",
    request: {
      params: generationParams,
      query: z.object({ format: z.enum(["peft", "rosa2"]).default("peft") }),
    },
    answers: {
      200: {
        description: "The file",
        content: { "application/octet-stream": { schema: z.string() } },
      },
    },
    fails: [403, 404, 503],
  }),
  async (c) => {
    const { s, g } = c.req.valid("param");
    const { tenantId } = c.var.principal;
    const { digest } = await unwrap(mySession(c, s).adapter(g));
    if (c.req.valid("query").format === "rosa2") {
      return new Response(await getAdapter(c.env, tenantId, digest), {
        headers: {
          "content-type": "application/octet-stream",
          "content-disposition": `attachment; filename="${g}.safetensors"`,
          etag: `"${digest}"`,
        },
      }) as never;
    }
    const archive = await inferenceOf(c.env, regionOfCaller(c.req.raw.cf)).export(
      tenantId,
      digest,
      {
        ...traceOf(c),
        loadAdapter: (wanted) => getAdapter(c.env, tenantId, wanted),
      },
    );
    const type = archive.headers.get("content-type") ?? "application/octet-stream";
    const extension = type.includes("zip") ? "zip" : "tar";
    return new Response(archive.body, {
      headers: {
        "content-type": type,
        "content-disposition": `attachment; filename="${g}.${extension}"`,
      },
    }) as never;
  },
);
