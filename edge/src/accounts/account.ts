/** How the objects of a tenant's account are reached: the account itself, and its money in a region. */
import type { Env } from "../env.ts";
import { type Result, unwrap } from "../rpc.ts";
import type { AccountObject } from "./object/object.ts";
import type { Charge, Money } from "./spending.ts";
import type { UsageEvent } from "./usage.ts";

/** The object's calls as they are written there; the platform's own stub type loses JSON columns. */
export type AccountCalls = Omit<AccountObject, "alarm" | "fetch" | "ctx" | "env">;

export function accountOf(env: Env, tenantId: string): AccountCalls {
  return env.ACCOUNTS.getByName(tenantId) as unknown as AccountCalls;
}

/** A region's calls, as RegionObject has them. */
interface RegionCalls {
  reserve(tenantId: string, region: string, charge: Charge): Promise<Result<void>>;
  settle(event: UsageEvent): Promise<void>;
  release(eventId: string): Promise<void>;
}

/** The money of stateless calls of a tenant in a region. What settles or frees it is not waited for. */
export function moneyIn(
  env: Env,
  tenantId: string,
  region: string,
  background: (work: Promise<unknown>) => void,
): Money {
  const stub = env.REGIONS.getByName(`${tenantId}/${region}`) as unknown as RegionCalls;
  return {
    reserve: (eventId, amountNanos) =>
      unwrap(stub.reserve(tenantId, region, { eventId, amountNanos })),
    settle: (event) => background(stub.settle(event)),
    release: (eventId) => background(stub.release(eventId)),
  };
}
