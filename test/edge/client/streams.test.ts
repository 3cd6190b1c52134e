import type { FeedbackEvent, LogEvent, ReplyEvent } from "rosa2";
import { describe, expect, it } from "vitest";
import {
  feedbackResultSchema,
  turnSchema,
  weightsReportSchema,
  wordsReportSchema,
} from "../../../edge/src/contract/index.ts";
import { newClient } from "./support.ts";

const request = "one two three four five six seven eight";
const reply = `echo: ${request}`;

async function collect<E>(events: AsyncIterable<E>): Promise<E[]> {
  const all: E[] = [];
  for await (const event of events) all.push(event);
  return all;
}

function textOf(events: (ReplyEvent | FeedbackEvent | LogEvent)[]): string {
  return events.reduce((text, event) => {
    if (event.type === "reset") return "";
    return event.type === "delta" ? text + event.data.text : text;
  }, "");
}

describe("a reply's stream", () => {
  it("brings the turn, its text and its end, each as the contract says", async () => {
    const { client } = await newClient();
    const session = await client.createSession();
    const events = await collect(session.stream(request));
    expect(events.map(({ type }) => type)).toEqual([
      "turn",
      ...Array.from({ length: 9 }, () => "delta"),
      "done",
    ]);
    expect(textOf(events)).toBe(reply);
    for (const event of [events[0], events.at(-1)]) turnSchema.parse(event?.data);
  });

  it("goes on after every place where the connection may break, and brings each event once", async () => {
    const { client, network } = await newClient();
    const session = await client.createSession();
    const whole = await collect(session.stream(request));
    const shape = (events: ReplyEvent[]) =>
      events.map((event) => [event.type, event.type === "delta" ? event.data.text : null]);
    for (const afterBytes of [1, 400, 700, 900, 950, 1001, 1100, 1234]) {
      network.faults = [{ afterBytes }];
      network.sent = [];
      const events = await collect(session.stream(request));
      expect(shape(events)).toEqual(shape(whole));
      expect(network.sent.map(({ method }) => method)).toEqual(["POST", "GET"]);
      const last = network.sent[1]?.headers.get("last-event-id");
      const seen = events.findIndex(({ id }) => String(id) === last);
      // Before the first whole event there is no id to resume from.
      expect(last === null ? afterBytes : seen).toBeGreaterThanOrEqual(last === null ? 1 : 0);
    }
    expect((await session.read()).turns).toHaveLength(9);
  });

  it("goes on when a connection is closed in good order before the reply ends", async () => {
    const { client, network } = await newClient();
    const session = await client.createSession();
    network.faults = [
      { afterBytes: 900, clean: true },
      { afterBytes: 60, clean: true },
    ];
    expect(textOf(await collect(session.stream(request)))).toBe(reply);
    expect(network.sent.slice(1)).toHaveLength(3);
  });

  it("takes a silent connection for a lost one", async () => {
    const { client, network } = await newClient({ silenceMsMax: 200 });
    const session = await client.createSession();
    network.faults = [{ afterBytes: 900, silent: true }];
    expect(textOf(await collect(session.stream(request)))).toBe(reply);
  });

  it("asks once although the first answer got lost", async () => {
    const { client, network } = await newClient();
    const session = await client.createSession();
    network.faults = [{ afterBytes: 0 }];
    expect(textOf(await collect(session.stream(request)))).toBe(reply);
    const keys = network.sent.slice(1).map(({ headers }) => headers.get("idempotency-key"));
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
    expect((await session.read()).turns).toHaveLength(1);
  });

  it("gives up after the connections it may lose, and the turn can be followed later", async () => {
    const { client, network } = await newClient({ reconnectsMax: 1, retriesMax: 0 });
    const session = await client.createSession();
    network.faults = [{ afterBytes: 900 }, { afterBytes: 0 }, { afterBytes: 0 }];
    const seen: ReplyEvent[] = [];
    const lost = (async () => {
      for await (const event of session.stream(request)) seen.push(event);
    })();
    await expect(lost).rejects.toMatchObject({ name: "Rosa2Error", code: "connection_failed" });
    const [turn] = seen;
    if (turn?.type !== "turn") throw new Error("The first event should be the turn");
    const lastEventId = seen.at(-1)?.id ?? 0;
    const rest = await collect(session.follow(turn.data.id, { lastEventId }));
    expect(textOf([...seen, ...rest])).toBe(reply);
    expect(rest[0]?.id).toBeGreaterThan(lastEventId);
  });

  it("gives the text as it grows, and the whole turn to a caller that only waits", async () => {
    const { client } = await newClient();
    const session = await client.createSession();
    const texts = await collect(session.stream(request).texts());
    expect(texts[0]).toBe("echo: ");
    expect(texts.at(-1)).toBe(reply);
    expect(await session.stream(request).result()).toMatchObject({ reply, status: "completed" });
  });

  it("gives the whole turn after a loop too, without asking the server again", async () => {
    const { client, network } = await newClient();
    const session = await client.createSession();
    const stream = session.stream(request);
    expect(textOf(await collect(stream))).toBe(reply);
    const sent = network.sent.length;
    expect((await stream.result()).reply).toBe(reply);
    expect(network.sent).toHaveLength(sent);
  });

  it("goes on at the server when nobody listens, and stops when told to", async () => {
    const { caller, client } = await newClient();
    await caller.behave({ holdAfter: 2 });
    const session = await client.createSession();
    let turnId = "";
    for await (const event of session.stream(request)) {
      if (event.type === "turn") turnId = event.data.id;
      if (event.type === "delta") break;
    }
    expect(await session.turn(turnId)).toMatchObject({ status: "running" });
    const stopped = await session.stop(turnId);
    expect(stopped.status).toBe("stopped");
    expect(stopped.reply).not.toBe(reply);
    expect(reply.startsWith(stopped.reply)).toBe(true);
  });

  it("throws the reason of an aborted signal and does not reconnect", async () => {
    const { caller, client, network } = await newClient();
    await caller.behave({ deltaMs: 40 });
    const session = await client.createSession();
    const leaving = new AbortController();
    const read = (async () => {
      for await (const event of session.stream(request, { signal: leaving.signal })) {
        if (event.type === "delta") leaving.abort(new Error("the user left"));
      }
    })();
    await expect(read).rejects.toThrow("the user left");
    expect(network.sent.filter(({ path }) => path.endsWith("/events"))).toEqual([]);
  });

  it("throws what the stream reports, naming the kept turn, which can be run again", async () => {
    const { caller, client } = await newClient();
    await caller.behave({ breakAfter: 3 });
    const session = await client.createSession();
    const failure = await session
      .stream(request)
      .result()
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "gpu_unavailable", keptId: /^turn_/ });
    await caller.behave({});
    const { keptId } = failure as { keptId: string };
    expect(await session.retry(keptId).result()).toMatchObject({ id: keptId, reply });
  });
});

