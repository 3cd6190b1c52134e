/** Bindings of the Worker as wrangler.toml declares them; variables are read through config.ts only. */
import type { EraserObject } from "./accounts/eraser.ts";
import type { SessionObject } from "./session/object.ts";

export interface Env {
  DB: D1Database;
  ADAPTERS: R2Bucket;
  SESSIONS: DurableObjectNamespace<SessionObject>;
  /** One limiter for each of the contract's request rates. */
  LIMITER_60: RateLimit;
  LIMITER_300: RateLimit;
  LIMITER_1200: RateLimit;
  ERASERS: DurableObjectNamespace<EraserObject>;
  /** Workers Analytics Engine, where bound. */
  METRICS?: AnalyticsEngineDataset;
  GPU_URL: string;
  GPU_SECRET: string;
  [variable: string]: unknown;
}
