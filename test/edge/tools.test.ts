/** Functions, JSON and thinking as the `openai` package and the AI SDK see them, whole and streamed. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ReplyParts } from "@rosa2/shared/reply-parts";
import { generateText, jsonSchema, stepCountIs, tool } from "ai";
import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import type { SessionDetail } from "../../edge/src/contract/index.ts";
import { type Caller, newTenant, openSession, worker } from "./support/client.ts";

const send = ((input: RequestInfo, init?: RequestInit) =>
  worker.fetch(input as never, init as never)) as unknown as typeof fetch;

function clientOf(caller: Caller, headers: Record<string, string> = {}): OpenAI {
  return new OpenAI({
    apiKey: caller.key,
    baseURL: "http://rosa2.test/v1",
    defaultHeaders: headers,
    maxRetries: 0,
    fetch: send,
  });
}

const written = (name: string, json: string) =>
  `<tool_call>\n{"name": "${name}", "arguments": ${json}}\n</tool_call>`;
const two = `Let me see. ${written("weather", '{"city": "Oslo"}')}\n${written("weather", '{"city": "{Bergen}"}')}`;
const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
};
const tools = [{ type: "function" as const, function: { name: "weather", parameters } }];
const ask = {
  model: "fake-mini",
  messages: [{ role: "user" as const, content: "the weather, please" }],
};

describe("ReplyParts", () => {
  it("divides a reply into text and calls, however it is cut into pieces", () => {
    for (const length of [1, 2, 3, 5, 8, 200]) {
      const parts = new ReplyParts();
      const found = { content: "", calls: [] as { name: string; json: string }[] };
      const add = ({ content, calls }: ReturnType<ReplyParts["push"]>) => {
        found.content += content;
        for (const { index, name, arguments: json } of calls) {
          found.calls[index] ??= { name: name ?? "", json: "" };
          (found.calls[index] as { json: string }).json += json;
        }
      };
      for (let at = 0; at < two.length; at += length) add(parts.push(two.slice(at, at + length)));
      add(parts.end());
      expect(found, `pieces of ${length}`).toEqual({
        content: "Let me see.",
        calls: [
          { name: "weather", json: '{"city": "Oslo"}' },
          { name: "weather", json: '{"city": "{Bergen}"}' },
        ],
      });
    }
  });

  it("keeps what is no call, and gives a call that is cut off as far as it came", () => {
    const read = (text: string) => {
      const parts = new ReplyParts();
      const [first, last] = [parts.push(text), parts.end()];
      return { content: first.content + last.content, calls: [...first.calls, ...last.calls] };
    };
    expect(read("a < b <tool_")).toEqual({ content: "a < b <tool_", calls: [] });
    expect(read("<tool_call>no</tool_call>")).toEqual({
      content: "<tool_call>no</tool_call>",
      calls: [],
    });
    expect(read('<tool_call>{"arguments": {"a": 1}, "name": "f"}</tool_call>').calls).toEqual([
      { index: 0, name: "f", arguments: '{"a":1}' },
    ]);
    const cut = read('<tool_call>\n{"name": "f", "arguments": {"a": {"b": 1}').calls;
    expect(cut.map((call) => call.arguments).join("")).toBe('{"a": {"b": 1}');
  });
});

describe("functions", () => {
  it("are called whole and in chunks alike, several in one reply", async () => {
    const caller = await newTenant();
    await caller.behave({ replies: [{ to: "the weather", reply: two }] });
    const client = clientOf(caller);
    const { choices } = await client.chat.completions.create({ ...ask, tools });
    const whole = choices[0];
    expect(whole).toMatchObject({
      finish_reason: "tool_calls",
      message: {
        content: "Let me see.",
        tool_calls: [
          { type: "function", function: { name: "weather", arguments: '{"city": "Oslo"}' } },
          { type: "function", function: { name: "weather", arguments: '{"city": "{Bergen}"}' } },
        ],
      },
    });
    const ids = whole?.message.tool_calls?.map(({ id }) => id) ?? [];
    expect(new Set(ids).size).toBe(2);
    const streamed = await client.chat.completions.stream({ ...ask, tools }).finalChatCompletion();
    const [choice] = streamed.choices;
    expect(choice?.finish_reason).toBe("tool_calls");
    expect(choice?.message.tool_calls?.map((call) => "function" in call && call.function)).toEqual(
      whole?.message.tool_calls?.map((call) => "function" in call && call.function),
    );
    const [call] = (await caller.calls("/v1/generate")).slice(-1);
    expect(call?.sampling.output).toEqual({ tools: [{ name: "weather", parameters }] });
  });

  it("can be forced, named, forbidden and called one at a time", async () => {
    const caller = await newTenant();
    const client = clientOf(caller);
    const asked = async (options: object) => {
      await client.chat.completions.create({ ...ask, tools, ...options });
      return (await caller.calls("/v1/generate")).at(-1)?.sampling.output;
    };
    expect(await asked({ tool_choice: "required" })).toMatchObject({ tool_choice: "required" });
    const named = { type: "function", function: { name: "weather" } };
    expect(await asked({ tool_choice: named })).toMatchObject({ tool_choice: { name: "weather" } });
    expect(await asked({ tool_choice: "none" })).toMatchObject({ tool_choice: "none" });
    expect(await asked({ parallel_tool_calls: false })).toMatchObject({
      parallel_tool_calls: false,
    });
    for (const wrong of [
      { tool_choice: { type: "function", function: { name: "rm" } } },
      { tools: [], tool_choice: "required" },
      { tools: [{ type: "custom", custom: { name: "x" } }] },
      { tools: [{ type: "function", function: { name: "a b" } }] },
    ]) {
      await expect(asked(wrong), JSON.stringify(wrong)).rejects.toMatchObject({ status: 400 });
    }
  });

  it("reach the model with their results", async () => {
    const caller = await newTenant();
    const tool_calls = [
      { id: "c1", type: "function" as const, function: { name: "weather", arguments: "{}" } },
    ];
    await clientOf(caller).chat.completions.create({
      ...ask,
      tools,
      messages: [
        ...ask.messages,
        { role: "assistant", content: null, tool_calls },
        { role: "tool", tool_call_id: "c1", content: "sunny" },
      ],
    });
    expect((await caller.calls("/v1/generate")).at(-1)?.messages).toEqual([
      ...ask.messages,
      {
        role: "assistant",
        content: "",
        tool_calls: [{ id: "c1", name: "weather", arguments: "{}" }],
      },
      { role: "tool", content: "sunny", tool_call_id: "c1" },
    ]);
  });

  it("run in the AI SDK's loop", async () => {
    const caller = await newTenant();
    await caller.behave({
      replies: [
        { to: "the weather", reply: written("weather", '{"city": "Oslo"}') },
        { to: "rain in Oslo", reply: "It rains." },
      ],
    });
    const provider = createOpenAICompatible({
      name: "rosa2",
      baseURL: "http://rosa2.test/v1",
      apiKey: caller.key,
      fetch: send,
    });
    const { text, steps } = await generateText({
      model: provider.chatModel("fake-mini"),
      prompt: "the weather, please",
      tools: {
        weather: tool({
          inputSchema: jsonSchema<{ city: string }>(parameters as never),
          execute: async ({ city }) => `rain in ${city}`,
        }),
      },
      stopWhen: stepCountIs(3),
    });
    expect([text, steps.length]).toEqual(["It rains.", 2]);
  });

  it("are called in a session, whose history holds calls and results", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { adaptation: { context: "dialogue" } });
    const called = written("weather", '{"city": "Oslo"}');
    await caller.behave({ replies: [{ to: "the weather", reply: called }] });
    const client = clientOf(caller, { "x-rosa2-session": id });
    const first = await client.chat.completions.create({ ...ask, tools });
    const message = first.choices[0]?.message;
    if (message?.tool_calls?.[0] === undefined) throw new Error("The reply should call a function");
    const { data, response } = await client.chat.completions
      .create({
        ...ask,
        tools,
        messages: [
          ...ask.messages,
          message,
          { role: "tool", tool_call_id: message.tool_calls[0].id, content: "sunny" },
        ],
      })
      .withResponse();
    expect(response.headers.get("x-rosa2-history")).toBe("matched");
    expect(data.choices[0]?.message.content).toContain("sunny");
    const { turns } = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
    expect(turns.map(({ content, reply }) => [content, reply.split("\n")[0]])).toEqual([
      ["the weather, please", "<tool_call>"],
      ["<tool_response>\nsunny\n</tool_response>", "echo: <tool_response>"],
    ]);
  });
});

describe("response_format", () => {
  it("is the reply's shape for the model", async () => {
    const caller = await newTenant();
    const client = clientOf(caller);
    const asked = async (response_format: OpenAI.ChatCompletionCreateParams["response_format"]) => {
      await client.chat.completions.create({
        ...ask,
        ...(response_format ? { response_format } : {}),
      });
      return (await caller.calls("/v1/generate")).at(-1)?.sampling.output;
    };
    expect(await asked({ type: "text" })).toBeUndefined();
    expect(await asked({ type: "json_object" })).toEqual({ format: { type: "json_object" } });
    const json_schema = { name: "city", schema: parameters, strict: true };
    expect(await asked({ type: "json_schema", json_schema })).toEqual({
      format: { type: "json_schema", schema: parameters },
    });
    await expect(asked({ type: "xml" } as never)).rejects.toMatchObject({ status: 400 });
  });
});

describe("thinking", () => {
  it("comes apart from the reply, whole, streamed and in a session, and can be switched off", async () => {
    const caller = await newTenant();
    await caller.behave({ reasoning: "Hm, let me think." });
    const { id } = await openSession(caller);
    for (const headers of [{}, { "x-rosa2-session": id }] as Record<string, string>[]) {
      const client = clientOf(caller, headers);
      const whole = await client.chat.completions.create(ask);
      expect(whole.choices[0]?.message).toMatchObject({
        content: "echo: the weather, please",
        reasoning_content: "Hm, let me think.",
      });
      let reasoning = "";
      let text = "";
      for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) {
        const delta = chunk.choices[0]?.delta as { content?: string; reasoning_content?: string };
        reasoning += delta?.reasoning_content ?? "";
        text += delta?.content ?? "";
      }
      expect([reasoning, text]).toEqual(["Hm, let me think.", "echo: the weather, please"]);
    }
    const { turns } = await caller.get<SessionDetail>(`/v1/sessions/${id}`);
    expect(turns[0]?.reply).toBe("echo: the weather, please");
    const client = clientOf(caller);
    const off = [
      { reasoning_effort: "none" },
      { chat_template_kwargs: { enable_thinking: false } },
    ];
    for (const options of off) {
      const { choices } = await client.chat.completions.create({ ...ask, ...(options as object) });
      expect(choices[0]?.message).not.toHaveProperty("reasoning_content");
    }
  });

  it("follows the session where a request does not say, and a fork follows its origin", async () => {
    const caller = await newTenant();
    const { id, reasoning_effort } = await openSession(caller, { reasoning_effort: "none" });
    expect(reasoning_effort).toBe("none");
    const thinking = async (sessionId: string, turn: object = {}) => {
      await caller.make(`/v1/sessions/${sessionId}/turns`, { content: "hello", ...turn });
      return (await caller.calls("/v1/generate")).at(-1)?.sampling.output;
    };
    expect(await thinking(id)).toEqual({ thinking: false });
    expect(await thinking(id, { reasoning_effort: "high" })).toEqual({ thinking: true });
    const client = clientOf(caller, { "x-rosa2-session": id });
    const format = { type: "json_object" as const };
    await client.chat.completions.create({ ...ask, response_format: format });
    expect((await caller.calls("/v1/generate")).at(-1)?.sampling.output).toEqual({
      format,
      thinking: false,
    });
    const fork = await caller.make<SessionDetail>(`/v1/sessions/${id}/fork`, {});
    expect(await thinking(fork.id)).toEqual({ thinking: false });
    const patch = (value: string | null) =>
      caller.fetch(`/v1/sessions/${id}`, {
        method: "PATCH",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ reasoning_effort: value }),
      });
    await patch("medium");
    expect(await thinking(id)).toEqual({ thinking: true });
    await patch(null);
    expect(await thinking(id)).toBeUndefined();
    expect((await patch("much")).status).toBe(400);
  });
});
