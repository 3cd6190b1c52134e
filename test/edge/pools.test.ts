/** GPU services in several regions: the nearest answers, the next when it cannot, and adapters follow. */
import { describe, expect, it } from "vitest";
import type { FeedbackResult, SessionDetail } from "../../edge/src/contract/index.ts";
import { nearestFirst } from "../../edge/src/gpu-client/pools.ts";
import { regionOfCaller } from "../../edge/src/regions.ts";
import { unwrap } from "../../edge/src/rpc.ts";
import type { Behaviour, Call } from "../support/fake-gpu-calls.ts";
import {
  appWith,
  ask,
  bindings,
  type Caller,
  eventually,
  judge,
  newTenant,
  openSession,
} from "./support/client.ts";
import { inSession } from "./support/session-with.ts";

let count = 0;

/** An edge with one service in western Europe and another in eastern North America; no isolate remembers a failure yet. */
function twoPools() {
  const name = `asleep/pools${++count}/0`;
  return {
    GPU_URL: `weur=${bindings.GPU_URL}/${name},enam=${String(bindings.GPU_ELSEWHERE)}/${name}`,
  };
}

function elsewhere(caller: Caller) {
  const control = (path: string, init?: RequestInit) =>
    fetch(`${String(bindings.GPU_ELSEWHERE)}${path}?tenant=${caller.tenantId}`, init);
  return {
    behave: (behaviour: Behaviour) =>
      control("/__behaviour", { method: "POST", body: JSON.stringify(behaviour) }),
    calls: async () => (await (await control("/__calls")).json()) as Call[],
  };
}

const down = { down: ["/v1/generate", "/v1/adapt", "/v1/score"] };

