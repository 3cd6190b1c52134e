/** Schemas used in every part of the contract. */
import { z } from "@hono/zod-openapi";

/** Characters of a request, and of a correction. */
export const contentCharsMax = 16_384;
/** Characters of a remark, and of a constraint made from one. */
export const textCharsMax = 4_096;

export const timestamp = z.iso.datetime().openapi({ example: "2026-11-23T09:30:00.000Z" });
export const costSchema = z
  .object({ usd: z.number().openapi({ description: "US dollars", example: 0.0000021 }) })
  .openapi("Cost");
export type Cost = z.infer<typeof costSchema>;

export const sessionId = z
  .string()
  .openapi({ example: "ses_Ag3kPz9xWq1Tn5Yb7Ls0Vd2Hf4Jr6Mc8Ue-QiSoKwZE" });
export const turnId = z.string().openapi({ example: "turn_01KAQ2V9M6M8YB6T1N3D5P7QRS" });

export const requestRateSchema = z.union([z.literal(60), z.literal(300), z.literal(1200)]);

/** A session's owner: the tenant's own name for one of its users. */
export const ownerSchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, "must be 1 to 128 visible ASCII characters")
  .openapi({ description: "Your own name for one of your users", example: "user_4711" });

const metadataPairsMax = 16;
const metadataKey = z
  .string()
  .regex(/^[\w.-]{1,64}$/, "a key must be 1 to 64 letters, digits, dots, hyphens or underscores");
export const metadataSchema = z
  .record(metadataKey, z.string().max(512))
  .refine(
    (metadata) => Object.keys(metadata).length <= metadataPairsMax,
    `may hold at most ${metadataPairsMax} pairs`,
  )
  .openapi({ description: "Your own pairs of key and value", example: { topic: "billing" } });
export type Metadata = z.infer<typeof metadataSchema>;

/** How every list is read in pages. */
export const pageQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().max(256).optional().openapi({
    description: "The `next_cursor` of the page before",
  }),
});
export const nextCursor = z.string().nullable().openapi({ description: "Null on the last page" });
