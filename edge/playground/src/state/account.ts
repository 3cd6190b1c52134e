/** Who the visitor is: an API key, kept in this browser, and the client that uses it. */
import { computed, signal } from "@preact/signals";
import { Rosa2 } from "rosa2";

const storageName = "rosa2.key";

/** A key in the fragment (`#key=…`, as the local start prints it) is kept and leaves the address bar. */
function takeKey(): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given !== null) {
    localStorage.setItem(storageName, given);
    history.replaceState(null, "", `${location.pathname}${location.search}#/`);
  }
  return localStorage.getItem(storageName);
}

export const key = signal<string | null>(takeKey());
/** Set when the server no longer takes the key. */
export const refused = signal(false);

export const client = computed(() => clientOf(key.value ?? ""));

function clientOf(apiKey: string): Rosa2 {
  return new Rosa2({ baseUrl: location.origin, apiKey, retriesMax: 1 });
}

/** @throws Rosa2Error when the key is wrong or the server is not there. */
export async function signIn(apiKey: string): Promise<void> {
  await clientOf(apiKey).listSessions({ limit: 1 });
  localStorage.setItem(storageName, apiKey);
  refused.value = false;
  key.value = apiKey;
}

export function signOut(): void {
  localStorage.removeItem(storageName);
  refused.value = false;
  key.value = null;
}
