/**
 * Counters in Workers Analytics Engine, where it is bound; without content, keys or ids of sessions.
 *
 * A dataset's columns have no names, so both kinds of points say what they are in `blob1`:
 *   request: index tenant; blobs kind, method, route, status; doubles ms
 *   usage:   index tenant; blobs kind, what; doubles prompt, cached and completion tokens, accepted and
 *            rejected adaptations, rewriter calls, GPU ms, nano-dollars
 * Points are sampled and may repeat: for money there is the ledger.
 */
import type { Env } from "../env.ts";
import type { UsageEvent } from "./usage.ts";

export function countRequest(
  env: Env,
  request: { method: string; route: string; status: number; ms: number; tenant?: string },
): void {
  env.METRICS?.writeDataPoint({
    indexes: [request.tenant ?? "none"],
    blobs: ["request", request.method, request.route, String(request.status)],
    doubles: [request.ms],
  });
}

export function countUsage(env: Env, event: UsageEvent): void {
  env.METRICS?.writeDataPoint({
    indexes: [event.tenantId],
    blobs: ["usage", event.kind],
    doubles: [
      event.promptTokens ?? 0,
      event.cachedTokens ?? 0,
      event.completionTokens ?? 0,
      event.adaptationsAccepted ?? 0,
      event.adaptationsRejected ?? 0,
      event.rewriterCalls ?? 0,
      event.gpuMs ?? 0,
      event.costNanos,
    ],
  });
}
