/**
 * Asks the deployer's hook about a generation before it answers anybody. The hook gets the examples and the measured
 * distances, and may refuse. No answer counts as a refusal.
 */
import type { AdaptResult, AdaptRow } from "@rosa2/shared/protocol";
import { z } from "zod";

export interface Guard {
  url: string;
  secret: string | null;
  timeoutMs: number;
}

/** What the hook receives as JSON. The GPU service answers under the adapter's digest already, so the hook can try it. */
export interface GuardedUpdate {
  tenant: string;
  owner: string | null;
  session: string;
  feedback_id: string;
  /** The generation that the update started from: `base` or an id. */
  parent: string;
  /** SHA-256 of the new adapter file. */
  digest: string;
  /** The examples of the update; the last is the current one. */
  examples: AdaptRow[];
  result: Pick<AdaptResult, "step_norm" | "shift_norm" | "kl" | "kl_base" | "rows">;
}

const answerSchema = z.object({ allow: z.boolean(), reason: z.string().max(500).optional() });

/** The hook's reason for refusing an update, or null if it accepts. */
export async function askGuard(
  guard: Guard,
  update: GuardedUpdate,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const response = await fetch(guard.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(guard.secret === null ? {} : { authorization: `Bearer ${guard.secret}` }),
      },
      body: JSON.stringify(update),
      signal: AbortSignal.any([signal, AbortSignal.timeout(guard.timeoutMs)]),
    });
    if (!response.ok) return `the guard could not be asked: it answered ${response.status}`;
    const { allow, reason } = answerSchema.parse(await response.json());
    return allow ? null : `the guard refused the update: ${reason ?? "it gave no reason"}`;
  } catch (error) {
    const isLate = error instanceof Error && error.name === "TimeoutError";
    const why = isLate ? `no answer within ${guard.timeoutMs} ms` : "no sound answer came";
    return `the guard could not be asked: ${why}`;
  }
}
