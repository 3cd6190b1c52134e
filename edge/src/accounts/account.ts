/** Reaches a tenant's account, and its money in a region. */
import type { Env } from "../env.ts";
import { unwrap } from "../rpc.ts";
import type { AccountObject } from "./object/object.ts";
import type { Principal } from "./principal.ts";
import { type Owed, regionOf, untilTaken } from "./region-calls.ts";
import type { DistantMoney } from "./spending.ts";

/** The object's calls with their own types: the platform's stub type loses JSON columns. */
export type AccountCalls = Omit<AccountObject, "alarm" | "fetch" | "ctx" | "env">;

export function accountOf(env: Env, tenantId: string): AccountCalls {
  return env.ACCOUNTS.getByName(tenantId) as unknown as AccountCalls;
}

/** Interval at which a long call reports that it is still running. */
const keepMs = 20_000;

/** Purses that reported no cap at their last call, and when; forgotten when there are many. */
const uncapped = new Map<string, number>();
const uncappedMax = 10_000;
/** A report of no cap may be relied on for this long: a first cap counts at the latest then. */
const surelyMs = 10_000;

function noteCap(purse: string, isCapped: boolean): void {
  if (uncapped.size >= uncappedMax) uncapped.clear();
  if (isCapped) uncapped.delete(purse);
  else uncapped.set(purse, Date.now());
}

/** Sets or lifts a tenant's cap; what its purses reported here before counts no more. */
export async function setCap(
  env: Env,
  tenantId: string,
  capUsd: number | null,
): ReturnType<AccountCalls["setCap"]> {
  const budget = await accountOf(env, tenantId).setCap(tenantId, capUsd);
  for (const purse of uncapped.keys()) {
    if (purse.startsWith(`${tenantId}/`)) uncapped.delete(purse);
  }
  return budget;
}

/**
 * The money of a tenant's stateless calls in a region; an owner with a cap has a separate purse there. Calls that
 * settle or free money are not awaited. With `owe`, the event is handed to the code that saves the answer.
 */
export function moneyIn(
  env: Env,
  { tenantId, owner, token }: Pick<Principal, "tenantId" | "owner" | "token">,
  region: string,
  background: (work: Promise<unknown>) => void,
  owe?: (owed: Owed) => void,
): DistantMoney {
  const capNanos = token?.capNanos ?? null;
  const own = capNanos !== null && owner !== null;
  const holder = own ? `${region}/${owner}` : region;
  const of = { tenantId, holder, owner: own ? owner : null };
  // After a failure a stub may stay broken, so each call gets its own.
  const name = `${tenantId}/${holder}`;
  const stub = () => regionOf(env, tenantId, holder);
  const going = new Map<string, ReturnType<typeof setInterval>>();
  const over = (eventId: string) => clearInterval(going.get(eventId));
  return {
    get isUncapped() {
      return uncapped.has(name);
    },
    get isSurelyUncapped() {
      return Date.now() < (uncapped.get(name) ?? 0) + surelyMs;
    },
    async reserve(eventId, amountNanos) {
      const charge = { eventId, amountNanos };
      // The same event is reserved only once, so the call can be repeated when the object ended meanwhile.
      const asking = untilTaken(() => stub().reserve(of, charge, own ? capNanos : null), 2);
      asking.catch(() => {
        // It is unknown whether the money was reserved.
        background(untilTaken(() => stub().release(eventId)));
      });
      const isCapped = await unwrap(asking).catch((error) => {
        uncapped.delete(name);
        throw error;
      });
      noteCap(name, isCapped);
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
      if (owe !== undefined) owe({ holder, event });
      else {
        background(
          untilTaken(() => stub().settleOnce(event)).then((isCapped) => noteCap(name, isCapped)),
        );
      }
    },
    release(eventId) {
      over(eventId);
      background(untilTaken(() => stub().release(eventId)));
    },
  };
}
