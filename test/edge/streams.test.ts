import { describe, expect, it } from "vitest";
import type { TurnBody } from "../../edge/src/contract/index.ts";
import { sseResponse } from "../../edge/src/http/sse.ts";
import { followLog } from "../../edge/src/session/store/event-log.ts";
import {
  ask,
  type Caller,
  eventually,
  judge,
  newTenant,
  openSession,
  readEvents,
  readSome,
  textOf,
} from "./support/client.ts";

const words = "one two three four five six seven eight";

async function streamOf(caller: Caller, sessionId: string, content = words) {
  const response = await caller.post(`/v1/sessions/${sessionId}/turns`, { content, stream: true });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  return { response, turnId: response.headers.get("x-rosa2-turn") ?? "" };
}

describe("a turn's stream", () => {
  it("tells the turn, its text and its end, with increasing ids", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const { response, turnId } = await streamOf(caller, id);
    const events = await readEvents(response);
    expect(events[0]).toMatchObject({
      event: "turn",
      data: { id: turnId, status: "running", prompt: words },
    });
    expect(events.slice(1, -1).every(({ event }) => event === "delta")).toBe(true);
    expect(textOf(events)).toBe(`echo: ${words}`);
    expect(events.at(-1)).toMatchObject({
      event: "done",
      data: { id: turnId, status: "completed", reply: `echo: ${words}`, finish_reason: "stop" },
    });
    expect(events.at(-1)?.data.cost.usd).toBeGreaterThan(0);
    const ids = events.map((event) => event.id ?? 0);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("hands each piece of text on as the GPU service has encoded it", async () => {
    const caller = await newTenant();
    const content = "sooner and/or later";
    const { id } = await openSession(caller);
    const { response, turnId } = await streamOf(caller, id, content);
    const live = await response.text();
    const replay = await (await caller.fetch(`/v1/sessions/${id}/turns/${turnId}/events`)).text();
    const chat = (headers: Record<string, string>) =>
      caller
        .post(
          "/v1/chat/completions",
          { model: "fake-mini", messages: [{ role: "user", content }], stream: true },
          headers,
        )
        .then((answer) => answer.text());
    expect(live).toContain('{"text":"and\\/or "}');
    expect(replay).toContain('{"text":"and\\/or "}');
    expect(await chat({})).toContain('"delta":{"content":"and\\/or "}');
    expect(await chat({ "x-rosa2-session": id })).toContain('"delta":{"content":"and\\/or "}');
  });

  it("resumes after every event without gap or repetition", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const { response, turnId } = await streamOf(caller, id);
    const all = await readEvents(response);
    for (let seen = 0; seen <= all.length; seen++) {
      const last = all[seen - 1]?.id;
      const resumed = await caller.fetch(`/v1/sessions/${id}/turns/${turnId}/events`, {
        headers: last == null ? {} : { "last-event-id": String(last) },
      });
      expect(await readEvents(resumed)).toEqual(all.slice(seen));
    }
  });

  it("can be joined at every number while it is being written", async () => {
    const caller = await newTenant();
    await caller.behave({ deltaMs: 30 });
    const { id } = await openSession(caller);
    const { response, turnId } = await streamOf(caller, id);
    const path = `/v1/sessions/${id}/turns/${turnId}/events`;
    const followers: Promise<Awaited<ReturnType<typeof readEvents>>>[] = [];
    const all: Awaited<ReturnType<typeof readEvents>> = [];
    const source = await caller.fetch(path);
    // With each event that arrives another client joins right behind it.
    await readSome(source, (events) => {
      for (const event of events.slice(all.length)) {
        all.push(event);
        const headers = { "last-event-id": String(event.id) };
        followers.push(caller.fetch(path, { headers }).then(readEvents));
      }
      return events.at(-1)?.event === "done";
    });
    expect(all.length).toBeGreaterThan(8);
    for (const [index, rest] of (await Promise.all(followers)).entries()) {
      expect(rest).toEqual(all.slice(index + 1));
    }
    expect(await readEvents(response)).toEqual(all);
  });

  it("shows signs of life while nothing is written", async () => {
    const silent = { version: 0, read: () => [], changed: () => new Promise<void>(() => {}) };
    let looks = 0;
    const settled = () => ++looks > 4;
    const log = followLog(silent, () => [], 0, settled, { heartbeatMs: 20 });
    // Comments, which keep a connection open and which no client shows.
    expect(await sseResponse(log).text()).toBe(": ping\n\n".repeat(4));
  });

  it("goes on when its client vanishes, and a second client picks it up live", async () => {
    const caller = await newTenant();
    await caller.behave({ holdAfter: 3 });
    const { id } = await openSession(caller);
    const { response, turnId } = await streamOf(caller, id);
    const before = await readSome(response, (events) => events.length >= 3);
    const last = before.at(-1)?.id;
    const resumed = await caller.fetch(`/v1/sessions/${id}/turns/${turnId}/events`, {
      headers: { "last-event-id": String(last) },
    });
    await caller.behave({});
    const after = await readEvents(resumed);
    expect(textOf([...before, ...after])).toBe(`echo: ${words}`);
    const ids = [...before, ...after].map((event) => event.id);
    expect(new Set(ids).size).toBe(ids.length);
    const [call] = await caller.calls("/v1/generate");
    expect(call).toMatchObject({ aborted: false, status: 200 });
  });

  it("lets two clients follow one turn", async () => {
    const caller = await newTenant();
    await caller.behave({ deltaMs: 20 });
    const { id } = await openSession(caller);
    const { response, turnId } = await streamOf(caller, id);
    const path = `/v1/sessions/${id}/turns/${turnId}/events`;
    const [a, b, c] = await Promise.all([
      readEvents(response),
      caller.fetch(path).then(readEvents),
      caller.fetch(`${path}?after=0`).then(readEvents),
    ]);
    expect(b).toEqual(a);
    expect(c).toEqual(a);
  });

  it("ends the generation on the GPU at a stop and keeps the partial reply", async () => {
    const caller = await newTenant();
    await caller.behave({ holdAfter: 4 });
    const { id } = await openSession(caller);
    const { response, turnId } = await streamOf(caller, id);
    const rest = readEvents(response);
    await eventually(
      () => caller.fetch(`/v1/sessions/${id}/turns/${turnId}/events?after=2`),
      (found) => found.ok,
    ).then((found) => readSome(found, (events) => events.length >= 1));
    const stopped = await caller.make<TurnBody>(`/v1/sessions/${id}/turns/${turnId}/stop`, {});
    expect(stopped).toMatchObject({ status: "stopped", finish_reason: "stopped" });
    expect(stopped.reply.length).toBeGreaterThan(0);
    expect(`echo: ${words}`.startsWith(stopped.reply)).toBe(true);
    expect(stopped.reply).not.toBe(`echo: ${words}`);
    const events = await rest;
    expect(textOf(events)).toBe(stopped.reply);
    await eventually(
      () => caller.calls("/v1/generate"),
      ([call]) => call?.aborted === true,
    );
    // Stopping twice is fine, and the session goes on.
    await caller.make(`/v1/sessions/${id}/turns/${turnId}/stop`, {});
    await caller.behave({});
    expect(await ask(caller, id, "hello")).toMatchObject({ reply: "echo: hello" });
  });

  it("refuses a second request while the first is being answered", async () => {
    const caller = await newTenant();
    await caller.behave({ holdAfter: 1 });
    const { id } = await openSession(caller);
    const { response } = await streamOf(caller, id);
    const second = await caller.post(`/v1/sessions/${id}/turns`, { content: "me too" });
    expect(second.status).toBe(409);
    await caller.behave({});
    await readEvents(response);
  });

  it("tells a failure in the stream, and the turn can be run again", async () => {
    const caller = await newTenant();
    await caller.behave({ breakAfter: 3 });
    const { id } = await openSession(caller);
    const { response, turnId } = await streamOf(caller, id);
    const events = await readEvents(response);
    expect(events.at(-1)).toMatchObject({
      event: "error",
      data: { error: { code: "gpu_unavailable" }, turn_id: turnId },
    });
    const shown = textOf(events);
    await caller.behave({});
    const again = await caller.post(`/v1/sessions/${id}/turns/${turnId}/retry`, { stream: true });
    const rest = await readEvents(again);
    // What the client has on its screen is not sent again.
    expect(shown + textOf(rest)).toBe(`echo: ${words}`);
    expect(rest.at(-1)?.event).toBe("done");
  });
});

