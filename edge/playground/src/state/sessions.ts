/** The visitor's sessions, newest first, shared by every list of them on the page. It knows the client and no markup. */
import { effect, signal } from "@preact/signals";
import type { SessionSummary } from "rosa2";
import { client, key } from "./account.ts";
import { report } from "./failure.ts";

/** Null until they are read. */
export const sessions = signal<SessionSummary[] | null>(null);
/** Where the rest begins; null when there is no more. */
export const rest = signal<string | null>(null);

const firstPage = 20;

effect(() => {
  // Another key has other sessions.
  key.value;
  sessions.value = null;
  rest.value = null;
});

/** Reads the newest again and keeps the older ones that were read already. */
export async function readSessions(): Promise<void> {
  try {
    const page = await client.value.listSessions({ limit: firstPage });
    const known = sessions.peek();
    if (known === null || known.length <= page.data.length) {
      sessions.value = page.data;
      rest.value = page.next_cursor;
      return;
    }
    const fresh = new Set(page.data.map(({ id }) => id));
    const oldest = page.data.at(-1)?.updated_at ?? "";
    // A session within the time range of the page that is not in the page was deleted.
    const older = known.filter(({ id, updated_at }) => !fresh.has(id) && updated_at < oldest);
    sessions.value = [...page.data, ...older];
  } catch (error) {
    report(error);
  }
}

export async function readMore(): Promise<void> {
  if (rest.value === null) return;
  try {
    const page = await client.value.listSessions({ limit: firstPage, cursor: rest.value });
    const known = sessions.value ?? [];
    const ids = new Set(known.map(({ id }) => id));
    sessions.value = [...known, ...page.data.filter(({ id }) => !ids.has(id))];
    rest.value = page.next_cursor;
  } catch (error) {
    report(error);
  }
}

/** A search covers all sessions. */
export async function readAll(): Promise<void> {
  while (rest.value !== null) {
    const before = rest.value;
    await readMore();
    if (rest.value === before) return;
  }
}

/** True when it is deleted. */
export async function eraseSession({ id, title }: SessionSummary): Promise<boolean> {
  if (!confirm(`Erase “${title ?? id}” with its turns and adapters?`)) return false;
  try {
    await client.value.session(id).erase();
    sessions.value = sessions.value?.filter((one) => one.id !== id) ?? null;
    return true;
  } catch (error) {
    report(error);
    return false;
  }
}

export async function renameSession({ id, title }: SessionSummary): Promise<void> {
  const wanted = prompt("Name of this session", title ?? "")?.trim();
  if (wanted === undefined || wanted === "" || wanted === title) return;
  try {
    await client.value.session(id).change({ title: wanted });
    const renamed = (one: SessionSummary) => (one.id === id ? { ...one, title: wanted } : one);
    sessions.value = sessions.value?.map(renamed) ?? null;
  } catch (error) {
    report(error);
  }
}
