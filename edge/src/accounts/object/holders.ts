/** Whoever holds a lease of the account, as the account calls it: sessions, and the purses of regions. */
import type { Erased } from "../../contract/index.ts";
import type { Env } from "../../env.ts";
import type { Result } from "../../rpc.ts";
import { sessionStub } from "../../session-address.ts";
import type { Books } from "./books.ts";

/** The calls that the account makes on whoever holds a lease. */
export interface Lender {
  /** Gives back what is not set aside, and reports. */
  giveBackLease(): Promise<void>;
  /** Reports what was metered and not told yet. */
  reportUsage(): Promise<void>;
}

/** And on a session that it erases, for the tenant itself. */
interface Session extends Lender {
  erase(caller: { tenantId: string; owner: null }): Promise<Result<Erased>>;
}

export function lenderOf({ env, tenantId }: Books, holder: string): Lender {
  if (holder.startsWith("ses_")) return sessionOf(env, holder);
  return env.REGIONS.getByName(`${tenantId}/${holder}`) as unknown as Lender;
}

export function sessionOf(env: Env, id: string): Session {
  return sessionStub(env, id) as unknown as Session;
}
