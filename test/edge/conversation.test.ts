/** Sessions of chat clients: system message, history and side requests; and requests that are not kept. */
import { EventSource } from "eventsource";
import { describe, expect, it } from "vitest";
import type { SessionDetail } from "../../edge/src/contract/index.ts";
import {
  appWith,
  ask,
  bindings,
  type Caller,
  eventually,
  newTenant,
  openSession,
  readEvents,
} from "./support/client.ts";

const path = "/v1/chat/completions";

type Said = { role: string; content: string };
const user = (content: string): Said => ({ role: "user", content });
const system = (content: string): Said => ({ role: "system", content });
const assistant = (content: string): Said => ({ role: "assistant", content });

async function chat(caller: Caller, session: string, messages: Said[], extra: object = {}) {
  const body = { model: "fake-mini", messages, ...extra };
  return await caller.post(path, body, { "x-rosa2-session": session });
}

async function sent(caller: Caller) {
  return (await caller.calls("/v1/generate")).at(-1)?.messages;
}

describe("a system message", () => {
  it("becomes the instructions of a new session, and must stay the same", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const opening = [system("Be brief."), user("first")];
    expect((await chat(caller, id, opening)).status).toBe(200);
    expect(await sent(caller)).toEqual([system("Be brief."), user("first")]);
    expect(await caller.get(`/v1/sessions/${id}`)).toMatchObject({ instructions: "Be brief." });

    expect((await chat(caller, id, [system("Be brief."), user("second")])).status).toBe(200);
    expect((await chat(caller, id, [user("third")])).status).toBe(200);
    expect((await sent(caller))?.[0]).toEqual(system("Be brief."));

    const other = await chat(caller, id, [system("Be long."), user("fourth")]);
    expect(other.status).toBe(400);
    expect(await other.json()).toMatchObject({
      error: {
        code: "invalid_request",
        param: "messages",
        message: expect.stringMatching(/instructions/),
      },
    });
    const { turns } = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
    expect(turns.map(({ content }) => content)).toEqual(["first", "second", "third"]);
  });

  it("does not replace instructions that a session was opened with", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { instructions: "Answer in verse." });
    const response = await chat(caller, id, [
      { role: "developer", content: "Be brief." },
      user("x"),
    ]);
    expect(response.status).toBe(400);
    const same = [{ role: "developer", content: "Answer in verse." }, user("x")];
    expect((await chat(caller, id, same)).status).toBe(200);
  });
});

describe("earlier messages", () => {
  it("are compared with the history, and the answer says how they relate", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { adaptation: { context: "dialogue" } });
    const historyOf = async (messages: Said[], extra: object = {}) => {
      const response = await chat(caller, id, messages, extra);
      await response.text();
      return response.headers.get("x-rosa2-history");
    };
    expect(await historyOf([user("one")])).toBe("server");
    const first = [user("one"), assistant("echo: one")];
    expect(await historyOf([...first, user("two")], { stream: true })).toBe("matched");
    const second = [user("two"), assistant("echo: two")];
    expect(await historyOf([...first, ...second, user("three")])).toBe("matched");
    // A client that forgot the beginning still knows the latest part.
    const third = [user("three"), assistant("echo: three")];
    expect(await historyOf([...third, user("four")])).toBe("matched");
    expect(await historyOf([user("made up"), assistant("by me"), user("five")])).toBe("differs");
    expect(await sent(caller)).toEqual([
      ...first,
      ...second,
      ...third,
      user("four"),
      assistant("echo: four"),
      user("five"),
    ]);
  });
});

describe("what a model sees of a session", () => {
  it("is the dialogue, unless its checkpoint says that the request alone is better", async () => {
    const caller = await newTenant();
    const headers = {
      authorization: `Bearer ${caller.key}`,
      "content-type": "application/json",
    };
    const open = async (variables: object, body: object) => {
      const call = appWith({ ...variables });
      const response = await call("/v1/sessions", {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      });
      return (await response.json()) as SessionDetail;
    };
    const plain = { GPU_URL: `${bindings.GPU_URL}/dialogue` };
    expect(await open(plain, {})).toMatchObject({ mode: "both", context: "dialogue" });
    expect(await open({}, {})).toMatchObject({ mode: "both", context: "request" });
    expect(await open({}, { adaptation: { mode: "off" } })).toMatchObject({ context: "dialogue" });
    const session = await open(plain, {});
    await ask(caller, session.id, "What is the capital of France?");
    await ask(caller, session.id, "What did I ask first?");
    expect(await sent(caller)).toEqual([
      user("What is the capital of France?"),
      assistant("echo: What is the capital of France?"),
      user("What did I ask first?"),
    ]);
  });
});

