/**
 * Bindings of the Worker as wrangler.toml declares them; variables are read through config.ts only.
 *
 * It names no object's class: whoever calls an object says which calls it means.
 */

export interface Env {
  DB: D1Database;
  ADAPTERS: R2Bucket;
  SESSIONS: DurableObjectNamespace;
  /** One limiter for each of the contract's request rates. */
  LIMITER_60: RateLimit;
  LIMITER_300: RateLimit;
  LIMITER_1200: RateLimit;
  /** One object per tenant: its account. */
  ACCOUNTS: DurableObjectNamespace;
  /** One per tenant and region: money of stateless calls. */
  REGIONS: DurableObjectNamespace;
  /** Workers Analytics Engine, where bound. */
  METRICS?: AnalyticsEngineDataset;
  GPU_URL: string;
  GPU_SECRET: string;
  [variable: string]: unknown;
}
