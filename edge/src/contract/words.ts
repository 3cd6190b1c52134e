/** What a session has learnt about words, and what feedback changed in it, as schemas. */
import { z } from "@hono/zod-openapi";
import { ownLexiconSchema } from "./lexicon.ts";
import { textCharsMax, turnId } from "./shared.ts";

export const lexiconSchema = z
  .strictObject({
    senses: ownLexiconSchema.openapi({
      description:
        "Wordings with several readings, of your own domain. `*` in spans, hints and cues stands for any one word",
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
        drawn: z.int().openapi({ description: "Wordings that it proposed" }),
        kept: z
          .int()
          .openapi({ description: "Those that passed the checks; only they were weighed" }),
        prompt_tokens: z.int(),
        completion_tokens: z.int(),
      })
      .nullable()
      .openapi({
        description:
          "The model that was asked for wordings; null where what the session holds explained the feedback, or none is set up. Tokens of the served model are billed as a reply's, whichever wording wins; weighing is not billed",
      }),
    by: z.string().openapi({
      description:
        "Who proposed the wording that goes out: `said`, `composed` (request and remarks), `in_place` (a remark where the part stood that it repeats), `senses` (own ones), `session` (learnt earlier in it), or the rewriter's name",
    }),
    reason: z.string().openapi({ description: "Why that wording goes out" }),
    plan: z
      .object({
        prompt: z.string().openapi({ description: "What the retry asks" }),
        reason: z.string(),
      })
      .nullable()
      .openapi({
        description:
          "How the retry asks where skill rather than meaning seems to be missing: the same wording, to be worked on step by step. Its steps are drawn once beforehand and billed like a reply. The plan holds for this retry alone. Only the answer is learnt from it, under the wording",
      }),
    billed: z.object({ prompt_tokens: z.int(), completion_tokens: z.int() }).openapi({
      description:
        "Tokens that this step was billed for: drawn wordings, the reply that the remark gets by itself, and the steps of a plan, whether they are used or not",
    }),
    candidates: z
      .array(
        z.object({
          wording: z.string(),
          by: z.string(),
          prior: z.number().openapi({ description: "Belief in it before this feedback" }),
          share: z.number().openapi({ description: "Belief in it now" }),
          rejected: z
            .number()
            .nullable()
            .openapi({ description: "Log-prob of the rejected reply under it (nats)" }),
          right: z.number().nullable().openapi({
            description: "Log-prob of the accepted reply or correction under it (nats)",
          }),
        }),
      )
      .openapi({ description: "The likeliest wordings that were weighed" }),
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
