/** Health and models: what the deployment is and whether it can answer. */
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Health } from "@rosa2/shared/protocol";
import { GpuClient } from "../gpu-client/index.ts";
import { type AppEnv, config } from "../http/context.ts";
import { refuseInvalid } from "../http/errors.ts";
import { bearer, errors, json } from "./define.ts";

const gpuHealthSchema = z.object({
  status: z.enum(["ok", "loading", "draining", "unreachable"]),
  model: z.string().nullable(),
  provider: z.string().nullable(),
  queue: z.object({ waiting: z.int(), running: z.int() }).nullable(),
});

export const service = new OpenAPIHono<AppEnv>({ defaultHook: refuseInvalid });

service.openapi(
  createRoute({
    method: "get",
    path: "/health",
    tags: ["Service"],
    summary: "Liveness of the edge and state of the GPU service",
    responses: {
      200: json(
        z
          .object({
            status: z.enum(["ok", "degraded"]),
            gpu: gpuHealthSchema,
            inference: gpuHealthSchema.nullable().openapi({
              description: "What gives replies, where that is not the GPU service itself",
            }),
          })
          .openapi("Health"),
        "The edge is alive; `degraded` when the GPU service cannot answer now",
      ),
    },
  }),
  async (c) => {
    const { gpu } = config(c);
    const client = new GpuClient(gpu);
    const [updates, replies] = await Promise.all([
      healthOf(client.health("updates")),
      gpu.inferenceUrl === gpu.url ? null : healthOf(client.health("replies")),
    ]);
    const isOk = updates.status === "ok" && (replies === null || replies.status === "ok");
    return c.json(
      { status: isOk ? ("ok" as const) : ("degraded" as const), gpu: updates, inference: replies },
      200,
    );
  },
);

service.openapi(
  createRoute({
    method: "get",
    path: "/v1/models",
    tags: ["Chat"],
    summary: "Models that chat completions can use",
    security: bearer,
    responses: {
      200: json(
        z
          .object({
            object: z.literal("list"),
            data: z.array(
              z.object({
                id: z.string(),
                object: z.literal("model"),
                created: z.int(),
                owned_by: z.string(),
                context_length: z.int(),
              }),
            ),
          })
          .openapi("ModelList"),
        "The served model",
      ),
      ...errors(503),
    },
  }),
  async (c) => {
    const { model } = await new GpuClient(config(c).gpu).health("replies");
    const data =
      model === null
        ? []
        : [
            {
              id: model.id,
              object: "model" as const,
              created: 0,
              owned_by: "rosa2",
              context_length: model.context_length,
            },
          ];
    return c.json({ object: "list" as const, data }, 200);
  },
);

/** Unreachable is an answer here, not a failure. */
async function healthOf(asked: Promise<Health>): Promise<z.infer<typeof gpuHealthSchema>> {
  try {
    const { status, model, provider, queue } = await asked;
    return { status, model: model?.id ?? null, provider, queue };
  } catch {
    return { status: "unreachable", model: null, provider: null, queue: null };
  }
}
