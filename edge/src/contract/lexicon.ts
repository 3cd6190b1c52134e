/** A tenant's or session's own senses: plain phrases in JSON, validated; never regular expressions from outside. */
import { z } from "zod";

const idSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, "must be lower-case letters, digits, hyphens");
const phraseSchema = z
  .string()
  .min(1)
  .max(80)
  .refine((text) => /[\p{L}\p{N}]/u.test(text), "must hold a letter or a digit");
const phrasesSchema = z.array(phraseSchema).max(16);

/** One sense in JSON. In spans, hints and cues, `*` stands for any one word. */
const ownSenseSchema = z.object({
  id: idSchema,
  label: phraseSchema,
  spans: phrasesSchema.min(1),
  hints: phrasesSchema.default([]),
  /** Where a reading's phrase is inserted: right after the span, or at the end of the instruction. */
  attach: z.enum(["after", "end"]).default("after"),
  /** The reading is used only if feedback or scores support it. */
  shy: z.boolean().default(false),
  readings: z
    .array(
      z.object({
        id: idSchema,
        phrase: phraseSchema,
        cues: phrasesSchema.default([]),
        /** Relative; shares are made from these. */
        prior: z.number().positive().max(1_000).default(1),
      }),
    )
    .min(2)
    .max(8),
});

export const ownLexiconSchema = z
  .array(ownSenseSchema)
  .max(64)
  .superRefine((senses, context) => {
    for (const [index, sense] of senses.entries()) {
      const readings = sense.readings.map(({ id }) => id);
      if (senses.findIndex(({ id }) => id === sense.id) !== index) {
        context.addIssue({
          code: "custom",
          path: [index, "id"],
          message: `"${sense.id}" occurs twice`,
        });
      }
      if (new Set(readings).size !== readings.length) {
        context.addIssue({
          code: "custom",
          path: [index, "readings"],
          message: "a reading's id occurs twice",
        });
      }
    }
  });
export type OwnLexicon = z.infer<typeof ownLexiconSchema>;
