/** Schemas that every part of the contract uses. */
import { z } from "@hono/zod-openapi";

export const timestamp = z.iso.datetime().openapi({ example: "2026-11-23T09:30:00.000Z" });
export const costSchema = z
  .object({ usd: z.number().openapi({ description: "US dollars", example: 0.0000021 }) })
  .openapi("Cost");
export type Cost = z.infer<typeof costSchema>;

export const requestRateSchema = z.union([z.literal(60), z.literal(300), z.literal(1200)]);

/** Whose a session is: a name of the tenant's own for one of its users. */
export const ownerSchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, "must be 1 to 128 visible ASCII characters")
  .openapi({ description: "Your own name for one of your users", example: "user_4711" });
