/** A tenant's webhooks: their addresses and events, and the secrets that sign. The messages are in messages.ts. */
import { RosaError } from "@rosa2/shared/errors";
import { asc, count, eq, isNull } from "drizzle-orm";
import {
  type WebhookBody,
  type WebhookCreate,
  type WebhookSecretBody,
  webhooksMax,
} from "../../contract/index.ts";
import { newId } from "../../ids.ts";
import { iso } from "../../time.ts";
import { checkedWebhookUrl } from "../webhook-url.ts";
import type { Books } from "./books.ts";
import { forgetMessages, storeMessage, waitingFor } from "./messages.ts";
import { webhooks } from "./schema.ts";

/** After a rotation the old secret also signs for this long. */
const rotationMs = 24 * 3_600_000;

type WebhookRow = typeof webhooks.$inferSelect;

export const webhookCalls = {
  list: (books: Books): WebhookBody[] =>
    books.db
      .select()
      .from(webhooks)
      .orderBy(asc(webhooks.id))
      .all()
      .map((row) => bodyOf(books, row)),

  /** @throws RosaError `invalid_request`, `conflict` if there are as many as allowed. */
  add(books: Books, { url, events }: WebhookCreate): WebhookSecretBody {
    const checked = checkedWebhookUrl(url, books.config.webhooks);
    const { n } = books.db.select({ n: count() }).from(webhooks).get() ?? { n: 0 };
    if (n >= webhooksMax) {
      throw new RosaError("conflict", `A tenant may have ${webhooksMax} webhooks; delete one`);
    }
    const row = books.db
      .insert(webhooks)
      .values({
        id: newId("wh"),
        url: checked,
        events: [...new Set(events)],
        secret: newSecret(),
        createdAt: books.now(),
      })
      .returning()
      .get();
    return { ...bodyOf(books, row), secret: row.secret };
  },

  /** Its waiting messages are deleted too. */
  remove(books: Books, id: string): null {
    webhookRow(books, id);
    books.transaction(() => {
      forgetMessages(books, id);
      books.db.delete(webhooks).where(eq(webhooks.id, id)).run();
    });
    return null;
  },

  /** Makes a new secret; the old one also signs for a day. */
  rotate(books: Books, id: string): WebhookSecretBody {
    const row = webhookRow(books, id);
    const secrets = {
      secret: newSecret(),
      oldSecret: row.secret,
      oldUntil: books.now() + rotationMs,
    };
    books.db.update(webhooks).set(secrets).where(eq(webhooks.id, id)).run();
    return { ...bodyOf(books, row), secret: secrets.secret };
  },

  /** Posts a test message. A disabled webhook is enabled again. */
  test(books: Books, id: string): string {
    webhookRow(books, id);
    books.db.update(webhooks).set({ disabledAt: null }).where(eq(webhooks.id, id)).run();
    return storeMessage(books, [id], "webhook.test", { webhook: id });
  },
};

/** Whether there is any enabled webhook. */
export function hasWebhooks({ db }: Books): boolean {
  const told = db.select().from(webhooks).where(isNull(webhooks.disabledAt)).limit(1);
  return told.get() !== undefined;
}

/** @throws RosaError `not_found`. */
function webhookRow({ db }: Books, id: string): WebhookRow {
  const row = db.select().from(webhooks).where(eq(webhooks.id, id)).get();
  if (row === undefined) throw new RosaError("not_found", `No webhook "${id}"`);
  return row;
}

function bodyOf(books: Books, row: WebhookRow): WebhookBody {
  return {
    id: row.id,
    object: "webhook",
    url: row.url,
    events: row.events,
    created_at: iso(row.createdAt),
    disabled_at: iso(row.disabledAt),
    delivered_at: iso(row.deliveredAt),
    waiting: waitingFor(books, row.id),
    failure: row.failure,
  };
}

function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}
