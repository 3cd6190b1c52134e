/** What is answered while everything that lives outside the caller's region (D1, the tenant's account) is away. */
import { afterEach, describe, expect, it } from "vitest";
import {
  ask,
  bindings,
  type Caller,
  eventually,
  newTenant,
  openSession,
  phoneOf,
  readEvents,
} from "./support/client.ts";

type Patchable = Record<string, (...args: unknown[]) => unknown>;
const database = Object.getPrototypeOf(bindings.DB) as Patchable;
const namespace = Object.getPrototypeOf(bindings.ACCOUNTS) as Patchable;
const { prepare, withSession } = database;
const { getByName } = namespace;

/** From here on D1 and every account fail at once; sessions and regions can be reached. */
function goAway(): void {
  database.prepare = database.withSession = () => {
    throw new Error("D1 is away");
  };
  namespace.getByName = function (this: unknown, ...args) {
    if (String(args[0]).includes("/")) return getByName?.apply(this, args);
    const away = () => Promise.reject(new Error("The account is away"));
    return new Proxy({}, { get: () => away });
  };
}

function comeBack(): void {
  if (prepare !== undefined) database.prepare = prepare;
  if (withSession !== undefined) database.withSession = withSession;
  if (getByName !== undefined) namespace.getByName = getByName;
}

afterEach(comeBack);

/** Reading the budget returns unreserved money, as happens at rest. */
async function untilNothingIsReserved(caller: Caller): Promise<void> {
  await eventually(
    () => caller.get<{ reserved_usd: number }>("/v1/budget"),
    ({ reserved_usd }) => reserved_usd === 0,
  );
}

const hello = { model: "fake-mini", messages: [{ role: "user", content: "hello" }] };

/** A caller whose key this isolate knows. */
async function knownCaller(): Promise<Caller> {
  const caller = await newTenant();
  await caller.get("/v1/models");
  return caller;
}

describe("while D1 and the account are away", () => {
  it("a session's first turn is answered, and so are later ones and those with an Idempotency-Key", async () => {
    const caller = await knownCaller();
    const { id } = await openSession(caller);
    goAway();
    expect((await ask(caller, id, "hello")).status).toBe("completed");
    const streamed = await caller.post(`/v1/sessions/${id}/turns`, { content: "b", stream: true });
    expect((await readEvents(streamed)).at(-1)?.event).toBe("done");
    const key = { "idempotency-key": "once" };
    const path = `/v1/sessions/${id}/turns`;
    const first = await caller.make<{ id: string }>(path, { content: "c" }, key);
    expect((await caller.make<{ id: string }>(path, { content: "c" }, key)).id).toBe(first.id);
  });

  it("a stateless chat in a region that has a lease is answered, whole and streamed", async () => {
    const caller = await knownCaller();
    await caller.make("/v1/chat/completions", hello);
    goAway();
    await caller.make("/v1/chat/completions", hello);
    const streamed = await caller.post("/v1/chat/completions", { ...hello, stream: true });
    expect((await readEvents(streamed)).at(-1)?.data).toBe("[DONE]");
  });

  it("a chat at rest with no lease is answered where there is no cap, and refused where there is one", async () => {
    const caller = await knownCaller();
    const { id } = await openSession(caller);
    const chat = () => caller.post("/v1/chat/completions", hello);
    await ask(caller, id, "hello");
    expect((await chat()).status).toBe(200);
    await untilNothingIsReserved(caller);
    goAway();
    expect((await ask(caller, id, "hello")).status).toBe("completed");
    expect((await chat()).status).toBe(200);
    comeBack();
    await caller.fetch("/v1/budget", {
      method: "PUT",
      body: JSON.stringify({ cap_usd: 1 }),
      headers: { "content-type": "application/json" },
    });
    await ask(caller, id, "hello");
    expect((await chat()).status).toBe(200);
    await untilNothingIsReserved(caller);
    goAway();
    const turn = await caller.post(`/v1/sessions/${id}/turns`, { content: "hello" });
    expect([turn.status, (await chat()).status]).toEqual([500, 500]);
  });

  it("a client token is accepted if it was never seen here, and if only its tenant is known", async () => {
    const server = await knownCaller();
    const first = await phoneOf(server, "ann");
    const { id } = await openSession(first);
    const [known, fresh] = [await phoneOf(server, "ann"), await phoneOf(server, "bob")];
    goAway();
    expect((await ask(known, id, "hello")).status).toBe("completed");
    expect((await fresh.fetch(`/v1/sessions/${id}`)).status).toBe(404);
  });

  it("metered events are reported once the account is back", async () => {
    const caller = await knownCaller();
    const { id } = await openSession(caller);
    goAway();
    await ask(caller, id, "hello");
    await new Promise((resolve) => setTimeout(resolve, 100));
    comeBack();
    const usage = await caller.get<{ data: { replies: number }[] }>("/v1/usage");
    expect(usage.data).toMatchObject([{ replies: 1 }]);
  });
});
