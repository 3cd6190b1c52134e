import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { moneyIn } from "../../edge/src/accounts/account.ts";
import {
  replyCostNanos,
  replyCostNanosMax,
  settledCostNanos,
  type UsageEvent,
} from "../../edge/src/accounts/usage.ts";
import type {
  BudgetBody,
  SessionDetail,
  TurnBody,
  UsageReport,
} from "../../edge/src/contract/index.ts";
import { account, accountRows, accountStub } from "./support/account.ts";
import {
  ask,
  bindings,
  type Caller,
  eventually,
  judge,
  newTenant,
  openSession,
  orderSense,
  readEvents,
  readSome,
} from "./support/client.ts";

const json = { "content-type": "application/json" };

function setCap(caller: Caller, capUsd: number | null): Promise<Response> {
  return caller.fetch("/v1/budget", {
    method: "PUT",
    body: JSON.stringify({ cap_usd: capUsd }),
    headers: json,
  });
}

/** A call by a server key. */
function server(tenantId: string) {
  return { tenantId, owner: null, token: null };
}

/** Reports an event to the account, as a holder without a lease does. */
function deliver(tenantId: string, event: UsageEvent, round = 1) {
  const none = { owner: null, ownerCapNanos: null };
  const wanted = { ...none, settledNanos: event.costNanos, neededNanos: 0, wantedNanos: 0 };
  const events = [{ ...event, seq: 1 }];
  return account(tenantId).exchange(tenantId, { holder: "far", round, events, ...wanted });
}

const prices = { inputNanos: 100, cachedNanos: 25, outputNanos: 400, adaptationNanos: 500_000 };

