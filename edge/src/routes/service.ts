/** Health and models: what the deployment is and whether it can answer. */
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Health } from "@rosa2/shared/protocol";
import { GpuClient } from "../gpu-client/index.ts";
import { type AppEnv, config } from "../http/context.ts";
import { refuseInvalid } from "../http/errors.ts";
import { bearer, errors, json } from "./define.ts";

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
            gpu: z.object({
              status: z.enum(["ok", "loading", "draining", "unreachable"]),
              model: z.string().nullable(),
              provider: z.string().nullable(),
              queue: z.object({ waiting: z.int(), running: z.int() }).nullable(),
            }),
          })
          .openapi("Health"),
        "The edge is alive; `degraded` when the GPU service cannot answer now",
      ),
    },
  }),
  async (c) => {
    let health: Health | null = null;
    try {
      health = await new GpuClient(config(c).gpu).health();
    } catch {
      // Unreachable is an answer here, not a failure.
    }
    return c.json(
      {
        status: health?.status === "ok" ? ("ok" as const) : ("degraded" as const),
        gpu: {
          status: health?.status ?? ("unreachable" as const),
          model: health?.model?.id ?? null,
          provider: health?.provider ?? null,
          queue: health?.queue ?? null,
        },
      },
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
    const { model } = await new GpuClient(config(c).gpu).health();
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
