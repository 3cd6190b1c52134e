import { describe, expect, it } from "vitest";
import { countRequest, countUsage } from "../../edge/src/accounts/metrics.ts";
import { record } from "../../edge/src/accounts/object/ledger.ts";
import { inAccount } from "./support/account.ts";
import { appWith, bindings, newTenant } from "./support/client.ts";

describe("counters", () => {
  it("count requests by route and never tell an id, a key or content", async () => {
    const points: AnalyticsEngineDataPoint[] = [];
    const METRICS = {
      writeDataPoint: (point: AnalyticsEngineDataPoint) => void points.push(point),
    };
    const call = appWith({ METRICS });
    const caller = await newTenant();
    const headers = { authorization: `Bearer ${caller.key}`, "content-type": "application/json" };
    await call("/v1/sessions/ses_01KAQ2V7S3Z3XWJ0H1G8Y4T5RM", { headers });
    const body = JSON.stringify({
      model: "fake-mini",
      messages: [{ role: "user", content: "my secret" }],
    });
    await call("/v1/chat/completions", { method: "POST", headers, body });
    expect(points.map(({ indexes, blobs }) => [indexes, blobs])).toEqual([
      [[caller.tenantId], ["request", "GET", "/v1/sessions/:s", "404"]],
      [[caller.tenantId], ["request", "POST", "/v1/chat/completions", "200"]],
    ]);
    // The account counts usage: an event that comes twice counts once.
    const { tenantId } = caller;
    const event = { eventId: "e", tenantId, keyId: "key_1", sessionId: "ses_1", at: Date.now() };
    const reply = { ...event, kind: "reply" as const, completionTokens: 3, costNanos: 1 };
    await inAccount(tenantId, (books) => {
      const counting = { ...books, tenantId, env: { ...bindings, METRICS } };
      const told = { holder: "far", owner: null, settledNanos: 1, events: [{ ...reply, seq: 1 }] };
      for (const message of [told, told]) record(counting, message, null);
    });
    expect(points.slice(2).map(({ indexes, blobs }) => [indexes, blobs])).toEqual([
      [[tenantId], ["usage", "reply"]],
    ]);
    expect(points[2]?.doubles?.[2]).toBe(3);
    expect(JSON.stringify(points)).not.toMatch(/secret|rosa2_|ses_/);
  });

  it("are left out where nothing is bound", () => {
    const usage = {
      eventId: "e",
      tenantId: "t",
      keyId: null,
      sessionId: null,
      at: 0,
      costNanos: 0,
    };
    expect(() => {
      countRequest(bindings, { method: "GET", route: "/", status: 200, ms: 1 });
      countUsage(bindings, { ...usage, kind: "reply" });
    }).not.toThrow();
  });
});
