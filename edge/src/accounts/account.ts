/** How the objects of a tenant's account are reached: the account itself, and its money in a region. */
import type { Env } from "../env.ts";
import { type Result, unwrap } from "../rpc.ts";
import type { AccountObject } from "./object/object.ts";
import type { Principal } from "./principal.ts";
import type { Charge, DistantMoney } from "./spending.ts";
import type { UsageEvent } from "./usage.ts";

/** The object's calls as they are written there; the platform's own stub type loses JSON columns. */
export type AccountCalls = Omit<AccountObject, "alarm" | "fetch" | "ctx" | "env">;

export function accountOf(env: Env, tenantId: string): AccountCalls {
  return env.ACCOUNTS.getByName(tenantId) as unknown as AccountCalls;
}

/** Some six seconds. */
const attemptsMax = 6;
/** So often a call that takes long says that it goes on. */
const keepMs = 20_000;

/** A region's calls, as RegionObject has them. */
interface RegionCalls {
  /** Whether a cap bounds what is spent. */
  reserve(of: RegionOwner, charge: Charge, ownerCapNanos: number | null): Promise<Result<boolean>>;
  settle(event: UsageEvent, again: boolean): Promise<void>;
  keep(eventId: string): Promise<void>;
  release(eventId: string): Promise<void>;
}

/** Whose purse a region's object is; `holder` is its name below the tenant. */
export interface RegionOwner {
  tenantId: string;
  holder: string;
  owner: string | null;
}

/** Purses that said at the last call that no cap bounds them; forgotten when there are many. */
const uncapped = new Set<string>();
const uncappedMax = 10_000;

/**
 * The money of stateless calls of a tenant in a region; an owner with a cap has a purse of its own there. What
 * settles or frees money is not waited for.
 */
export function moneyIn(
  env: Env,
  { tenantId, owner, token }: Pick<Principal, "tenantId" | "owner" | "token">,
  region: string,
  background: (work: Promise<unknown>) => void,
): DistantMoney {
  const capNanos = token?.capNanos ?? null;
  const own = capNanos !== null && owner !== null;
  const holder = own ? `${region}/${owner}` : region;
  const of = { tenantId, holder, owner: own ? owner : null };
  // After a failure a stub may be broken for good, so each call has one of its own.
  const name = `${tenantId}/${holder}`;
  const stub = () => env.REGIONS.getByName(name) as unknown as RegionCalls;
  const going = new Map<string, ReturnType<typeof setInterval>>();
  const over = (eventId: string) => clearInterval(going.get(eventId));
  return {
    get isUncapped() {
      return uncapped.has(name);
    },
    async reserve(eventId, amountNanos) {
      const charge = { eventId, amountNanos };
      // The same event is set aside once, so an object that ended meanwhile can be asked again.
      const asking = untilTaken(() => stub().reserve(of, charge, own ? capNanos : null), 2);
      asking.catch(() => {
        // Whether it was set aside is not known.
        background(untilTaken(() => stub().release(eventId)));
      });
      const isCapped = await unwrap(asking).catch((error) => {
        uncapped.delete(name);
        throw error;
      });
      if (uncapped.size >= uncappedMax) uncapped.clear();
      if (isCapped) uncapped.delete(name);
      else uncapped.add(name);
      const keep = () =>
        background(
          stub()
            .keep(eventId)
            .catch(() => {}),
        );
      going.set(eventId, setInterval(keep, keepMs));
    },
    settle(event) {
      over(event.eventId);
      background(untilTaken((again) => stub().settle(event, again)));
    },
    release(eventId) {
      over(eventId);
      background(untilTaken(() => stub().release(eventId)));
    },
  };
}

/** Says it again, with growing pauses, to an object that ended meanwhile. */
export async function untilTaken<T>(
  say: (again: boolean) => Promise<T>,
  retriesMax = attemptsMax,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await say(attempt > 0);
    } catch (error) {
      if (attempt >= retriesMax) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50 * 2 ** attempt));
    }
  }
}
