import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { postMessages } from "../../edge/src/accounts/object/messages.ts";
import { checkedWebhookUrl } from "../../edge/src/accounts/webhook-url.ts";
import {
  messageSchemas,
  type WebhookBody,
  type WebhookSecretBody,
} from "../../edge/src/contract/index.ts";
import type { WebhookEvent } from "../../edge/src/contract/sets.ts";
import type { ReceivedMessage, ReceiverMood } from "../support/fake-receiver.ts";
import { accountRows, accountStub, inAccount } from "./support/account.ts";
import {
  ask,
  bindings,
  type Caller,
  eventually,
  judge,
  newTenant,
  openSession,
} from "./support/client.ts";

const receiver = String(bindings.RECEIVER_URL);

type Message = { type: WebhookEvent | "webhook.test"; timestamp: string; data: object };

/** A tenant with a webhook and what its own server has received. */
async function told(body: object = {}) {
  const caller = await newTenant();
  const name = crypto.randomUUID();
  const url = `${receiver}/hooks/${name}`;
  const made = await caller.make<WebhookSecretBody>("/v1/webhooks", { url, ...body });
  const received = async (of = name): Promise<ReceivedMessage[]> =>
    (await fetch(`${receiver}/received/${of}`)).json();
  return {
    caller,
    name,
    webhook: made,
    received,
    messages: (count: number) =>
      eventually(
        () => received(),
        ({ length }) => length >= count,
      ),
    mood: (mood: ReceiverMood) =>
      fetch(`${receiver}/mood/${name}`, { method: "POST", body: JSON.stringify(mood) }),
    waiting: () =>
      accountRows<{ id: string; attempts: number; due_at: number }>(
        caller.tenantId,
        "SELECT * FROM messages",
      ),
    /** Posts what is due at a time, as the alarm does. */
    post: (now: number) =>
      inAccount(caller.tenantId, (books) => postMessages({ ...books, now: () => now })),
    read: async () => (await caller.get<{ data: WebhookBody[] }>("/v1/webhooks")).data[0]!,
  };
}

/** The message as its documents say it is. */
function verified({ headers, body }: ReceivedMessage, secret: string): Message {
  const message = new Webhook(secret).verify(body, headers) as Message;
  if (message.type !== "webhook.test") {
    const shape = messageSchemas[message.type];
    expect(shape.parse(message)).toEqual(message);
  }
  return message;
}

async function teach(caller: Caller, sessionId: string, word: string) {
  const turn = await ask(caller, sessionId, `Say ${word}`);
  return await judge(caller, sessionId, turn.id, { reward: -1, correction: word, wait: true });
}

/** The signature by the standard's text alone, without its library. */
async function signatureOf({ headers, body }: ReceivedMessage, secret: string): Promise<string> {
  const raw = Uint8Array.from(atob(secret.replace("whsec_", "")), (char) => char.charCodeAt(0));
  const hash = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", raw, hash, false, ["sign"]);
  const text = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const signed = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text));
  return `v1,${btoa(String.fromCharCode(...new Uint8Array(signed)))}`;
}

