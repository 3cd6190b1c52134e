/** How the account object of a tenant is reached. */
import type { Env } from "../env.ts";
import type { AccountObject } from "./object/object.ts";

/** The object's calls as they are written there; the platform's own stub type loses JSON columns. */
export type AccountCalls = Omit<AccountObject, "alarm" | "fetch" | "ctx" | "env">;

export function accountOf(env: Env, tenantId: string): AccountCalls {
  return env.ACCOUNTS.getByName(tenantId) as unknown as AccountCalls;
}