describe("a feedback's stream", () => {
  it("tells words, weights, the new reply and the outcome, in this order", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hello");
    const path = `/v1/sessions/${id}/turns/${turn.id}/feedback`;
    const body = { reward: -1, correction: "hello there", retry: true, stream: true };
    const events = await readEvents(await caller.post(path, body));
    expect(events.map(({ event }) => event)).toEqual([
      "words",
      "weights",
      "turn",
      "delta",
      "delta",
      "done",
    ]);
    expect(events[1]?.data).toMatchObject({ decision: "updated", shift_norm: 0.5, kl: 0.02 });
    expect(events.at(-1)?.data).toMatchObject({
      object: "feedback",
      status: "done",
      turn: { reply: "hello there" },
    });
    // The same feedback again replays the same events.
    expect(await readEvents(await caller.post(path, body))).toEqual(events);
  });

  it("is part of its turn's events, which resume after each of them", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hello");
    await judge(caller, id, turn.id, { reward: -1, correction: "hello there", retry: true });
    await judge(caller, id, turn.id, { reward: -1, text: "in capitals", wait: true });
    const path = `/v1/sessions/${id}/turns/${turn.id}/events`;
    const all = await readEvents(await caller.fetch(path));
    expect(all.filter(({ event }) => event === "feedback")).toHaveLength(2);
    for (const [index, { id: last }] of all.entries()) {
      const resumed = await caller.fetch(`${path}?after=${last}`);
      expect(await readEvents(resumed)).toEqual(all.slice(index + 1));
    }
  });

  it("tells the turn's followers when queued weights land", async () => {
    const caller = await newTenant();
    await caller.behave({ hold: ["/v1/adapt"] });
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hello");
    const result = await judge(caller, id, turn.id, { reward: -1, correction: "hello" });
    expect(result).toMatchObject({ status: "pending", weights: { decision: "queued" } });
    // The old generation serves until the swap.
    expect(await ask(caller, id, "Say bye")).toMatchObject({ generation: "base" });
    const followed = await caller.fetch(`/v1/sessions/${id}/turns/${turn.id}/events`);
    await caller.behave({});
    const events = await readEvents(followed);
    expect(events.slice(-3).map(({ event }) => event)).toEqual(["words", "weights", "feedback"]);
    expect(events.at(-2)?.data).toMatchObject({ decision: "updated", active: true });
    expect(await ask(caller, id, "Say hello")).toMatchObject({ reply: "hello" });
  });
});
