/** The part of the contract about adaptation: a session's settings, the tenant's, the holdout's comparison, roll-backs. */
import { z } from "@hono/zod-openapi";
import { contexts, modes, rewriterNames } from "./sets.ts";
import { timestamp } from "./shared.ts";

export const sessionAdaptationSchema = z
  .object({
    mode: z.enum(modes).default("both"),
    context: z.enum(contexts).optional().openapi({
      description:
        "What the model sees besides the instructions: the dialogue so far (default), or the rewritten request alone (default where the words adapt and the served checkpoint says so)",
    }),
    rewriter: z.enum(rewriterNames).optional().openapi({
      description:
        "The source of proposed wordings: the served model (`gpu`), the deployment's own `openai` or `workers-ai` where it is set up, or none (`compose`: the request with the remarks as they were said). By default the deployment's choice",
    }),
    holdout: z.boolean().default(true).openapi({
      description:
        "Whether the session may be held out and compared, where the tenant has a holdout. False: it takes no part",
    }),
  })
  .openapi("Adaptation");

const holdoutShare = z.number().min(0).max(0.9).openapi({
  description:
    "Share of new sessions that stay unadapted, chosen by a hash of the owner, or of the session's id where it has none; 0: none",
  example: 0.1,
});
const rollBackAfter = z.int().min(1).max(100).nullable().openapi({
  description:
    "Number of rejected replies, of generations without an accepted reply, after which the last generation with one becomes active again; null: never",
  example: 3,
});

export const tenantAdaptationPutSchema = z
  .strictObject({ holdout_share: holdoutShare, roll_back_after: rollBackAfter })
  .openapi("TenantAdaptationPut");

export const tenantAdaptationSchema = z
  .object({
    object: z.literal("tenant.adaptation"),
    holdout_share: holdoutShare,
    holdout_since: timestamp.nullable().openapi({
      description: "Sessions opened since then are compared; null: there was no holdout yet",
    }),
    roll_back_after: rollBackAfter,
  })
  .openapi("TenantAdaptation");
export type TenantAdaptationBody = z.infer<typeof tenantAdaptationSchema>;

export const rollBackSchema = z
  .object({
    from: z.string().openapi({ description: "The generation that answered until then" }),
    to: z.string().openapi({ description: "The generation that answers again; `base` or an id" }),
    rejections: z.int().openapi({
      description: "Replies of the generations taken back that were rejected",
    }),
  })
  .openapi("RollBack");
export type RollBack = z.infer<typeof rollBackSchema>;

const mean = z.number().nullable();
const armSchema = z
  .object({
    people: z.int().openapi({
      description: "Owners of these sessions; a session without an owner counts as one",
    }),
    sessions: z.int().openapi({ description: "Sessions with at least one turn" }),
    tries: mean.openapi({
      description:
        "Replies a problem, averaged over a session, a person's sessions, and people; lower is better",
    }),
    acceptance: mean.openapi({
      description:
        "Share of a session's judged problems whose last judged reply was accepted, averaged over a person's sessions, and people, 0…1",
    }),
    cost_usd: mean.openapi({
      description: "US dollars a session, averaged over a person's sessions, and people",
    }),
  })
  .openapi("HoldoutArm");

const differenceSchema = z
  .object({
    mean: z.number(),
    low: z.number().nullable(),
    high: z.number().nullable(),
  })
  .nullable()
  .openapi("HoldoutDifference", {
    description:
      "Adapted minus held out, with the ends of its 95 % interval (Welch's t); of people, each counted once; null where an arm has no session, its ends null where they cannot be estimated",
  });

export const holdoutReportSchema = z
  .object({
    share: holdoutShare,
    since: timestamp.openapi({ description: "When this share was set" }),
    held_out: armSchema,
    adapted: armSchema,
    difference: z.object({
      tries: differenceSchema,
      acceptance: differenceSchema,
      cost_usd: differenceSchema,
    }),
  })
  .openapi("Holdout");
export type HoldoutReport = z.infer<typeof holdoutReportSchema>;
