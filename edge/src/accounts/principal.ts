/** The caller and its rights. How they were found is the business of keys.ts and tokens/. */
import { RosaError } from "@rosa2/shared/errors";
import type { RequestRate, Scope } from "../contract/index.ts";

export interface Principal {
  tenantId: string;
  /** The calling API key, or the key whose token calls; for a token that the tenant signed itself, the registered key. */
  keyId: string;
  scopes: readonly Scope[];
  requestsPerMinute: RequestRate;
  /** The owner whose sessions the caller sees and opens; null for all owners, and new sessions then have none. */
  owner: string | null;
  /** Set for a client token: the one session it is bound to, and the owner's cap. */
  token: { sessionId: string | null; capNanos: number | null } | null;
}

/** `admin` includes the others. */
export function requireScope(principal: Principal, scope: Scope): void {
  if (principal.scopes.includes(scope) || principal.scopes.includes("admin")) return;
  throw new RosaError("insufficient_scope", `This needs a key with the scope "${scope}"`);
}

/**
 * Refuses a token bound to one session wherever another session could be made or seen.
 *
 * @throws RosaError `insufficient_scope`.
 */
export function refuseBound({ token }: Principal): void {
  if (token === null || token.sessionId === null) return;
  throw new RosaError("insufficient_scope", "This client token is for one session");
}
