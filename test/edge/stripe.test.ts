import { describe, expect, it } from "vitest";
import { record } from "../../edge/src/accounts/object/ledger.ts";
import { reportToStripe } from "../../edge/src/accounts/object/stripe.ts";
import { configOf } from "../../edge/src/config.ts";
import type { UsageReport } from "../../edge/src/contract/index.ts";
import type { MeterEvent, StripeTrouble } from "../support/fake-stripe-events.ts";
import { accountRows, inAccount } from "./support/account.ts";
import { ask, bindings, eventually, newTenant, openSession } from "./support/client.ts";

const { stripe: configured } = configOf(bindings);
if (configured === null) throw new Error("The tests' configuration names no Stripe");
const stripe = configured;

async function billedTenant() {
  const caller = await newTenant();
  const customer = `cus_${caller.tenantId}`;
  /** A holder numbers its events. */
  const numbered: string[] = [];
  await bindings.DB.prepare("UPDATE tenants SET stripe_customer = ?2 WHERE id = ?1")
    .bind(caller.tenantId, customer)
    .run();
  return {
    ...caller,
    events: async () =>
      (await (await fetch(`${stripe.url}/__events?customer=${customer}`)).json()) as MeterEvent[],
    trouble: (kind: StripeTrouble) =>
      fetch(`${stripe.url}/__trouble?customer=${customer}`, { method: "POST", body: kind }),
    report: (now = Date.now()) =>
      inAccount(caller.tenantId, (books) =>
        reportToStripe({ ...books, tenantId: caller.tenantId, now: () => now }, stripe),
      ),
    queued: () =>
      accountRows<{ attempts: number; due_at: number; failure: string | null }>(
        caller.tenantId,
        "SELECT * FROM stripe_outbox",
      ),
    meter: (id: string, costNanos = 700, at = Date.now()) =>
      inAccount(caller.tenantId, (books) => {
        if (!numbered.includes(id)) numbered.push(id);
        const { tenantId } = caller;
        const event = {
          eventId: `${tenantId}/${id}`,
          seq: numbered.indexOf(id) + 1,
          tenantId,
          keyId: null,
          sessionId: null,
          kind: "reply" as const,
          at,
          costNanos,
        };
        record(
          books,
          { holder: "far", owner: null, settledNanos: costNanos, events: [event] },
          customer,
        );
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
    await Promise.all([tenant.report(), tenant.report()]);
    await tenant.report();
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
    await tenant.report();
    await tenant.meter("e");
    expect(await tenant.queued()).toEqual([]);
  });

  it("wait while Stripe is down, and say why", async () => {
    const tenant = await billedTenant();
    await tenant.trouble("down");
    await tenant.meter("e");
    const now = Date.now();
    await tenant.report(now);
    const [row] = await tenant.queued();
    expect(row).toMatchObject({ attempts: 1, due_at: now + 2_000 });
    expect(row?.failure).toContain("try later");
    await tenant.trouble("none");
    await tenant.report(now + 1_000);
    expect(await tenant.events()).toEqual([]);
    await tenant.report(now + 2_000);
    expect(await tenant.events()).toMatchObject([{ value: 700 }]);
    expect(await tenant.queued()).toEqual([]);
  });

  it("bill once when Stripe took an event and its answer was lost", async () => {
    const tenant = await billedTenant();
    await tenant.trouble("lost");
    await tenant.meter("e");
    await tenant.report();
    expect(await tenant.queued()).toMatchObject([{ attempts: 1 }]);
    await tenant.trouble("none");
    await tenant.report(Date.now() + 10_000);
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
    await eventually(
      () => plain.get<UsageReport>("/v1/usage"),
      ({ data }) => data[0]?.replies === 1,
    );
    expect(await accountRows(plain.tenantId, "SELECT * FROM stripe_outbox")).toEqual([]);
  });

  it("keep what is too old for Stripe as a record, without trying", async () => {
    const tenant = await billedTenant();
    await tenant.meter("old", 700, Date.now() - 40 * 24 * 3_600_000);
    await tenant.report();
    expect(await tenant.queued()).toMatchObject([{ attempts: 0 }]);
    expect(await tenant.events()).toEqual([]);
  });
});
