/** Bindings of the Worker as wrangler.toml declares them; variables are read through config.ts only. */
import type { SessionObject } from "./session/index.ts";

export interface Env {
  DB: D1Database;
  ADAPTERS: R2Bucket;
  SESSIONS: DurableObjectNamespace<SessionObject>;
  LIMITER: RateLimit;
  GPU_URL: string;
  GPU_SECRET: string;
  [variable: string]: unknown;
}
