/** Schemas that every part of the contract uses. */
import { z } from "@hono/zod-openapi";

export const timestamp = z.iso.datetime().openapi({ example: "2026-11-23T09:30:00.000Z" });
export const costSchema = z
  .object({ usd: z.number().openapi({ description: "US dollars", example: 0.0000021 }) })
  .openapi("Cost");
export type Cost = z.infer<typeof costSchema>;