describe("a feedback's stream", () => {
  const body = { reward: -1, correction: "hello there", retry: true };

  it("brings words, weights and the new reply, each as the contract says", async () => {
    const { client } = await newClient();
    const session = await client.createSession();
    const turn = await session.ask("Say hello");
    const events = await collect(session.feedbackStream(turn.id, body));
    expect(events.map(({ type }) => type)).toEqual([
      "words",
      "weights",
      "turn",
      "delta",
      "delta",
      "done",
    ]);
    const [words, weights, retry] = events;
    wordsReportSchema.parse(words?.data);
    weightsReportSchema.parse(weights?.data);
    turnSchema.parse(retry?.data);
    feedbackResultSchema.parse(events.at(-1)?.data);
  });

  it("goes on after a broken connection without adapting twice", async () => {
    const { caller, client, network } = await newClient();
    const session = await client.createSession();
    for (const [round, afterBytes] of [10, 700, 1100, 2000].entries()) {
      const turn = await session.ask(`Say hello ${round}`);
      network.faults = [{ afterBytes }, { afterBytes }];
      const events = await collect(session.feedbackStream(turn.id, body));
      expect(events.map(({ type }) => type)).toEqual([
        "words",
        "weights",
        "turn",
        "delta",
        "delta",
        "done",
      ]);
    }
    expect(await caller.calls("/v1/adapt")).toHaveLength(4);
    expect((await session.generations()).data).toHaveLength(4);
  });

  it("lets a turn's follower see feedback land while the user reads", async () => {
    const { client } = await newClient();
    const session = await client.createSession();
    const turn = await session.ask("Say hello");
    const queued = await session.feedback(turn.id, { reward: -1, correction: "hello" });
    expect(queued.weights.decision).toBe("queued");
    const events = await collect(session.follow(turn.id));
    expect(events.at(-1)).toMatchObject({ type: "feedback", data: { status: "done" } });
    expect(events.map(({ id }) => id)).toEqual([...new Set(events.map(({ id }) => id))]);
  });
});
