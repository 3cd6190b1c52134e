/** A tenant's or session's own senses: plain phrases in JSON, validated, never regular expressions from outside. */
import type { Sense } from "@rosa2/shared/lexicon/sense";
import { z } from "zod";
import { type CompiledSense, compileLexicon, shippedSenses } from "./lexicon.ts";
import { neutraliseNote } from "./neutralise.ts";

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
  /** Where a reading's phrase goes: right after the span, or at the end of the instruction. */
  attach: z.enum(["after", "end"]).default("after"),
  /** Say a reading only when feedback or scores speak for it. */
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

/** The lexicon with a tenant's own senses before those that ship; an own sense replaces a shipped one of its id. */
export function lexiconWith(own: OwnLexicon): CompiledSense[] {
  const senses = own.map(toSense);
  const ids = new Set(senses.map(({ id }) => id));
  const shipped = shippedSenses.filter(({ id }) => !ids.has(id));
  return compileLexicon([...senses, ...shipped]);
}

function toSense(own: OwnLexicon[number]): Sense {
  const priorSum = own.readings.reduce((sum, { prior }) => sum + prior, 0);
  return {
    id: own.id,
    label: neutraliseNote(own.label, 80),
    span: own.spans.map(phrasePattern).join("|"),
    hints: own.hints.map(phrasePattern),
    attach: own.attach,
    shy: own.shy,
    readings: own.readings.map(({ id, phrase, cues, prior }) => ({
      id,
      phrase: neutraliseNote(phrase, 80),
      cues: [phrase, ...cues].map(phrasePattern),
      prior: prior / priorSum,
    })),
  };
}

/** Words in order, any white space between them, at word edges. */
function phrasePattern(phrase: string): string {
  const words = phrase
    .trim()
    .split(/\s+/u)
    .map((word) =>
      word === "*" ? "[\\p{L}\\p{N}]+" : word.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&"),
    );
  return `(?<![\\p{L}\\p{N}])${words.join("\\s+")}(?![\\p{L}\\p{N}])`;
}
