/**
 * The rate of a key, or of a client token's owner. The platform's limiter decides, and standard headers report its
 * answer.
 *
 * The limiter says yes or no, not how much is left. So `remaining` is what this isolate has not counted: an upper
 * bound, as the standard allows (draft-ietf-httpapi-ratelimit-headers, "hints").
 */
import type { Principal } from "../accounts/principal.ts";
import type { Env } from "../env.ts";

const windowS = 60;
const countedMax = 10_000;
let counted = new Map<string, number>();
let countedWindow = 0;

export interface Rate {
  allowed: boolean;
  /** Seconds until the end of the window. */
  resetS: number;
  headers: Record<string, string>;
}

/** Counts one request of a key, or of a token's owner. */
export async function takeRequest(env: Env, principal: Principal, now: number): Promise<Rate> {
  const { tenantId, keyId, owner, token, requestsPerMinute: limit } = principal;
  const counts = token === null ? keyId : `${tenantId}/${owner}`;
  const { success: allowed } = await env[`LIMITER_${limit}`].limit({ key: counts });
  const second = Math.floor(now / 1000);
  const resetS = windowS - (second % windowS);
  const remaining = allowed ? Math.max(0, limit - count(counts, second)) : 0;
  return {
    allowed,
    resetS,
    headers: {
      "ratelimit-policy": `"${token === null ? "key" : "owner"}";q=${limit};w=${windowS}`,
      ratelimit: `"${token === null ? "key" : "owner"}";r=${remaining};t=${resetS}`,
      // Names from the standard's earlier drafts, which most clients read.
      "ratelimit-limit": String(limit),
      "ratelimit-remaining": String(remaining),
      "ratelimit-reset": String(resetS),
    },
  };
}

/** Requests of a key or owner in this window, this one included, as counted by this isolate. */
function count(counts: string, second: number): number {
  const window = Math.floor(second / windowS);
  if (window !== countedWindow || counted.size >= countedMax) counted = new Map();
  countedWindow = window;
  const n = (counted.get(counts) ?? 0) + 1;
  counted.set(counts, n);
  return n;
}
