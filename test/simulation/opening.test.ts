/** A session whose object ends while it is opened: the alarm takes back what the account has of it. */
import { listDurableObjectIds, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import type { BudgetBody, SessionDetail } from "../../edge/src/contract/index.ts";
import { ask, bindings, type Caller, newTenant, openSession } from "../edge/support/client.ts";
import { watchSteps } from "./support/steps.ts";

const watch = watchSteps();

/** Whether the object stores anything; an alarm counts. */
function keepsAnything(id: DurableObjectId): Promise<boolean> {
  return runInDurableObject(bindings.SESSIONS.get(id), async (_, { storage }) => {
    const tables = storage.sql.exec("SELECT name FROM sqlite_master").toArray();
    return (await storage.list()).size > 0 || tables.some(({ name }) => name === "session");
  });
}

/** Makes a call that opens a session, ends the new object at a step of it, and lets its alarm ring. */
async function openAndEnd(
  caller: Caller,
  call: () => Promise<Response>,
  step: string,
  when: "before" | "after",
): Promise<DurableObjectId> {
  const before = (await listDurableObjectIds(bindings.SESSIONS)).map(String);
  const steps = watch.of(caller.tenantId);
  steps.hold(({ name }) => name === step, when);
  const answering = call();
  await expect.poll(() => steps.held).toBe(`${when} ${step}`);
  const after = await listDurableObjectIds(bindings.SESSIONS);
  const [id, ...others] = after.filter((one) => !before.includes(String(one)));
  if (id === undefined || others.length > 0) throw new Error(`${others.length} other sessions`);
  await runInDurableObject(bindings.SESSIONS.get(id), (_, state) => {
    state.abort("crash");
  }).catch(() => {});
  expect((await answering).status).toBe(503);
  watch.leave(steps);
  expect(await runDurableObjectAlarm(bindings.SESSIONS.get(id))).toBe(true);
  return id;
}

it.each([
  ["before", "enter session"],
  ["after", "enter session"],
] as const)("leaves nothing where it ends %s it can %s", async (when, step) => {
  const caller = await newTenant();
  const id = await openAndEnd(caller, () => caller.post("/v1/sessions", {}), step, when);
  expect(await keepsAnything(id)).toBe(false);
  expect((await caller.get<{ data: unknown[] }>("/v1/sessions")).data).toEqual([]);
  expect(await caller.get<BudgetBody>("/v1/budget")).toMatchObject({ reserved_usd: 0 });
});

it.each([
  ["before", "enter session"],
  ["after", "enter session"],
  ["before", "share adapters"],
  ["after", "share adapters"],
] as const)(
  "leaves nothing of a fork that ends %s it can %s, and all of its origin",
  async (when, step) => {
    const caller = await newTenant();
    const origin = await openSession(caller);
    await ask(caller, origin.id, "hello");
    const fork = () => caller.post(`/v1/sessions/${origin.id}/fork`, {});
    const id = await openAndEnd(caller, fork, step, when);
    expect(await keepsAnything(id)).toBe(false);
    const { data } = await caller.get<{ data: SessionDetail[] }>("/v1/sessions");
    expect(data.map((one) => one.id)).toEqual([origin.id]);
    expect(await caller.get<BudgetBody>("/v1/budget")).toMatchObject({ reserved_usd: 0 });
    expect((await ask(caller, origin.id, "hello again")).status).toBe("completed");
  },
);
