/**
 * Bindings of the Worker as declared in wrangler.toml; variables are read only through config.ts.
 *
 * It names no object's class: the caller of an object names the calls that it uses.
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
