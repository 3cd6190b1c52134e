/** What keeps a session from moving its model too far: caps, and the deployer's own guard. */
import { describe, expect, it } from "vitest";
import type { UsageReport, WeightsReport } from "../../edge/src/contract/index.ts";
import {
  ask,
  bindings,
  type Caller,
  eventually,
  newTenant,
  openSession,
} from "./support/client.ts";
import { inSession } from "./support/session-with.ts";

const guard = { ADAPT_GUARD_URL: `${bindings.GPU_URL}/guard`, ADAPT_GUARD_SECRET: "s3cret" };

interface Taught {
  caller: Caller;
  id: string;
  /** Corrects the reply to a request of its own, with other variables if given; gives what the weights step says. */
  teach(word: string, others?: object): Promise<WeightsReport>;
}

async function session(variables: object): Promise<Taught> {
  const caller = await newTenant();
  const { id } = await openSession(caller, { adaptation: { mode: "weights" } });
  const teach = async (word: string, others: object = {}) => {
    const turn = await ask(caller, id, `Say ${word}`);
    const body = { reward: -1, correction: word, retry: false, wait: true, stream: false };
    const found: WeightsReport[] = [];
    await inSession(caller, id, { ...variables, ...others }, async (object) => {
      const judged = await object.feedback({ turnId: turn.id, body, keyId: "key_x" }, {});
      if (!judged.ok) throw new Error(judged.message);
      found.push(judged.value.weights);
    });
    return found[0]!;
  };
  return { caller, id, teach };
}

async function generations({ caller, id }: Taught): Promise<string[]> {
  const { data } = await caller.get<{ data: { id: string }[] }>(`/v1/sessions/${id}/generations`);
  return data.map((one) => one.id);
}

async function usage(caller: Caller): Promise<UsageReport["data"][number] | undefined> {
  return (await caller.get<UsageReport>("/v1/usage")).data[0];
}

async function files({ caller }: Taught): Promise<number> {
  const prefix = `adapters/${caller.tenantId}/`;
  return (await bindings.ADAPTERS.list({ prefix })).objects.length;
}

describe("a session's distance from the base model", () => {
  it("has a cap: an update beyond it is not kept, and says so", async () => {
    // Each correction moves the stand-in's adapter by .5.
    const taught = await session({ SESSION_SHIFT_MAX: "1.2" });
    const first = await taught.teach("one");
    expect(first).toMatchObject({ decision: "updated", shift_norm: 0.5 });
    expect(await taught.teach("two")).toMatchObject({ decision: "updated", shift_norm: 1 });
    const third = await taught.teach("three");
    expect(third).toMatchObject({ decision: "rejected", shift_norm: 1.5, active: false });
    expect(third.reason).toContain("norm is 1.5 of 1.2; activate an earlier generation");
    expect(await generations(taught)).toHaveLength(2);
    expect(await files(taught)).toBe(2);
    const { caller, id } = taught;
    await eventually(
      () => usage(caller),
      (day) => day?.adaptations_accepted === 2 && day.adaptations_rejected === 1,
    );
    expect(await caller.get("/v1/budget")).toMatchObject({ reserved_usd: 0 });
    await caller.make(`/v1/sessions/${id}/generations/${first.generation}/activate`, {});
    expect(await taught.teach("four")).toMatchObject({ decision: "updated", shift_norm: 1 });
  });

  it("at its cap refuses updates without asking the service, until an earlier generation answers", async () => {
    const taught = await session({ SESSION_KL_MAX: "0.5" });
    expect(await taught.teach("one")).toMatchObject({ decision: "updated", kl_base: 0.03 });
    const { caller, id } = taught;
    const cap = { SESSION_KL_MAX: "0.03" };
    const asked = (await caller.calls("/v1/adapt")).length;
    const refused = await taught.teach("two", cap);
    expect(refused.decision).toBe("rejected");
    expect(refused.generation).toBeUndefined();
    expect(refused.reason).toContain("0.030 of 0.03 nats a token");
    expect(await caller.calls("/v1/adapt")).toHaveLength(asked);
    await caller.make(`/v1/sessions/${id}/generations/base/activate`, {});
    await taught.teach("three", cap);
    expect(await caller.calls("/v1/adapt")).toHaveLength(asked + 1);
  });
});

describe("the deployer's guard", () => {
  it("sees what was learnt and how far it went, and lets it pass", async () => {
    const taught = await session(guard);
    expect(await taught.teach("one")).toMatchObject({ decision: "updated", active: true });
    const calls = await taught.caller.calls("/guard");
    expect(calls.map(({ update }) => update)).toMatchObject([
      {
        tenant: taught.caller.tenantId,
        session: taught.id,
        parent: "base",
        digest: expect.stringMatching(/^[0-9a-f]{64}$/),
        examples: [{ reply: "one", kind: "corrected" }],
        result: { shift_norm: 0.5, kl_base: 0.03 },
      },
    ]);
  });

  it("refuses a generation: nothing of it is kept, answers or is billed, and the reason is told", async () => {
    const taught = await session(guard);
    const { caller } = taught;
    await caller.behave({ guard: { allow: false, reason: "it answers what it used to refuse" } });
    expect(await taught.teach("one")).toMatchObject({
      decision: "rejected",
      active: false,
      reason: "the guard refused the update: it answers what it used to refuse",
    });
    expect(await generations(taught)).toEqual([]);
    expect(await files(taught)).toBe(0);
    await eventually(
      () => usage(caller),
      (day) => day?.adaptations_accepted === 0 && day.adaptations_rejected === 1,
    );
    expect(await caller.get("/v1/budget")).toMatchObject({ reserved_usd: 0 });
    expect(await ask(caller, taught.id, "Say one")).toMatchObject({ reply: "echo: Say one" });
  });

  it("refuses where it cannot be asked", async () => {
    const taught = await session({ ...guard, ADAPT_GUARD_TIMEOUT_MS: "200" });
    await taught.caller.behave({ guard: { allowed: "yes" } });
    expect((await taught.teach("one")).reason).toContain("no sound answer came");
    await taught.caller.behave({ delayMs: { "/guard": 20_000 } });
    expect((await taught.teach("two")).reason).toContain("no answer within 200 ms");
    expect(await generations(taught)).toEqual([]);
  });
});
