/** The calls on a tenant's purses in its regions, each repeated if the object ended meanwhile. */
import type { Env } from "../env.ts";
import type { Result } from "../rpc.ts";
import type { Charge } from "./spending.ts";
import type { UsageEvent } from "./usage.ts";

/** Some six seconds. */
const attemptsMax = 6;

/** A metered event that a saved answer owes to the purse where its money was reserved. */
export interface Owed {
  /** The purse's name below the tenant. */
  holder: string;
  event: UsageEvent;
}

interface RegionCalls {
  /** Whether a cap bounds what is spent. */
  reserve(of: RegionOwner, charge: Charge, ownerCapNanos: number | null): Promise<Result<boolean>>;
  /** Whether a cap bounds what is spent. */
  settleOnce(event: UsageEvent): Promise<boolean>;
  keep(eventId: string): Promise<void>;
  release(eventId: string): Promise<void>;
}

/** The tenant and holder of a region's object; `holder` is its name below the tenant. */
export interface RegionOwner {
  tenantId: string;
  holder: string;
  owner: string | null;
}

export function regionOf(env: Env, tenantId: string, holder: string): RegionCalls {
  return env.REGIONS.getByName(`${tenantId}/${holder}`) as unknown as RegionCalls;
}

/** Delivers an owed event to its purse, where it counts once however often it comes. */
export async function settleOwed(
  env: Env,
  tenantId: string,
  { holder, event }: Owed,
): Promise<void> {
  await untilTaken(() => regionOf(env, tenantId, holder).settleOnce(event));
}

/** Repeats a call, with growing pauses, while the object ends before answering. */
export async function untilTaken<T>(say: () => Promise<T>, retriesMax = attemptsMax): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await say();
    } catch (error) {
      if (attempt >= retriesMax) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50 * 2 ** attempt));
    }
  }
}