describe("a dialogue that exceeds the model's window", () => {
  it("loses its older half until it fits, and the session goes on", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { adaptation: { mode: "weights" } });
    for (const content of ["one", "two", "three", "four", "five"]) await ask(caller, id, content);
    await caller.behave({ messagesMax: 4 });
    const turn = await ask(caller, id, "six");
    expect(turn).toMatchObject({ status: "completed", reply: "echo: six" });
    const left = [user("five"), assistant("echo: five"), user("six")];
    const calls = await caller.calls("/v1/generate");
    expect(calls.slice(-3).map(({ messages }) => messages.length)).toEqual([11, 5, 3]);
    expect(calls.at(-1)?.messages).toEqual(left);
    // What was learnt from the turn is about what the model saw.
    await caller.post(`/v1/sessions/${id}/turns/${turn.id}/feedback`, {
      reward: -1,
      correction: "6",
      wait: true,
    });
    const rows = (await caller.calls("/v1/score")).at(-1)?.messages ?? [];
    expect(rows.map(({ content }) => content)).not.toContain("four");
    // The next one is asked with all of the dialogue again.
    await ask(caller, id, "seven");
    const again = (await caller.calls("/v1/generate")).slice(-3);
    expect(again.map(({ messages }) => messages.length)).toEqual([13, 7, 3]);
  });

  it("is refused if the request alone does not fit", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { adaptation: { mode: "weights" } });
    await ask(caller, id, "one");
    await caller.behave({ messagesMax: 0 });
    const refused = await caller.post(`/v1/sessions/${id}/turns`, { content: "two" });
    expect(refused.status).toBe(400);
    const calls = await caller.calls("/v1/generate");
    expect(calls.slice(-2).map(({ messages }) => messages.length)).toEqual([3, 1]);
  });
});

describe("a turn that is refused before a token", () => {
  it("is not stored, its caller gets the reason, and its key stays free", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    await ask(caller, id, "first");
    const message = "Cannot fit 700 prompt tokens and 1 reply tokens: the context holds 512";
    const error = { status: 400, code: "context_length_exceeded", message };
    await caller.behave({ error: { "/v1/generate": error } });
    const turns = `/v1/sessions/${id}/turns`;
    const long = { content: "x ".repeat(1_000) };
    const refusals = [
      await caller.post(turns, long, { "idempotency-key": "k" }),
      await caller.post(
        path,
        { model: "fake-mini", messages: [user(long.content)] },
        { "x-rosa2-session": id },
      ),
      await chat(caller, id, [user(long.content)], { stream: true }),
    ];
    for (const response of refusals) {
      expect(response.status).toBe(400);
      expect(response.headers.get("x-rosa2-turn")).toBeNull();
      expect(await response.json()).toMatchObject({ error: { code: error.code, message } });
    }
    const events = await readEvents(await caller.post(turns, { ...long, stream: true }));
    expect(events.at(-1)).toMatchObject({ event: "error", data: { error: { code: error.code } } });
    const session = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
    expect(session.turns.map(({ content }) => content)).toEqual(["first"]);
    expect(session).toMatchObject({ turn_count: 1 });

    await caller.behave({});
    const retried = await caller.post(turns, long, { "idempotency-key": "k" });
    expect(retried.status).toBe(200);
  });
});

describe("events of a turn that is over", () => {
  it("are replayed, and a reader that has them all gets 204", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "one two");
    const events = `/v1/sessions/${id}/turns/${turn.id}/events`;
    const all = await readEvents(await caller.fetch(events));
    const last = String(all.at(-1)?.id);
    const done = await caller.fetch(events, { headers: { "last-event-id": last } });
    expect([done.status, await done.text()]).toEqual([204, ""]);
    expect((await caller.fetch(`${events}?after=${last}`)).status).toBe(204);
    const before = await caller.fetch(events, {
      headers: { "last-event-id": String(all.at(-2)?.id) },
    });
    expect(before.status).toBe(200);
    expect(await readEvents(before)).toHaveLength(1);
  });

  it("end an EventSource, which would ask again for ever", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "one two");
    let asked = 0;
    const source = new EventSource(`http://rosa2.test/v1/sessions/${id}/turns/${turn.id}/events`, {
      fetch: ((url: string, init: RequestInit) => {
        asked++;
        return caller.fetch(new URL(url, "http://rosa2.test").pathname, init);
      }) as never,
    } as never);
    const seen: string[] = [];
    for (const type of ["turn", "delta", "done"]) {
      source.addEventListener(type, () => seen.push(type));
    }
    await eventually(
      async () => source.readyState,
      (state) => state === EventSource.CLOSED,
    );
    expect([asked, seen.at(-1), seen.filter((type) => type === "done").length]).toEqual([
      2,
      "done",
      1,
    ]);
  });
});
