/**
 * Messages to a tenant's webhooks, in the form of Standard Webhooks, each sent until its receiver accepts it.
 *
 * A message is stored in the transaction that records its subject, and its row is deleted when the receiver has
 * accepted it. So it is posted at least once despite crashes, always under the same `webhook-id`.
 */
import { and, asc, count, eq, isNull, lte, min } from "drizzle-orm";
import { Webhook } from "standardwebhooks";
import { newId } from "../../ids.ts";
import type { Notice } from "../usage.ts";
import { checkedWebhookUrl } from "../webhook-url.ts";
import type { Books } from "./books.ts";
import { messages, webhooks } from "./schema.ts";

const timeoutMs = 10_000;
/** Messages to one webhook before the alarm turns to other work. */
const perRun = 20;
/** Messages that may wait for one webhook; beyond that new ones are dropped. */
const waitingMax = 10_000;
/** 5 s, 15 s, 45 s … 12 h: thirteen attempts in two days. */
const attemptsMax = 13;
const pauseMs = (attempts: number) => Math.min(12 * 3_600_000, 5_000 * 3 ** (attempts - 1));

type WebhookRow = typeof webhooks.$inferSelect;
type MessageRow = typeof messages.$inferSelect;

/**
 * Queues a message for the webhooks that subscribe to it; returns whether there are any. Part of the caller's
 * transaction.
 */
export function announce(books: Books, { type, data }: Notice): boolean {
  const ids = books.db
    .select()
    .from(webhooks)
    .where(isNull(webhooks.disabledAt))
    .all()
    .filter(({ events }) => events.includes(type))
    .map(({ id }) => id);
  if (ids.length > 0) storeMessage(books, ids, type, data);
  return ids.length > 0;
}

/** Stores one message for several webhooks; returns its id. */
export function storeMessage(books: Books, ids: string[], type: string, data: object): string {
  const { db, now } = books;
  const id = newId("msg");
  const body = JSON.stringify({ type, timestamp: new Date(now()).toISOString(), data });
  for (const webhookId of ids) {
    if (waitingFor(books, webhookId) >= waitingMax) continue;
    db.insert(messages).values({ id, webhookId, body, dueAt: now() }).run();
  }
  return id;
}

export function waitingFor({ db }: Books, webhookId: string): number {
  const of = eq(messages.webhookId, webhookId);
  return db.select({ n: count() }).from(messages).where(of).get()?.n ?? 0;
}

export function forgetMessages({ db }: Books, webhookId: string): void {
  db.delete(messages).where(eq(messages.webhookId, webhookId)).run();
}

/** Deletes webhooks, their secrets and their waiting messages. */
export function eraseWebhooks({ db }: Books): void {
  db.delete(messages).run();
  db.delete(webhooks).run();
}

/** When the next message is to be posted; null if none waits. */
export function nextMessageAt({ db }: Books): number | null {
  return (
    db
      .select({ at: min(messages.dueAt) })
      .from(messages)
      .get()?.at ?? null
  );
}

/**
 * Posts due messages, one after the other for each webhook: a receiver that hangs delays the others by one timeout at
 * most. Never throws because of a receiver: the failure is noted, and the message is posted again later.
 */
export async function postMessages(books: Books): Promise<void> {
  const rows = books.db.select().from(webhooks).orderBy(asc(webhooks.id)).all();
  await Promise.all(
    rows.map(async (row) => {
      for (let posted = 0; posted < perRun; posted++) {
        const message = oldestDue(books, row.id);
        if (message === undefined) return;
        const failure = await post(books, row, message);
        books.transaction(() => conclude(books, message, failure));
        if (failure !== null) return;
      }
    }),
  );
}

function oldestDue({ db, now }: Books, webhookId: string): MessageRow | undefined {
  return db
    .select()
    .from(messages)
    .where(and(eq(messages.webhookId, webhookId), lte(messages.dueAt, now())))
    .orderBy(asc(messages.dueAt), asc(messages.id))
    .limit(1)
    .get();
}

/** Null if the receiver accepted the message. */
type Failure = { why: string; isGone: boolean } | null;

async function post(
  { config, now }: Books,
  row: WebhookRow,
  message: MessageRow,
): Promise<Failure> {
  const at = new Date(now());
  const secrets = [row.secret];
  if (row.oldSecret !== null && (row.oldUntil ?? 0) > now()) secrets.push(row.oldSecret);
  try {
    // Checked again, because an address that was allowed when it was set may no longer be.
    const response = await fetch(checkedWebhookUrl(row.url, config.webhooks), {
      method: "POST",
      // A redirect could lead to an address that is not allowed.
      redirect: "manual",
      headers: {
        "content-type": "application/json",
        "user-agent": "rosa2-webhooks",
        "webhook-id": message.id,
        "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
        "webhook-signature": secrets
          .map((secret) => new Webhook(secret).sign(message.id, at, message.body))
          .join(" "),
      },
      body: message.body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    if (response.ok) return null;
    return { why: `it answered ${response.status}`, isGone: response.status === 410 };
  } catch (error) {
    const isLate = error instanceof Error && error.name === "TimeoutError";
    const why = isLate ? `no answer within ${timeoutMs / 1000} s` : "it cannot be reached";
    return { why, isGone: false };
  }
}

/** Notes the result of an attempt. A webhook whose receiver says that it is gone gets no further messages. */
function conclude(books: Books, message: MessageRow, failure: Failure): void {
  const { db, now } = books;
  const { id, webhookId } = message;
  const own = and(eq(messages.id, id), eq(messages.webhookId, webhookId));
  const attempts = message.attempts + 1;
  if (failure?.isGone) forgetMessages(books, webhookId);
  else if (failure === null || attempts >= attemptsMax) db.delete(messages).where(own).run();
  else
    db.update(messages)
      .set({ attempts, dueAt: now() + pauseMs(attempts) })
      .where(own)
      .run();
  db.update(webhooks)
    .set({
      failure: failure?.why ?? null,
      ...(failure === null ? { deliveredAt: now() } : {}),
      ...(failure?.isGone ? { disabledAt: now() } : {}),
    })
    .where(eq(webhooks.id, webhookId))
    .run();
}