describe("a webhook", () => {
  it("is told of an update, signed as Standard Webhooks says, without any text", async () => {
    const { caller, webhook, messages } = await told();
    const { id } = await openSession(caller);
    const { weights, id: feedbackId } = await teach(caller, id, "herring");
    const [message] = await messages(1);
    const { type, timestamp, data } = verified(message!, webhook.secret);
    expect(type).toBe("adaptation.updated");
    expect(Date.now() - Date.parse(timestamp)).toBeLessThan(10_000);
    expect(data).toMatchObject({
      session: id,
      owner: null,
      feedback_id: feedbackId,
      generation: weights.generation,
      parent: "base",
      active: true,
      step_norm: 0.5,
    });
    expect(message?.body).not.toContain("herring");
    expect(message?.headers["webhook-signature"]).toBe(await signatureOf(message!, webhook.secret));
  });

  it("is told of a roll-back", async () => {
    const { caller, webhook, messages } = await told({ events: ["adaptation.rolled_back"] });
    await caller.fetch("/v1/tenant/adaptation", {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ holdout_share: 0, roll_back_after: 1 }),
    });
    const { id } = await openSession(caller);
    const { weights } = await teach(caller, id, "one");
    const { id: feedback_id } = await teach(caller, id, "two");
    const [message] = await messages(1);
    expect(verified(message!, webhook.secret)).toMatchObject({
      type: "adaptation.rolled_back",
      data: { session: id, feedback_id, from: weights.generation, to: "base", rejections: 1 },
    });
  });

  it("is told that the budget is near its end when it comes later than that", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    await teach(caller, id, "one");
    await caller.get("/v1/usage");
    const cap = () =>
      caller.fetch("/v1/budget", {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ cap_usd: 0.00062 }),
      });
    await cap();
    const name = crypto.randomUUID();
    await caller.make("/v1/webhooks", { url: `${receiver}/hooks/${name}` });
    await cap();
    await eventually(
      async () => (await fetch(`${receiver}/received/${name}`)).json() as Promise<object[]>,
      ({ length }) => length === 1,
    );
  });

  it("gets the kinds of message that it asked for, each thing once", async () => {
    const { caller, messages, webhook, received } = await told({ events: ["budget.near"] });
    await caller.fetch("/v1/budget", {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ cap_usd: 0.00062 }),
    });
    const { id } = await openSession(caller);
    // An update costs .0005 of .00062.
    await teach(caller, id, "one");
    const [message] = await messages(1);
    expect(verified(message!, webhook.secret)).toMatchObject({
      type: "budget.near",
      data: { cap_usd: 0.00062, share: 0.8 },
    });
    await ask(caller, id, "hello");
    await caller.get("/v1/usage");
    expect(await received()).toHaveLength(1);
  });

  it("shows its secret once, and after a rotation both secrets verify for a day", async () => {
    const { caller, webhook, messages, read } = await told();
    expect(webhook.secret).toMatch(/^whsec_[\w+/]{43}=$/);
    expect(await read()).not.toHaveProperty("secret");
    const path = `/v1/webhooks/${webhook.id}`;
    const rotated = await caller.make<WebhookSecretBody>(`${path}/rotate`, {});
    expect(rotated.secret).not.toBe(webhook.secret);
    const { message_id } = await caller.make<{ message_id: string }>(`${path}/test`, {});
    const [message] = await messages(1);
    expect(message?.headers["webhook-id"]).toBe(message_id);
    for (const { secret } of [webhook, rotated]) {
      expect(verified(message!, secret).type).toBe("webhook.test");
    }
    await accountRows(caller.tenantId, "UPDATE webhooks SET old_until = ?", Date.now() - 1);
    await caller.make(`${path}/test`, {});
    const [, later] = await messages(2);
    expect(verified(later!, rotated.secret).type).toBe("webhook.test");
    expect(() => verified(later!, webhook.secret)).toThrow("No matching signature");
  });

  it("keeps no secret in the saved answer of its Idempotency-Key", async () => {
    const caller = await newTenant();
    const url = `${receiver}/hooks/again`;
    const key = { "idempotency-key": "one" };
    const first = await caller.make<WebhookSecretBody>("/v1/webhooks", { url }, key);
    const again = await caller.make<WebhookSecretBody>("/v1/webhooks", { url }, key);
    expect(again).toEqual({ ...first, secret: undefined });
    const saved = await accountRows(caller.tenantId, "SELECT * FROM answer_parts");
    expect(JSON.stringify(saved)).not.toContain(first.secret);
  });
});

