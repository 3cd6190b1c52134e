/**
 * The rate of a key: the platform's limiter decides, and its answer is told in the standard headers.
 *
 * The limiter says yes or no and not how much is left, so `remaining` is what this isolate has not counted
 * away: an upper bound, as the standard allows (draft-ietf-httpapi-ratelimit-headers, "hints").
 */
import type { Principal } from "../accounts/keys.ts";
import type { Env } from "../env.ts";

const windowS = 60;
const countedMax = 10_000;
let counted = new Map<string, number>();
let countedWindow = 0;

export interface Rate {
  allowed: boolean;
  /** Seconds to the end of the window. */
  resetS: number;
  headers: Record<string, string>;
}

/** Counts one request of a key. */
export async function takeRequest(env: Env, principal: Principal, now: number): Promise<Rate> {
  const { keyId, requestsPerMinute: limit } = principal;
  const { success: allowed } = await env[`LIMITER_${limit}`].limit({ key: keyId });
  const second = Math.floor(now / 1000);
  const resetS = windowS - (second % windowS);
  const remaining = allowed ? Math.max(0, limit - count(keyId, second)) : 0;
  return {
    allowed,
    resetS,
    headers: {
      "ratelimit-policy": `"key";q=${limit};w=${windowS}`,
      ratelimit: `"key";r=${remaining};t=${resetS}`,
      // The names of the standard's earlier drafts, which most clients read.
      "ratelimit-limit": String(limit),
      "ratelimit-remaining": String(remaining),
      "ratelimit-reset": String(resetS),
    },
  };
}

/** Requests of a key in this window, this one included, as far as this isolate knows. */
function count(keyId: string, second: number): number {
  const window = Math.floor(second / windowS);
  if (window !== countedWindow || counted.size >= countedMax) counted = new Map();
  countedWindow = window;
  const n = (counted.get(keyId) ?? 0) + 1;
  counted.set(keyId, n);
  return n;
}
