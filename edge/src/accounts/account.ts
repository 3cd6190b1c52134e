/** How a tenant's account is reached, and its money in a region. */
import type { Env } from "../env.ts";
import { unwrap } from "../rpc.ts";
import type { AccountObject } from "./object/object.ts";
import type { Principal } from "./principal.ts";
import { type Owed, regionOf, untilTaken } from "./region-calls.ts";
import type { DistantMoney } from "./spending.ts";

/** The object's calls as they are written there; the platform's own stub type loses JSON columns. */
export type AccountCalls = Omit<AccountObject, "alarm" | "fetch" | "ctx" | "env">;

export function accountOf(env: Env, tenantId: string): AccountCalls {
  return env.ACCOUNTS.getByName(tenantId) as unknown as AccountCalls;
}

/** So often a call that takes long says that it goes on. */
const keepMs = 20_000;

/** Purses that said at the last call that no cap bounds them; forgotten when there are many. */
const uncapped = new Set<string>();
const uncappedMax = 10_000;

/**
 * The money of stateless calls of a tenant in a region; an owner with a cap has a purse of its own there. What
 * settles or frees money is not waited for. With `owe` the event is left to whoever saves the answer that it is for.
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
  // After a failure a stub may be broken for good, so each call has one of its own.
  const name = `${tenantId}/${holder}`;
  const stub = () => regionOf(env, tenantId, holder);
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
      if (owe !== undefined) owe({ holder, event });
      else background(untilTaken((again) => stub().settle(event, again)));
    },
    release(eventId) {
      over(eventId);
      background(untilTaken(() => stub().release(eventId)));
    },
  };
}
