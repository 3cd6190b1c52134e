/** The hook in React itself, with the renderer that knows no DOM, against the real Worker. */
import { createElement } from "react";
import { create } from "react-test-renderer";
import type { SessionClient } from "rosa2";
import { type Conversation, useConversation } from "rosa2/react";
import { describe, expect, it } from "vitest";
import { eventually, parseEvents } from "../support/client.ts";
import { newClient, toWorker } from "./support.ts";

/** A screen that shows a session; every state that it was rendered with. */
async function screen(session: SessionClient) {
  const states: Conversation[] = [];
  const Screen = () => {
    const conversation = useConversation(session);
    if (conversation !== null) states.push(conversation);
    return null;
  };
  const shown = create(createElement(Screen));
  const until = (holds: (now: Conversation) => boolean) =>
    eventually(
      async () => states.at(-1)!,
      (now) => now !== undefined && holds(now),
    );
  await until(() => true);
  return { states, until, now: () => states.at(-1)!, leave: () => shown.unmount() };
}

/** Hands on a reply's events one by one: each part after `isShown` of what came before it. */
function frameByFrame(isShown: (reply: string) => Promise<unknown>): typeof fetch {
  return async (input, init) => {
    const response = await toWorker(input, init);
    if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return response;
    let reply = "";
    const frames = new TransformStream<string, string>({
      async transform(frame, controller) {
        const [event] = parseEvents(frame);
        if (event?.event === "delta") {
          await isShown(reply);
          reply += event.data.text;
        }
        controller.enqueue(frame);
      },
    });
    const body = response.body!.pipeThrough(new TextDecoderStream()).pipeThrough(splitFrames());
    return new Response(body.pipeThrough(frames).pipeThrough(new TextEncoderStream()), response);
  };
}

function splitFrames(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(text, controller) {
      const frames = (rest + text).split(/(?<=\n\n)/);
      rest = frames.at(-1)!.endsWith("\n\n") ? "" : frames.pop()!;
      for (const frame of frames) controller.enqueue(frame);
    },
  });
}

describe("useConversation", () => {
  it("shows a request at once, the reply as it grows, and what feedback changes", async () => {
    let shows: (reply: string) => Promise<unknown> = async () => {};
    const { client } = await newClient({ fetch: frameByFrame((reply) => shows(reply)) });
    const session = await client.createSession();
    const { states, until, now } = await screen(session);
    shows = (reply) => until(({ exchanges }) => exchanges.at(-1)?.reply === reply);
    await now().ask("Say yes please");
    const { exchanges } = await until(({ exchanges: [one] }) => one?.isWriting === false);
    expect(exchanges).toMatchObject([{ request: "Say yes please", failure: null }]);
    const replies = states.flatMap((state) => state.exchanges.map(({ reply }) => reply));
    const grown = ["", "echo: ", "echo: Say ", "echo: Say yes ", "echo: Say yes please"];
    expect([...new Set(replies)]).toEqual(grown);
    const judged = { reward: -1, correction: "yes", retry: true };
    await now().judge(exchanges[0]?.turnId ?? "", judged);
    const after = await until(({ isBusy, exchanges: all }) => !isBusy && all.length === 2);
    expect(after.exchanges).toMatchObject([
      { reply: "echo: Say yes please", weights: { decision: "updated" } },
      { request: "Say yes please", reply: "yes", isWriting: false },
    ]);
  });

  it("stops listening when its screen is left, and follows what still runs when it comes back", async () => {
    const { caller, client } = await newClient();
    await caller.behave({ holdAfter: 4 });
    const session = await client.createSession();
    const first = await screen(session);
    const asked = first.now().ask("a b c d e f g h");
    await first.until(({ exchanges: [one] }) => one?.turnId != null);
    first.leave();
    await asked;
    const rendered = first.states.length;
    const second = await screen(session);
    await second.until(({ exchanges: [one] }) => one?.isWriting === true);
    await caller.behave({});
    const { exchanges } = await second.until(({ exchanges: [one] }) => one?.isWriting === false);
    expect(exchanges).toMatchObject([{ reply: "echo: a b c d e f g h" }]);
    expect(first.states).toHaveLength(rendered);
  });

  it("shows a failure where it happened", async () => {
    const { caller, client } = await newClient({ retriesMax: 0, reconnectsMax: 0 });
    const session = await client.createSession();
    const { now, until } = await screen(session);
    await caller.behave({ down: ["/v1/generate"] });
    await now().ask("hello");
    const { exchanges } = await until(({ exchanges: [one] }) => one?.failure != null);
    expect(exchanges).toMatchObject([
      { request: "hello", isWriting: false, failure: { code: "gpu_unavailable" } },
    ]);
  });
});
