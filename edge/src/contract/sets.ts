/** Closed sets of the contract, each defined here or in shared, and nowhere else. It knows no schema and no storage. */
/** Which axes adapt. */

/** What the model sees besides the instructions. */
export { type ContextPolicy, contextPolicies as contexts } from "@rosa2/shared/health";
export { type AdaptationMode as Mode, adaptationModes as modes } from "@rosa2/shared/schedule";

/** Sources of proposed wordings besides the remarks as said; `compose` means none. */
export const rewriterNames = ["compose", "gpu", "openai", "workers-ai"] as const;
export type RewriterName = (typeof rewriterNames)[number];

/** How much a thinking model thinks before it replies; only whether it thinks makes a difference here. */
export const efforts = ["none", "minimal", "low", "medium", "high", "xhigh"] as const;
export type Effort = (typeof efforts)[number];

export const turnStatuses = ["running", "completed", "stopped", "failed"] as const;
export const finishReasons = ["stop", "length", "stopped"] as const;
/** Outcomes of a weights step. */
export const weightsDecisions = ["updated", "skipped", "rejected", "queued"] as const;
/** How near a correction is to what the model can learn. */
export const reachVerdicts = [
  "settled",
  "one_update",
  "several_updates",
  "too_long",
  "unwritable",
  "fixed_weights",
] as const;
export type ReachVerdict = (typeof reachVerdicts)[number];

/** Kinds of metered events; of a `failed` reply the GPU time is counted, and nothing is billed. */
export const usageKinds = ["reply", "adaptation", "words", "failed"] as const;

export const usageGroups = ["day", "session", "key", "owner"] as const;
export type UsageGroup = (typeof usageGroups)[number];

export const scopes = ["chat", "adapt", "mint", "admin"] as const;
export type Scope = (typeof scopes)[number];
/** Scopes of client tokens; the others are for servers. */
export const tokenScopes = ["chat", "adapt"] as const satisfies readonly Scope[];

/** Requests per minute that a key can be limited to; each has a limiter of its own in wrangler.toml. */
export const requestRates = [60, 300, 1200] as const;
export type RequestRate = (typeof requestRates)[number];

/** Regions where the platform can be asked to place a session's object, and where GPU services may stand. */
export const regions = ["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"] as const;
export type Region = (typeof regions)[number];

/** A session's part in a holdout's comparison. */
export const arms = ["held_out", "adapted"] as const;
export type Arm = (typeof arms)[number];

/** Events of webhooks; `webhook.test` is sent on request only. */
export const webhookEvents = [
  "adaptation.updated",
  "adaptation.rolled_back",
  "budget.near",
] as const;
export type WebhookEvent = (typeof webhookEvents)[number];