describe("usage", () => {
  it("prices fresh, cached and written tokens apart", () => {
    const usage = { prompt_tokens: 10, cached_tokens: 4, completion_tokens: 3 };
    expect(replyCostNanos(prices, usage)).toBe(6 * 100 + 4 * 25 + 3 * 400);
    // The bound holds even if every byte were a token.
    expect(replyCostNanosMax(prices, [{ content: "äb" }], 5)).toBe((3 + 16) * 100 + 5 * 400);
  });

  it("writes an event once however often it is delivered", async () => {
    const { tenantId } = await newTenant();
    const event = {
      eventId: `${tenantId}/e1`,
      tenantId,
      keyId: "key_1",
      sessionId: null,
      kind: "reply" as const,
      at: Date.now(),
      promptTokens: 5,
      costNanos: 700,
    };
    const tell = (_: unknown, i: number) => deliver(tenantId, event, i + 1);
    await Promise.all(Array.from({ length: 10 }, tell));
    expect(await accountRows(tenantId, "SELECT spent_nanos FROM spend")).toEqual([
      { spent_nanos: 700 },
    ]);
  });

  it("adds up to what the answers said, by day, session and key", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hello");
    const result = await judge(caller, id, turn.id, {
      reward: -1,
      correction: "hello",
      retry: true,
    });
    const chat = await caller.make<{ rosa2: { cost: { usd: number } } }>("/v1/chat/completions", {
      model: "fake-mini",
      messages: [{ role: "user", content: "hi" }],
    });
    const total = turn.cost.usd + result.cost.usd + chat.rosa2.cost.usd;
    const day = await eventually(
      () => caller.get<UsageReport>("/v1/usage"),
      ({ data }) => data[0]?.replies === 3 && data[0].adaptations_accepted === 1,
    );
    expect(day.data).toHaveLength(1);
    expect(day.data[0]?.cost.usd).toBeCloseTo(total, 9);
    const { spent_usd, reserved_usd } = await caller.get<BudgetBody>("/v1/budget");
    expect(spent_usd).toBeCloseTo(total, 9);
    expect(reserved_usd).toBe(0);
    const session = await caller.get<UsageReport>("/v1/usage?group_by=session");
    expect(session.data.map(({ group, replies }) => [group, replies])).toEqual([
      [id, 2],
      [null, 1],
    ]);
    const key = await caller.get<UsageReport>("/v1/usage?group_by=key");
    expect(key.data).toHaveLength(1);
    const detail = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
    expect(detail.totals.cost.usd).toBeCloseTo(turn.cost.usd + result.cost.usd, 9);
  });

  it("reports and prices cached tokens apart, and counts GPU milliseconds", async () => {
    const caller = await newTenant();
    await caller.behave({ cachedTokens: 3 });
    const chat = await caller.make<{
      usage: { prompt_tokens_details: { cached_tokens: number } };
      rosa2: { cost: { usd: number } };
    }>("/v1/chat/completions", {
      model: "fake-mini",
      messages: [{ role: "user", content: "one two three four" }],
    });
    expect(chat.usage.prompt_tokens_details.cached_tokens).toBe(3);
    // 1 fresh, 3 cached, 5 written.
    expect(chat.rosa2.cost.usd).toBeCloseTo((1 * 100 + 3 * 25 + 5 * 400) / 1e9, 12);
    const { id } = await openSession(caller, { adaptation: { rewriter: "compose" } });
    const turn = await ask(caller, id, "hello there you all");
    expect(turn.usage?.prompt_tokens_details.cached_tokens).toBe(3);
    await judge(caller, id, turn.id, { reward: -1, correction: "hi", wait: true });
    const { data } = await eventually(
      () => caller.get<UsageReport>("/v1/usage"),
      (report) => report.data[0]?.replies === 2 && report.data[0].adaptations_accepted === 1,
    );
    // The stand-in says 1 + 1 ms a reply, 3 ms an update, and 2 ms for the scores that an update is decided by.
    expect(data[0]).toMatchObject({ cached_tokens: 6, gpu_ms: 9 });
  });

  it("counts GPU milliseconds of scores that lead to no update, and bills none", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, {
      adaptation: { mode: "words", rewriter: "compose" },
      lexicon: { senses: [orderSense] },
    });
    const turn = await ask(caller, id, "Sort them: 31, 7, 12");
    await judge(caller, id, turn.id, { reward: -1, correction: "31, 12, 7", wait: true });
    const scores = (await caller.calls("/v1/score")).length;
    expect(scores).toBeGreaterThan(0);
    const { data } = await eventually(
      () => caller.get<UsageReport>("/v1/usage"),
      (report) => report.data[0]?.gpu_ms === 2 + 2 * scores,
    );
    expect(data[0]).toMatchObject({ adaptations_accepted: 0, adaptations_rejected: 0 });
    expect(data[0]?.cost.usd).toBeCloseTo(turn.cost.usd, 12);
  });

  it("meters a stopped reply by what the service last reported, GPU milliseconds too", async () => {
    const caller = await newTenant();
    await caller.behave({ holdAfter: 5, cachedTokens: 2 });
    const { id } = await openSession(caller);
    const content = "one two three four five six seven eight";
    const response = await caller.post(`/v1/sessions/${id}/turns`, { content, stream: true });
    const turnId = response.headers.get("x-rosa2-turn");
    await readSome(response, (events) => events.length >= 4);
    const { usage, cost } = await caller.make<TurnBody>(
      `/v1/sessions/${id}/turns/${turnId}/stop`,
      {},
    );
    expect(usage).toMatchObject({
      prompt_tokens: 8,
      prompt_tokens_details: { cached_tokens: 2 },
    });
    const { data } = await eventually(
      () => caller.get<UsageReport>("/v1/usage"),
      (report) => report.data[0]?.replies === 1,
    );
    expect(data[0]).toMatchObject({ prompt_tokens: 8, cached_tokens: 2, gpu_ms: 2, cost });
  });

  it("never bills more than was reserved, whatever a model's template adds", () => {
    const messages = [{ content: "hi" }];
    const asked = { messages, sampling: { max_tokens: 2 } };
    const usage = { prompt_tokens: 900, cached_tokens: 0, completion_tokens: 2 };
    expect(settledCostNanos(prices, usage, asked)).toBe(replyCostNanosMax(prices, messages, 2));
    const usual = { ...usage, prompt_tokens: 5 };
    expect(settledCostNanos(prices, usual, asked)).toBe(replyCostNanos(prices, usual));
  });

  it("counts days from and to, both included", async () => {
    const caller = await newTenant();
    await deliver(caller.tenantId, {
      eventId: `${caller.tenantId}/old`,
      tenantId: caller.tenantId,
      keyId: null,
      sessionId: null,
      kind: "reply",
      at: Date.UTC(2026, 0, 31, 23),
      costNanos: 5,
    });
    const rows = async (query: string) =>
      (await caller.get<UsageReport>(`/v1/usage?${query}`)).data.length;
    expect(await rows("from=2026-01-31&to=2026-01-31")).toBe(1);
    expect(await rows("from=2026-02-01")).toBe(0);
    expect((await caller.fetch("/v1/usage?from=yesterday")).status).toBe(400);
  });

  it("gives a failed reply's reservation back and bills nothing", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    await caller.behave({ down: ["/v1/generate"] });
    await caller.post(`/v1/sessions/${id}/turns`, { content: "hello" });
    await caller.post("/v1/chat/completions", {
      model: "fake-mini",
      messages: [{ role: "user", content: "hi" }],
    });
    expect(await caller.get("/v1/budget")).toMatchObject({ spent_usd: 0, reserved_usd: 0 });
  });

  it("leaves nothing reserved for a failed turn that may not run again, because another one began", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    await caller.behave({ down: ["/v1/generate"] });
    const failed = await caller.post(`/v1/sessions/${id}/turns`, { content: "hello" });
    const turnId = failed.headers.get("x-rosa2-turn");
    await caller.behave({ deltaMs: 20 });
    const [other, ...retries] = await Promise.all([
      caller.post(`/v1/sessions/${id}/turns`, { content: "one two three" }),
      caller.post(`/v1/sessions/${id}/turns/${turnId}/retry`, {}),
    ]);
    expect([other.status, ...retries.map(({ status }) => status)].sort()).toEqual([200, 409]);
    await eventually(
      () => caller.get<BudgetBody>("/v1/budget"),
      ({ spent_usd }) => spent_usd > 0,
    );
    expect(await caller.get("/v1/budget")).toMatchObject({ reserved_usd: 0 });
  });

  it("counts the GPU's time for a reply that broke off, and bills nothing", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    await caller.behave({ breakAfter: 2 });
    expect(
      (await caller.post(`/v1/sessions/${id}/turns`, { content: "one two three" })).status,
    ).toBe(503);
    const messages = [{ role: "user", content: "one two three" }];
    const chat = { model: "fake-mini", messages, stream: true };
    expect(await (await caller.post("/v1/chat/completions", chat)).text()).toContain(
      "gpu_unavailable",
    );
    const { data } = await eventually(
      () => caller.get<UsageReport>("/v1/usage"),
      (report) => report.data[0]?.gpu_ms === 4,
    );
    expect(data[0]).toMatchObject({ replies: 0, completion_tokens: 0, cost: { usd: 0 } });
    expect(await caller.get("/v1/budget")).toMatchObject({ spent_usd: 0, reserved_usd: 0 });
  });

  it("meters the part of a stateless stream that its reader took", async () => {
    const caller = await newTenant();
    await caller.behave({ holdAfter: 5 });
    const response = await caller.post("/v1/chat/completions", {
      model: "fake-mini",
      messages: [{ role: "user", content: "one two three four five six seven eight nine ten" }],
      stream: true,
    });
    await readSome(response, (events) => events.length >= 3);
    const { data } = await eventually(
      () => caller.get<UsageReport>("/v1/usage"),
      (report) => report.data[0]?.replies === 1,
    );
    expect(data[0]?.completion_tokens).toBeGreaterThan(0);
    expect(data[0]?.completion_tokens).toBeLessThan(11);
    await eventually(
      () => caller.calls("/v1/generate"),
      ([call]) => call?.aborted === true,
    );
  });
});

