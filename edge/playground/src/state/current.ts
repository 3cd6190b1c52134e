/** The conversation that the page is on, opened and closed as the visitor moves. */
import { effect, signal } from "@preact/signals";
import type { SessionCreate } from "rosa2";
import { client, key } from "./account.ts";
import { Conversation } from "./conversation.ts";
import { report } from "./failure.ts";
import { go, route } from "./route.ts";

export const conversation = signal<Conversation | null>(null);

const firstRequests = new Map<string, string>();

effect(() => {
  const to = route.value;
  const next = key.value !== null && to.page === "session" ? new Conversation(to.id) : null;
  conversation.peek()?.close();
  conversation.value = next;
  if (next !== null) void begin(next);
});

async function begin(next: Conversation): Promise<void> {
  await next.open();
  const request = firstRequests.get(next.id);
  firstRequests.delete(next.id);
  if (request !== undefined && next.session.value !== null) await next.ask(request);
}

/** Makes a session, moves there and asks. Whether the session was made. */
export async function startSession(body: SessionCreate, request: string): Promise<boolean> {
  try {
    const { id } = await client.value.createSession(body);
    firstRequests.set(id, request);
    go({ page: "session", id });
    return true;
  } catch (error) {
    report(error);
    return false;
  }
}
