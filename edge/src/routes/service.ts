/** Health and models: what the deployment serves, and whether it can answer. */
import { z } from "@hono/zod-openapi";
import { RosaError } from "@rosa2/shared/errors";
import { regions } from "../contract/sets.ts";
import { type AppContext, background } from "../http/context.ts";
import { inferenceOf, type ServedModel } from "../inference/index.ts";
import type { InferenceHealth } from "../inference/inference.ts";
import { namedModel } from "../inference/served-model.ts";
import { regionOfCaller } from "../regions.ts";
import { json, route, routeGroup } from "./define.ts";

const gpuHealthSchema = z.object({
  status: z.enum(["ok", "loading", "draining", "unreachable", "absent"]).openapi({
    description:
      "`unreachable` gives no answer now; `absent` where a hosted model gives replies and no GPU service is set up",
  }),
  model: z.string().nullable(),
  provider: z.string().nullable(),
  queue: z.object({ waiting: z.int(), running: z.int() }).nullable(),
});
const poolSchema = z
  .object({ region: z.enum(regions).nullable(), status: gpuHealthSchema.shape.status })
  .openapi({ example: { region: "weur", status: "ok" } });
const modelSchema = z
  .object({
    id: z.string(),
    object: z.literal("model"),
    created: z.int(),
    owned_by: z.string(),
    context_length: z.int(),
  })
  .openapi("Model");

export const service = routeGroup();

service.openapi(
  route({
    method: "get",
    path: "/health",
    tags: ["Service"],
    summary: "Liveness of the edge and state of the GPU service",
    scope: "public",
    answers: {
      200: json(
        z
          .object({
            status: z.enum(["ok", "degraded"]),
            gpu: gpuHealthSchema,
            inference: gpuHealthSchema.nullable().openapi({
              description: "What gives replies, where that is not the GPU service itself",
            }),
            pools: z.array(poolSchema).openapi({
              description:
                "The GPU services by region, the one nearest to this caller first. `gpu` tells of the first that is reached",
            }),
          })
          .openapi("Health"),
        "The edge is alive; `degraded` when a service that gives replies or computes updates cannot answer now",
      ),
    },
  }),
  async (c) => {
    const inference = inferenceOf(c.env, regionOfCaller(c.req.raw.cf));
    const [pools, replyPools] = await Promise.all([
      inference.fixedWeights === null ? inference.healthByRegion("updates") : [],
      inference.isDivided ? inference.healthByRegion("replies") : null,
    ]);
    const updates = inference.fixedWeights === null ? healthOf(pools) : absent;
    const replies = replyPools === null ? null : healthOf(replyPools);
    const isOk = [updates, replies].every(
      (one) => one === null || one === absent || one.status === "ok",
    );
    return c.json(
      {
        status: isOk ? ("ok" as const) : ("degraded" as const),
        gpu: updates,
        inference: replies,
        pools: pools.map(({ region, health }) => ({
          region,
          status: health?.status ?? ("unreachable" as const),
        })),
      },
      200,
    );
  },
);

service.openapi(
  route({
    method: "get",
    path: "/v1/models",
    tags: ["Chat"],
    summary: "Models that chat completions can use",
    scope: "any",
    answers: {
      200: json(
        z
          .object({
            object: z.literal("list"),
            data: z.array(modelSchema),
          })
          .openapi("ModelList"),
        "The served model",
      ),
    },
    fails: [503],
  }),
  async (c) => c.json({ object: "list" as const, data: await servedModels(c) }, 200),
);

service.openapi(
  route({
    method: "get",
    path: "/v1/models/{model}",
    tags: ["Chat"],
    summary: "Read a model",
    scope: "any",
    request: { params: z.object({ model: z.string().openapi({ example: "rosa2-mini-2" }) }) },
    answers: { 200: json(modelSchema, "The model") },
    fails: [404, 503],
  }),
  async (c) => c.json(await readModel(c, c.req.valid("param").model), 200),
);

// A hub id contains a slash, which not every client encodes.
service.get("/v1/models/:owner/:rest{.+}", async (c) =>
  c.json(await readModel(c, `${c.req.param("owner")}/${c.req.param("rest")}`)),
);

/** @throws RosaError `model_not_found`, naming the served model; `gpu_unavailable` while it is unknown. */
async function readModel(c: AppContext, name: string): Promise<z.infer<typeof modelSchema>> {
  const model = await namedModel(c.env, name, (work) => background(c, work));
  if (model === null) throw new RosaError("gpu_unavailable", "The GPU service cannot be reached");
  return modelBody(model);
}

/** One model, or none while it is being loaded. */
async function servedModels(c: AppContext): Promise<z.infer<typeof modelSchema>[]> {
  const { model } = await inferenceOf(c.env, regionOfCaller(c.req.raw.cf)).health("replies");
  return model === null ? [] : [modelBody(model)];
}

function modelBody({ id, context_length }: ServedModel) {
  return { id, object: "model" as const, created: 0, owned_by: "rosa2", context_length };
}

const absent = { status: "absent" as const, model: null, provider: null, queue: null };

/** Health of the nearest reachable service. If none is reachable, that is an answer here, not a failure. */
function healthOf(
  pools: readonly { health: InferenceHealth | null }[],
): z.infer<typeof gpuHealthSchema> {
  const health = pools.find((pool) => pool.health !== null)?.health ?? null;
  if (health === null) return { status: "unreachable", model: null, provider: null, queue: null };
  const { status, model, provider, queue } = health;
  return { status, model: model?.id ?? null, provider, queue: queue ?? null };
}
