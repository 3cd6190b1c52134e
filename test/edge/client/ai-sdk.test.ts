/** `useChat`'s own machinery, the AI SDK's AbstractChat, over the transport and the real Worker. */
import { AbstractChat, type ChatState, type ChatStatus, type UIMessage } from "ai";
import { Rosa2ChatTransport } from "rosa2/ai-sdk";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/client.ts";
import { newClient } from "./support.ts";

class State implements ChatState<UIMessage> {
  status: ChatStatus = "ready";
  error: Error | undefined;
  messages: UIMessage[] = [];
  pushMessage = (message: UIMessage) => void this.messages.push(message);
  popMessage = () => void this.messages.pop();
  replaceMessage = (index: number, message: UIMessage) => {
    this.messages[index] = message;
  };
  snapshot = <T>(value: T) => structuredClone(value);
}

class TestChat extends AbstractChat<UIMessage> {
  constructor(transport: Rosa2ChatTransport, messages: UIMessage[] = []) {
    super({ id: "chat-1", transport, state: Object.assign(new State(), { messages }) });
  }
}

function textOf(message: UIMessage | undefined): string {
  const parts = message?.parts ?? [];
  return parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

describe("useChat over rosa2", () => {
  it("streams replies of one session, each message with its turn's id", async () => {
    const { client } = await newClient();
    const kept: string[] = [];
    const transport = new Rosa2ChatTransport(client, {
      onSession: (chatId, sessionId) => kept.push(chatId, sessionId),
      session: { title: "from useChat" },
    });
    const chat = new TestChat(transport);
    await chat.sendMessage({ text: "one two" });
    await chat.sendMessage({ text: "three" });
    expect(chat.messages.map(({ role }) => role)).toEqual([
      "user",
      "assistant",
      "user",
      "assistant",
    ]);
    expect(textOf(chat.messages[1])).toBe("echo: one two");
    const session = await transport.session("chat-1");
    expect(kept).toEqual(["chat-1", session.id]);
    const { title, turns } = await session.read();
    expect(title).toBe("from useChat");
    expect(turns.map(({ id }) => id)).toEqual([chat.messages[1]?.id, chat.messages[3]?.id]);
  });

  it("shows what a thinking model thinks as a part of its own", async () => {
    const { caller, client } = await newClient();
    await caller.behave({ reasoning: "Hm, so." });
    const chat = new TestChat(new Rosa2ChatTransport(client));
    await chat.sendMessage({ text: "hello" });
    expect(chat.messages[1]?.parts).toMatchObject([
      { type: "reasoning", text: "Hm, so.", state: "done" },
      { type: "text", text: "echo: hello", state: "done" },
    ]);
  });

  it("regenerates by reporting that the reply was wrong", async () => {
    const { client } = await newClient();
    const transport = new Rosa2ChatTransport(client);
    const chat = new TestChat(transport);
    await chat.sendMessage({ text: "hello" });
    const rejected = chat.messages[1]?.id;
    await chat.regenerate();
    expect(chat.error).toBeUndefined();
    const { turns, feedback } = await (await transport.session("chat-1")).read();
    expect(feedback).toMatchObject([{ turn_id: rejected, reward: -1 }]);
    expect(turns[1]).toMatchObject({ retry_of: rejected, id: chat.messages.at(-1)?.id });
  });

  it("follows a reply again after a reload cut it off", async () => {
    const { caller, client } = await newClient();
    await caller.behave({ holdAfter: 4 });
    const session = await client.createSession();
    for await (const { type } of session.stream("a b c d e f g h")) if (type === "delta") break;
    const transport = new Rosa2ChatTransport(client, { sessionOf: () => session.id });
    const user: UIMessage = {
      id: "u",
      role: "user",
      parts: [{ type: "text", text: "a b c d e f g h" }],
    };
    const chat = new TestChat(transport, [user]);
    const resumed = chat.resumeStream();
    await eventually(
      async () => textOf(chat.messages.at(-1)),
      (text) => text.startsWith("echo:"),
    );
    await caller.behave({});
    await resumed;
    expect(textOf(chat.messages.at(-1))).toBe("echo: a b c d e f g h");
    expect(await transport.reconnectToStream({ chatId: "chat-1" })).toBeNull();
  });

  it("ends in the error that the server gave", async () => {
    const { caller, client } = await newClient({ retriesMax: 0, reconnectsMax: 0 });
    await caller.behave({ down: ["/v1/generate"] });
    const chat = new TestChat(new Rosa2ChatTransport(client));
    await chat.sendMessage({ text: "hello" });
    expect(chat.status).toBe("error");
    expect(chat.error).toMatchObject({ name: "Rosa2Error", code: "gpu_unavailable" });
  });
});
