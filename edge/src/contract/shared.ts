/** Schemas that every part of the contract uses. */
import { z } from "@hono/zod-openapi";

/** Characters of a remark, and of a constraint made of one. */
export const textCharsMax = 4_096;

export const timestamp = z.iso.datetime().openapi({ example: "2026-11-23T09:30:00.000Z" });
export const costSchema = z
  .object({ usd: z.number().openapi({ description: "US dollars", example: 0.0000021 }) })
  .openapi("Cost");
export type Cost = z.infer<typeof costSchema>;

export const sessionId = z.string().openapi({ example: "ses_01KAQ2V7S3Z3XWJ0H1G8Y4T5RM" });
export const turnId = z.string().openapi({ example: "turn_01KAQ2V9M6M8YB6T1N3D5P7QRS" });

export const requestRateSchema = z.union([z.literal(60), z.literal(300), z.literal(1200)]);

/** Whose a session is: a name of the tenant's own for one of its users. */
export const ownerSchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, "must be 1 to 128 visible ASCII characters")
  .openapi({ description: "Your own name for one of your users", example: "user_4711" });
