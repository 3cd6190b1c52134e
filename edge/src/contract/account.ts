/** The part of the contract about an account: keys, money, the tenant itself. It knows no storage and no route. */
import { z } from "@hono/zod-openapi";
import { holdoutReportSchema } from "./adaptation.ts";
import { scopes, usageGroups } from "./sets.ts";
import { costSchema, nextCursor, ownerSchema, requestRateSchema, timestamp } from "./shared.ts";

const requestRate = requestRateSchema.openapi({
  description: "Requests per minute that the key may make",
  example: 300,
});

export const keyCreateSchema = z
  .strictObject({
    name: z.string().min(1).max(100),
    scopes: z.array(z.enum(scopes)).min(1).max(scopes.length).default(["chat", "adapt"]),
    expires_in_seconds: z.int().min(60).max(315_360_000).optional(),
    requests_per_minute: requestRate.default(1200),
  })
  .openapi("KeyCreate");

export const keySchema = z
  .object({
    id: z.string(),
    object: z.literal("api_key"),
    name: z.string(),
    prefix: z.string(),
    scopes: z.array(z.enum(scopes)),
    requests_per_minute: requestRate,
    created_at: timestamp,
    expires_at: timestamp.nullable(),
    revoked_at: timestamp.nullable(),
  })
  .openapi("ApiKey");
export type KeyBody = z.infer<typeof keySchema>;

export const keyCreatedSchema = keySchema
  .extend({ key: z.string().openapi({ description: "Shown once" }) })
  .openapi("ApiKeyCreated");

export const keyListSchema = z
  .object({ object: z.literal("list"), data: z.array(keySchema), next_cursor: nextCursor })
  .openapi("ApiKeyList");

export const erasureSchema = z
  .object({
    status: z.enum(["running", "done"]),
    requested_at: timestamp,
    finished_at: timestamp.nullable(),
    erased: z.object({
      sessions: z.int(),
      turns: z.int(),
      generations: z.int(),
      events: z.int(),
      adapters: z.int(),
      keys: z.int().openapi({ description: "Revoked at once, their names deleted" }),
    }),
    kept: z.string().openapi({ description: "What remains, and why" }),
  })
  .openapi("Erasure");
export type ErasureBody = z.infer<typeof erasureSchema>;

export const tenantSchema = z
  .object({
    id: z.string(),
    object: z.literal("tenant"),
    name: z.string(),
    sessions: z.int(),
    adapter_bytes: z.int().openapi({
      description:
        "Bytes of the adapter files that the sessions hold; a fork counts what it shares",
    }),
    created_at: timestamp,
    erasure: z.union([erasureSchema, z.null()]).openapi({
      description: "The latest erasure of everything, while it runs and after",
    }),
  })
  .openapi("Tenant");
export type TenantBody = z.infer<typeof tenantSchema>;

export const budgetSchema = z
  .object({
    object: z.literal("budget"),
    cap_usd: z.number().nullable(),
    month: z.string(),
    spent_usd: z.number(),
    reserved_usd: z.number(),
  })
  .openapi("Budget");
export type BudgetBody = z.infer<typeof budgetSchema>;

export const budgetPutSchema = z
  .strictObject({
    cap_usd: z
      .number()
      .min(0)
      .max(1e6)
      .refine((usd) => usd === 0 || usd >= 1e-9, "must be 0 or at least a nano-dollar, 1e-9")
      .nullable(),
  })
  .openapi("BudgetPut");

const usageGroup = z.enum(usageGroups);

export const usageQuerySchema = z.object({
  group_by: usageGroup.default("day"),
  owner: ownerSchema.optional(),
  from: z.iso.date().optional(),
  to: z.iso.date().optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().max(256).optional().openapi({
    description: "The `next_cursor` of the page before",
  }),
});

export const usageReportSchema = z
  .object({
    object: z.literal("list"),
    group_by: usageGroup,
    data: z.array(
      z.object({
        group: z.string().nullable(),
        prompt_tokens: z.int(),
        cached_tokens: z.int(),
        completion_tokens: z.int(),
        replies: z.int(),
        adaptations_accepted: z.int(),
        adaptations_rejected: z.int(),
        rewriter_calls: z.int(),
        gpu_ms: z.int(),
        cost: costSchema,
      }),
    ),
    next_cursor: nextCursor,
    holdout: z.union([holdoutReportSchema, z.null()]).openapi({
      description:
        "What adaptation changes, by the sessions opened since the holdout's share was set and within the days and the owner asked for; null: there was no holdout yet",
    }),
  })
  .openapi("UsageReport");
export type UsageReport = z.infer<typeof usageReportSchema>;