describe("a message", () => {
  it.each<[ReceiverMood, string]>([
    [500, "it answered 500"],
    // A redirect may lead anywhere, so it is not followed.
    [302, "it answered 302"],
    ["lost", "it cannot be reached"],
  ])("is posted again under its own id after a receiver said %s", async (mood, why) => {
    const { caller, webhook, mood: set, received, waiting, post, read, name } = await told();
    await set(mood);
    await caller.make(`/v1/webhooks/${webhook.id}/test`, {});
    await eventually(waiting, ([row]) => row?.attempts === 1);
    expect(await read()).toMatchObject({ failure: why, waiting: 1, delivered_at: null });
    const [row] = await waiting();
    await set(204);
    await post((row?.due_at ?? 0) - 1);
    expect(await received()).toHaveLength(1);
    await post(row?.due_at ?? 0);
    const ids = (await received()).map(({ headers }) => headers["webhook-id"]);
    expect(ids).toEqual([row?.id, row?.id]);
    expect(await waiting()).toEqual([]);
    expect(await read()).toMatchObject({ failure: null, waiting: 0 });
    expect(await received(`${name}-elsewhere`)).toEqual([]);
  });

  it("waits for no other webhook's receiver, and each gets its own in order", async () => {
    const { caller, webhook, mood, received, waiting } = await told();
    const other = crypto.randomUUID();
    const url = `${receiver}/hooks/${other}`;
    const second = await caller.make<WebhookSecretBody>("/v1/webhooks", { url });
    await mood("silent");
    await caller.make(`/v1/webhooks/${webhook.id}/test`, {});
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      const path = `/v1/webhooks/${second.id}/test`;
      ids.push((await caller.make<{ message_id: string }>(path, {})).message_id);
    }
    const got = await eventually(
      () => received(other),
      ({ length }) => length === 3,
    );
    expect(got.map(({ headers }) => headers["webhook-id"])).toEqual(ids);
    expect(await waiting()).toHaveLength(1);
  });

  it("outlives the end of the account's object", async () => {
    const { caller, webhook, mood, messages, waiting, received } = await told();
    await mood(503);
    await caller.make(`/v1/webhooks/${webhook.id}/test`, {});
    const [row] = await eventually(waiting, ([one]) => one?.attempts === 1);
    const stub = accountStub(caller.tenantId);
    await runInDurableObject(stub, (_, state) => state.abort("crash")).catch(() => {});
    await mood(204);
    await accountRows(caller.tenantId, "UPDATE messages SET due_at = ?", Date.now());
    await runDurableObjectAlarm(accountStub(caller.tenantId));
    await messages(2);
    const ids = (await received()).map(({ headers }) => headers["webhook-id"]);
    expect(new Set(ids)).toEqual(new Set([row?.id]));
    await eventually(waiting, ({ length }) => length === 0);
  });

  it("is given up after two days, and the next message is posted all the same", async () => {
    const { caller, webhook, mood, waiting, post, received } = await told();
    await mood(500);
    await caller.make(`/v1/webhooks/${webhook.id}/test`, {});
    let rows = await eventually(waiting, ([row]) => row?.attempts === 1);
    const startedAt = Date.now();
    let last = startedAt;
    while (rows.length > 0) {
      last = rows[0]?.due_at ?? 0;
      await post(last);
      rows = await waiting();
    }
    expect(await received()).toHaveLength(13);
    expect((last - startedAt) / 3_600_000).toBeGreaterThan(48);
    await mood(204);
    await caller.make(`/v1/webhooks/${webhook.id}/test`, {});
    await eventually(received, ({ length }) => length === 14);
  });

  it("disables a webhook whose receiver is gone, until a test is asked for", async () => {
    const { caller, webhook, mood, messages, read, waiting } = await told();
    await mood(410);
    const { id } = await openSession(caller);
    await teach(caller, id, "one");
    await messages(1);
    await eventually(read, ({ disabled_at }) => disabled_at !== null);
    await teach(caller, id, "two");
    await caller.get("/v1/usage");
    expect(await waiting()).toEqual([]);
    await mood(204);
    await caller.make(`/v1/webhooks/${webhook.id}/test`, {});
    await messages(2);
    expect(await read()).toMatchObject({ disabled_at: null, failure: null });
  });

  it("goes with its webhook, and all of them with the tenant", async () => {
    const { caller, webhook, mood, waiting } = await told();
    await mood(500);
    const path = `/v1/webhooks/${webhook.id}`;
    await caller.make(`${path}/test`, {});
    await eventually(waiting, ([row]) => row?.attempts === 1);
    expect((await caller.fetch(path, { method: "DELETE" })).status).toBe(200);
    expect(await waiting()).toEqual([]);
    for (const call of ["", "/rotate", "/test"]) {
      const method = call === "" ? "DELETE" : "POST";
      expect((await caller.fetch(`${path}${call}`, { method })).status).toBe(404);
    }
    await caller.make("/v1/webhooks", { url: `${receiver}/hooks/more` });
    await caller.fetch(`/v1/tenant?confirm=${caller.tenantId}`, { method: "DELETE" });
    await eventually(
      () => accountRows(caller.tenantId, "SELECT * FROM webhooks"),
      ({ length }) => length === 0,
    );
  });
});

describe("a webhook's address", () => {
  it.each(["https://example.com/hooks", "https://hooks.example.co.uk:8443/a?b=c"])(
    "may be %s",
    (url) => {
      expect(checkedWebhookUrl(url, { localhost: false })).toBe(url);
    },
  );

  it.each([
    ["http://example.com/", "https"],
    ["ftp://example.com/", "https"],
    ["nonsense", "a URL"],
    ["https://user:pass@example.com/", "user or password"],
    ["https://localhost/", "public"],
    ["https://localhost./", "public"],
    ["https://intranet/", "public"],
    ["https://db.internal/", "public"],
    ["https://printer.local/", "public"],
    ["https://a.home.arpa/", "public"],
    ["https://127.0.0.1/", "not an address"],
    ["https://127.1/", "not an address"],
    ["https://2130706433/", "not an address"],
    ["https://0x7f.0.0.1/", "not an address"],
    ["https://169.254.169.254/latest/meta-data", "not an address"],
    ["https://10.0.0.1/", "not an address"],
    ["https://8.8.8.8/", "not an address"],
    ["https://[::1]/", "not an address"],
    ["https://[::ffff:10.0.0.1]/", "not an address"],
    ["http://localhost:3000/", "https"],
  ])("is refused as %s", (url, why) => {
    expect(() => checkedWebhookUrl(url, { localhost: false })).toThrow(why);
  });

  it("may be this machine's over http where the edge runs on it, and no other machine's", () => {
    expect(checkedWebhookUrl("http://localhost:3000/", { localhost: true })).toContain("3000");
    expect(() => checkedWebhookUrl("http://10.0.0.1/", { localhost: true })).toThrow("https");
    expect(() => checkedWebhookUrl("http://example.com/", { localhost: true })).toThrow("https");
  });

  it("is refused with the parameter's name", async () => {
    const caller = await newTenant();
    const answer = await caller.post("/v1/webhooks", { url: "https://10.0.0.1/" });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { param: "url" } });
  });
});