describe("the spend cap", () => {
  it("is not overrun by a hundred concurrent reservations", async () => {
    const caller = await newTenant();
    await setCap(caller, 0.00001); // 10,000 nano-dollars: room for ten of the hundred
    const money = moneyIn(bindings, server(caller.tenantId), "north", (work) => void work);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, (_, i) => money.reserve(`${caller.tenantId}/${i}`, 1000)),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
    expect(await caller.get("/v1/budget")).toMatchObject({ reserved_usd: 0.00001 });
  });

  it("is not overrun by three hundred reservations of a dozen holders, while the account's object ends again and again", async () => {
    const caller = await newTenant();
    const { tenantId } = caller;
    await setCap(caller, 0.0001); // 100,000 nano-dollars: room for a hundred of the three hundred
    let isOver = false;
    const ending = (async () => {
      while (!isOver) {
        await runInDurableObject(accountStub(tenantId), (_, state) => state.abort("crash")).catch(
          () => {},
        );
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
    })();
    const claim = async (i: number) => {
      const money = moneyIn(bindings, server(tenantId), `region-${i % 12}`, (work) => void work);
      for (let attempt = 0; ; attempt++) {
        try {
          await money.reserve(`${tenantId}/${i}`, 1000);
          return true;
        } catch (error) {
          // A caller that lost the account in the middle of a call repeats it; the same event is reserved once.
          if ((error as { code?: string }).code === "budget_exceeded" || attempt > 50) return false;
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
      }
    };
    const claimed = await Promise.all(Array.from({ length: 300 }, (_, i) => claim(i)));
    isOver = true;
    await ending;
    const granted = claimed.filter((one) => one).length;
    expect(granted).toBeGreaterThan(50);
    expect(granted).toBeLessThanOrEqual(100);
    const [{ leased } = { leased: 0 }] = await accountRows<{ leased: number }>(
      tenantId,
      "SELECT sum(granted_nanos - settled_nanos) AS leased FROM leases",
    );
    expect(leased).toBeGreaterThanOrEqual(granted * 1000);
    expect(leased).toBeLessThanOrEqual(100_000);
  });

  it("is not overrun by concurrent calls, and what fits is answered", async () => {
    const caller = await newTenant();
    await setCap(caller, 0.0005); // a call reserves about 0.0001: 256 tokens of reply
    const statuses = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const response = await caller.post("/v1/chat/completions", {
          model: "fake-mini",
          messages: [{ role: "user", content: `hello ${i}` }],
        });
        return response.status;
      }),
    );
    expect(new Set(statuses)).toEqual(new Set([200, 402]));
    const { spent_usd, reserved_usd } = await caller.get<BudgetBody>("/v1/budget");
    expect(spent_usd).toBeGreaterThan(0);
    expect(spent_usd).toBeLessThanOrEqual(0.0005);
    expect(reserved_usd).toBe(0);
  });

  it("stops turns before they are stored, and updates with a reason", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hello");
    await eventually(
      () => caller.get<BudgetBody>("/v1/budget"),
      ({ spent_usd }) => spent_usd > 0,
    );
    await setCap(caller, 0.0002); // enough for a reply, not for an update
    const result = await judge(caller, id, turn.id, {
      reward: -1,
      correction: "hello",
      retry: true,
    });
    expect(result.weights).toMatchObject({ decision: "skipped" });
    expect(result.weights.reason).toContain("cap");
    expect(result.turn?.status).toBe("completed");
    await setCap(caller, 0);
    const refused = await caller.post(`/v1/sessions/${id}/turns`, { content: "more" });
    expect(refused.status).toBe(402);
    expect(await refused.json()).toMatchObject({
      error: { type: "billing_error", code: "budget_exceeded" },
    });
    const stream = await caller.post("/v1/chat/completions", {
      model: "fake-mini",
      messages: [{ role: "user", content: "hi" }],
      stream: true,
    });
    expect(stream.status).toBe(402);
    expect((await caller.get<SessionDetail>(`/v1/sessions/${id}`)).turns).toHaveLength(2);
    await setCap(caller, null);
    expect((await ask(caller, id, "more")).status).toBe("completed");
  });

  it("frees the reservation of a holder that died", async () => {
    const caller = await newTenant();
    await setCap(caller, 0.00001);
    const claim = (holder: string) =>
      moneyIn(bindings, server(caller.tenantId), holder, (work) => void work).reserve(
        holder,
        10_000,
      );
    await claim("dead");
    await accountRows(caller.tenantId, "UPDATE leases SET expires_at = 1");
    await claim("alive");
    await expect(claim("third")).rejects.toMatchObject({ code: "budget_exceeded" });
  });

  it("tells the cost in the last event of every stream", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const events = await readEvents(
      await caller.post(`/v1/sessions/${id}/turns`, { content: "hello", stream: true }),
    );
    expect(events.at(-1)?.data.cost.usd).toBeGreaterThan(0);
    const chunks = await readEvents(
      await caller.post("/v1/chat/completions", {
        model: "fake-mini",
        messages: [{ role: "user", content: "hi" }],
        stream: true,
      }),
    );
    expect(chunks.at(-2)?.data.rosa2.cost.usd).toBeGreaterThan(0);
  });
});
