/** Closed sets of the contract, each defined here and nowhere else; it knows no schema and no storage. */
import type { AdaptationMode } from "@rosa2/shared/schedule";

/** Which axes adapt. */
export const modes = [
  "both",
  "words",
  "weights",
  "off",
] as const satisfies readonly AdaptationMode[];
export type Mode = (typeof modes)[number];

/** What the model sees besides the instructions. */
export { type ContextPolicy, contextPolicies as contexts } from "@rosa2/shared/health";

/** Who proposes wordings beside what was said; `compose` is nobody. */
export const rewriterNames = ["compose", "gpu", "openai", "workers-ai"] as const;
export type RewriterName = (typeof rewriterNames)[number];

export const turnStatuses = ["running", "completed", "stopped", "failed"] as const;
export const finishReasons = ["stop", "length", "stopped"] as const;
/** What became of a weights step. */
export const weightsDecisions = ["updated", "skipped", "rejected", "queued"] as const;

/** What a metered event was; a `failed` reply's GPU time is counted and nothing is billed. */
export const usageKinds = ["reply", "adaptation", "words", "failed"] as const;

/** What usage is reported by. */
export const usageGroups = ["day", "session", "key", "owner"] as const;
export type UsageGroup = (typeof usageGroups)[number];

export const scopes = ["chat", "adapt", "mint", "admin"] as const;
export type Scope = (typeof scopes)[number];
/** What a client token may be given; the rest is for servers. */
export const tokenScopes = ["chat", "adapt"] as const satisfies readonly Scope[];

/** Requests per minute that a key can be held to; each is a limiter of its own in wrangler.toml. */
export const requestRates = [60, 300, 1200] as const;
export type RequestRate = (typeof requestRates)[number];

/** Where the platform can be asked to place a session's object, and where GPU services may stand. */
export const regions = ["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"] as const;
export type Region = (typeof regions)[number];