function chat(caller: Caller, variables: object, cf: object): Promise<Response> {
  return appWith({ ...variables })("/v1/chat/completions", {
    method: "POST",
    headers: { authorization: `Bearer ${caller.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "rosa2", messages: [{ role: "user", content: "hello" }] }),
    cf,
  } as RequestInit);
}

const newYork = { latitude: "40.7", longitude: "-74.0", continent: "NA" };
const paris = { latitude: "48.9", longitude: "2.3", continent: "EU" };

describe("where a caller is", () => {
  it.each([
    [newYork, "enam"],
    [paris, "weur"],
    [{ latitude: "37.8", longitude: "-122.4" }, "wnam"],
    [{ latitude: "35.7", longitude: "139.7" }, "apac"],
    [{ latitude: "-36.8", longitude: "174.8" }, "oc"],
    [{ latitude: "30.0", longitude: "31.2" }, "me"],
    [{ latitude: "6.5", longitude: "3.4" }, "afr"],
    [{ continent: "AF" }, "afr"],
    [{ continent: "AN" }, null],
    [undefined, null],
  ])("follows from what the platform knows: %j", (cf, region) => {
    expect(regionOfCaller(cf)).toBe(region);
  });

  it("puts the nearest service first, and those without a region last", () => {
    const pools = [
      { region: null, url: "anywhere" },
      { region: "apac", url: "asia" },
      { region: "enam", url: "virginia" },
      { region: "wnam", url: "california" },
    ] as const;
    const from = (region: "weur" | "oc" | null) =>
      nearestFirst(pools, region).map(({ url }) => url);
    expect(from("weur")).toEqual(["virginia", "california", "asia", "anywhere"]);
    expect(from("oc")).toEqual(["asia", "california", "virginia", "anywhere"]);
    expect(from(null)).toEqual(["anywhere", "asia", "virginia", "california"]);
  });
});

describe("a stateless chat", () => {
  it("is answered by the service nearest to its caller", async () => {
    const caller = await newTenant();
    const variables = twoPools();
    expect((await chat(caller, variables, paris)).status).toBe(200);
    expect(await caller.calls()).toHaveLength(1);
    expect((await chat(caller, variables, newYork)).status).toBe(200);
    expect(await elsewhere(caller).calls()).toHaveLength(1);
  });

  it("is answered by the next where the nearest is away, refuses, is full or breaks off before a token", async () => {
    const full = { status: 429, code: "queue_full", message: "full" };
    const draining = { status: 503, code: "shutting_down", message: "draining" };
    for (const failure of [
      { down: ["/v1/generate"] },
      { error: { "/v1/generate": full } },
      { error: { "/v1/generate": draining } },
      { breakAfter: 0 },
    ]) {
      const caller = await newTenant();
      await caller.behave(failure);
      const answer = await chat(caller, twoPools(), paris);
      expect(answer.status).toBe(200);
      expect(await elsewhere(caller).calls()).toHaveLength(1);
    }
  });

  it("gets the nearest service's failure where no other answers either", async () => {
    const caller = await newTenant();
    await caller.behave({
      error: {
        "/v1/generate": { status: 429, code: "queue_full", message: "the near one is full" },
      },
    });
    await elsewhere(caller).behave(down);
    const answer = await chat(caller, twoPools(), paris);
    expect(answer.status).toBe(429);
    expect(await answer.text()).toContain("the near one is full");
  });

  it("is not sent elsewhere for a fault of its own", async () => {
    const caller = await newTenant();
    const refusal = { status: 400, code: "context_length_exceeded", message: "too long" };
    await caller.behave({ error: { "/v1/generate": refusal } });
    expect((await chat(caller, twoPools(), paris)).status).toBe(400);
    expect(await elsewhere(caller).calls()).toHaveLength(0);
  });

  it("passes over a service that failed, until its health says that it is back", async () => {
    const caller = await newTenant();
    const variables = twoPools();
    await caller.behave(down);
    await chat(caller, variables, paris);
    const tries = (await caller.calls()).length;
    await chat(caller, variables, paris);
    expect((await caller.calls()).length).toBe(tries);
    await caller.behave({});
    await eventually(
      async () => {
        await chat(caller, variables, paris);
        return (await caller.calls()).length;
      },
      (calls) => calls > tries,
    );
  });
});

describe("a session", () => {
  it("says where it was opened for, and hands it on to its forks", async () => {
    const caller = await newTenant();
    const opened = await openSession(caller, { region: "enam" });
    expect(opened.region).toBe("enam");
    const fork = await caller.make<SessionDetail>(`/v1/sessions/${opened.id}/fork`, {});
    expect(fork.region).toBe("enam");
    expect((await openSession(caller)).region).toBeNull();
    const refused = await caller.post("/v1/sessions", { region: "mars" });
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain("wnam");
  });

  it("stays with the service nearest to its region, wherever its callers are", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { region: "enam" });
    await inSession(caller, id, twoPools(), async (object) => {
      for (const content of ["one", "two"]) {
        await unwrap(object.turn({ content, sampling: {}, keyId: "key_test" }, {}));
      }
    });
    expect(await elsewhere(caller).calls()).toHaveLength(2);
    expect(await caller.calls()).toHaveLength(0);
  });

  it("goes on at the next one with what it has learnt", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { region: "weur", adaptation: { mode: "weights" } });
    const turn = await ask(caller, id, "hello");
    await judge(caller, id, turn.id, {
      ...{ reward: -1, correction: "good day", retry: true },
    });
    await caller.behave(down);
    await inSession(caller, id, twoPools(), async (object) => {
      const input = { content: "hello", sampling: {}, keyId: "key_test" };
      expect((await unwrap(object.turn(input, {}))).reply).toBe("good day");
    });
    const calls = await elsewhere(caller).calls();
    expect(calls.map(({ status, hasBytes }) => ({ status, hasBytes }))).toEqual([
      { status: 409, hasBytes: false },
      { status: 200, hasBytes: true },
    ]);
  });

  it("learns at the next one, and what it learnt there answers at the nearest again", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { region: "weur", adaptation: { mode: "weights" } });
    const turn = await ask(caller, id, "hello");
    await caller.behave(down);
    await inSession(caller, id, twoPools(), async (object) => {
      const body = { reward: -1, correction: "good day", retry: true, stream: false };
      const input = { turnId: turn.id, keyId: "key_test", body };
      const answer = await unwrap<FeedbackResult>(object.feedback(input, {}));
      expect(answer.weights.decision).toBe("updated");
    });
    await caller.behave({});
    expect((await ask(caller, id, "hello")).reply).toBe("good day");
  });
});

it("health tells of every service, the nearest to the caller first", async () => {
  const variables = { GPU_URL: `weur=http://127.0.0.1:9,enam=${bindings.GPU_URL}` };
  const answer = await appWith(variables)("/health", { cf: paris } as RequestInit);
  expect(await answer.json()).toMatchObject({
    status: "ok",
    gpu: { status: "ok" },
    pools: [
      { region: "weur", status: "unreachable" },
      { region: "enam", status: "ok" },
    ],
  });
});
