/** Stateless calls where there is no cap: nothing is set aside, each is billed once, and a first cap counts soon. */
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { BudgetBody, UsageReport } from "../../edge/src/contract/index.ts";
import { account } from "./support/account.ts";
import { bindings, type Caller, eventually, newTenant } from "./support/client.ts";

const hello = { model: "fake-mini", messages: [{ role: "user", content: "hello there" }] };
const chat = (caller: Caller) => caller.post("/v1/chat/completions", hello);

/** How many calls the purse holds money for. */
function heldCount({ tenantId }: Caller): Promise<number> {
  const { REGIONS } = bindings;
  const purse = REGIONS.get(REGIONS.idFromName(`${tenantId}/here`)) as DurableObjectStub;
  return runInDurableObject(purse, (_, { storage }) => {
    return Number(storage.sql.exec("SELECT count(*) AS n FROM holds").one().n);
  });
}

async function setCap(caller: Caller, capUsd: number | null): Promise<void> {
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ cap_usd: capUsd });
  const { status } = await caller.fetch("/v1/budget", { method: "PUT", headers, body });
  expect(status).toBe(200);
}

describe("a stateless call where there is surely no cap", () => {
  it("sets nothing aside, and is billed once", async () => {
    const caller = await newTenant();
    const cost = async (response: Response) =>
      ((await response.json()) as { rosa2: { cost: { usd: number } } }).rosa2.cost.usd;
    await caller.behave({ hold: ["/v1/generate"] });
    const first = chat(caller);
    await eventually(
      () => heldCount(caller),
      (count) => count === 1,
    );
    await caller.behave({});
    const usd = await cost(await first);
    await eventually(
      () => heldCount(caller),
      (count) => count === 0,
    );
    await caller.behave({ hold: ["/v1/generate"] });
    const second = chat(caller);
    // Long enough for money to be set aside, if any were.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await heldCount(caller)).toBe(0);
    await caller.behave({});
    const both = usd + (await cost(await second));
    const { data } = await eventually(
      () => caller.get<UsageReport>("/v1/usage"),
      ({ data }) => data[0]?.replies === 2,
    );
    expect(data[0]?.cost.usd).toBeCloseTo(both, 12);
    const { spent_usd, reserved_usd } = await caller.get<BudgetBody>("/v1/budget");
    expect(spent_usd).toBeCloseTo(both, 12);
    expect(reserved_usd).toBe(0);
  });

  it("is held to a first cap at once where it is set, elsewhere when a call has ended", async () => {
    const caller = await newTenant();
    for (let i = 0; i < 2; i++) expect((await chat(caller)).status).toBe(200);
    await setCap(caller, 0);
    expect((await chat(caller)).status).toBe(402);
    await setCap(caller, null);
    for (let i = 0; i < 2; i++) expect((await chat(caller)).status).toBe(200);
    // As another isolate sets it. The metered event of the next call is sent after its answer, and brings the report.
    await account(caller.tenantId).setCap(caller.tenantId, 0);
    await eventually(
      () => chat(caller),
      ({ status }) => status === 402,
    );
    const { data } = await caller.get<UsageReport>("/v1/usage");
    expect(data[0]?.replies).toBeLessThanOrEqual(6);
  });
});
