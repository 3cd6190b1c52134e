/** Who is calling, and what the caller may do; how that was found out is told in keys.ts and tokens/. */
import { RosaError } from "@rosa2/shared/errors";
import type { RequestRate, Scope } from "../contract/index.ts";

export interface Principal {
  tenantId: string;
  /** The API key that calls, or whose token calls; of a token that the tenant signed itself, the registered key. */
  keyId: string;
  scopes: readonly Scope[];
  requestsPerMinute: RequestRate;
  /** Whose sessions the caller sees and opens; null: everybody's, and those that it opens are nobody's. */
  owner: string | null;
  /** Set for a client token: the one session that it is for, and the owner's cap. */
  token: { sessionId: string | null; capNanos: number | null } | null;
}

/** `admin` includes the others. */
export function requireScope(principal: Principal, scope: Scope): void {
  if (principal.scopes.includes(scope) || principal.scopes.includes("admin")) return;
  throw new RosaError("insufficient_scope", `This needs a key with the scope "${scope}"`);
}

/**
 * Refuses a token that is for one session wherever another could be made or met.
 *
 * @throws RosaError `insufficient_scope`.
 */
export function refuseBound({ token }: Principal): void {
  if (token === null || token.sessionId === null) return;
  throw new RosaError("insufficient_scope", "This client token is for one session");
}
