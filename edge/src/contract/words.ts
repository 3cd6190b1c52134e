/** What a session has learnt about words, and what a feedback changed of it, as schemas. */
import { z } from "@hono/zod-openapi";
import { ownLexiconSchema } from "./lexicon.ts";
import { textCharsMax, turnId } from "./shared.ts";

export const lexiconSchema = z
  .strictObject({
    senses: ownLexiconSchema.openapi({
      description:
        "Wordings with several readings, of your own domain. An own sense replaces the shipped one of its id. `*` in spans, hints and cues stands for any one word",
      example: [
        {
          id: "close",
          label: "closing",
          spans: ["close the ticket"],
          readings: [
            { id: "resolved", phrase: "as resolved", cues: ["it is fixed"] },
            { id: "rejected", phrase: "as rejected", cues: ["we will not do it"] },
          ],
        },
      ],
    }),
  })
  .openapi("Lexicon");

export const wordsReportSchema = z
  .object({
    changed: z.boolean(),
    before: z.string(),
    after: z.string(),
    diagnosis: z.string(),
    confidence: z.number(),
    hinted: z.boolean().openapi({ description: "The feedback named what was misunderstood" }),
    share: z
      .number()
      .openapi({ description: "Belief, before this feedback, in the reading that was answered" }),
    rewriter: z
      .object({
        name: z.string(),
        adopted: z.boolean(),
        failure: z.string().nullable(),
        calls: z.int(),
      })
      .nullable()
      .openapi({
        description: "The model that proposed a wording beside the rules, if one is set up",
      }),
    constraints: z.array(z.string()),
    ruled_out: z.array(z.string()),
    spans: z.array(
      z.object({
        label: z.string(),
        text: z.string(),
        start: z.int(),
        end: z.int(),
        phrase: z.string().nullable(),
        said: z.boolean(),
        probability: z.number(),
      }),
    ),
  })
  .openapi("Words");
export type WordsReport = z.infer<typeof wordsReportSchema>;

export const wordsStateSchema = z
  .object({
    object: z.literal("words"),
    constraints: z.array(
      z.object({
        id: z.string(),
        topic: z.string(),
        text: z.string(),
        scope: z.enum(["session", "turn"]),
        turn_id: turnId,
      }),
    ),
    senses: z.array(
      z.object({
        id: z.string(),
        readings: z.record(z.string(), z.number()).openapi({
          description: "Belief in each reading; sums to 1",
          example: { up: 0.05, down: 0.95 },
        }),
        failures: z.int(),
      }),
    ),
    undoable: z.int().openapi({ description: "Revisions that can be taken back" }),
  })
  .openapi("WordsState");
export type WordsStateBody = z.infer<typeof wordsStateSchema>;

export const constraintPatchSchema = z
  .strictObject({
    text: z.string().min(1).max(textCharsMax).optional(),
    scope: z.enum(["session", "turn"]).optional(),
  })
  .openapi("ConstraintPatch");
export type ConstraintPatch = z.infer<typeof constraintPatchSchema>;
