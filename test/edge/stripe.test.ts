import { describe, expect, it } from "vitest";
import { reportToStripe } from "../../edge/src/accounts/stripe.ts";
import { recordUsage } from "../../edge/src/accounts/usage.ts";
import { configOf } from "../../edge/src/config.ts";
import type { UsageReport } from "../../edge/src/contract/index.ts";
import type { MeterEvent, StripeTrouble } from "../support/fake-stripe-events.ts";
import { ask, bindings, eventually, newTenant, openSession } from "./support/client.ts";

const { stripe } = configOf(bindings);
if (stripe === null) throw new Error("The tests' configuration names no Stripe");

const report = (now = Date.now()) => reportToStripe(bindings.DB, stripe, now);

async function billedTenant() {
  const caller = await newTenant();
  const customer = `cus_${caller.tenantId}`;
  await bindings.DB.prepare("UPDATE tenants SET stripe_customer = ?2 WHERE id = ?1")
    .bind(caller.tenantId, customer)
    .run();
  return {
    ...caller,
    events: async () =>
      (await (await fetch(`${stripe?.url}/__events?customer=${customer}`)).json()) as MeterEvent[],
    trouble: (kind: StripeTrouble) =>
      fetch(`${stripe?.url}/__trouble?customer=${customer}`, { method: "POST", body: kind }),
    queued: async () =>
      (
        await bindings.DB.prepare(
          "SELECT o.* FROM stripe_outbox o JOIN usage_events e ON e.event_id = o.event_id WHERE e.tenant_id = ?1",
        )
          .bind(caller.tenantId)
          .all<{ attempts: number; due_at: number; failure: string | null }>()
      ).results,
    meter: (id: string, costNanos = 700, at = Date.now()) =>
      recordUsage(bindings.DB, {
        eventId: `${caller.tenantId}/${id}`,
        tenantId: caller.tenantId,
        keyId: null,
        sessionId: null,
        kind: "reply",
        at,
        costNanos,
      }),
  };
}

describe("reports to Stripe", () => {
  it("add up to what the ledger says, each event once", async () => {
    const tenant = await billedTenant();
    const { id } = await openSession(tenant);
    await ask(tenant, id, "Say hello");
    await ask(tenant, id, "Say more");
    const usage = await eventually(
      () => tenant.get<UsageReport>("/v1/usage"),
      ({ data }) => data[0]?.replies === 2,
    );
    await Promise.all([report(), report()]);
    await report();
    const events = await tenant.events();
    expect(events).toHaveLength(2);
    expect(events.every((event) => event.event_name === "rosa2_nano_usd")).toBe(true);
    const sum = events.reduce((total, { value }) => total + value, 0);
    expect(sum / 1e9).toBeCloseTo(usage.data[0]?.cost.usd ?? 0, 12);
    expect(await tenant.queued()).toEqual([]);
  });

  it("are queued once however often an event is delivered, before and after it was sent", async () => {
    const tenant = await billedTenant();
    await Promise.all([tenant.meter("e"), tenant.meter("e")]);
    expect(await tenant.queued()).toHaveLength(1);
    await report();
    await tenant.meter("e");
    expect(await tenant.queued()).toEqual([]);
  });

  it("wait while Stripe is down, and say why", async () => {
    const tenant = await billedTenant();
    await tenant.trouble("down");
    await tenant.meter("e");
    const now = Date.now();
    await report(now);
    const [row] = await tenant.queued();
    expect(row).toMatchObject({ attempts: 1, due_at: now + 2_000 });
    expect(row?.failure).toContain("try later");
    await tenant.trouble("none");
    await report(now + 1_000);
    expect(await tenant.events()).toEqual([]);
    await report(now + 2_000);
    expect(await tenant.events()).toMatchObject([{ value: 700 }]);
    expect(await tenant.queued()).toEqual([]);
  });

  it("bill once when Stripe took an event and its answer was lost", async () => {
    const tenant = await billedTenant();
    await tenant.trouble("lost");
    await tenant.meter("e");
    await report();
    expect(await tenant.queued()).toMatchObject([{ attempts: 1 }]);
    await tenant.trouble("none");
    await report(Date.now() + 10_000);
    expect(await tenant.queued()).toEqual([]);
    expect(await tenant.events()).toHaveLength(1);
  });

  it("leave out tenants without a customer, and what costs nothing", async () => {
    const plain = await newTenant();
    const { id } = await openSession(plain);
    await ask(plain, id, "hello");
    const tenant = await billedTenant();
    await tenant.meter("free", 0);
    expect(await tenant.queued()).toEqual([]);
    const foreign = await bindings.DB.prepare(
      "SELECT count(*) AS n FROM stripe_outbox o JOIN usage_events e ON e.event_id = o.event_id WHERE e.tenant_id = ?1",
    )
      .bind(plain.tenantId)
      .first<number>("n");
    expect(foreign).toBe(0);
  });

  it("keep what is too old for Stripe as a record, without trying", async () => {
    const tenant = await billedTenant();
    await tenant.meter("old", 700, Date.now() - 40 * 24 * 3_600_000);
    await report();
    expect(await tenant.queued()).toMatchObject([{ attempts: 0 }]);
    expect(await tenant.events()).toEqual([]);
  });
});
