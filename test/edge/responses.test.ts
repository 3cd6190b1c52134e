/** `POST /v1/responses` with the clients that speak it: the openai package, the AI SDK's default provider, OpenAI's Agents. */
import { createOpenAI } from "@ai-sdk/openai";
import { Agent, tool as agentTool, OpenAIResponsesModel, run } from "@openai/agents";
import { generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import OpenAI from "openai";
import { describe, expect, expectTypeOf, it } from "vitest";
import type { SessionDetail } from "../../edge/src/contract/index.ts";
import type { responsesFields } from "../../edge/src/routes/openai/responses-request.ts";
import { type Caller, judge, newTenant, worker } from "./support/client.ts";

const send = ((input: RequestInfo, init?: RequestInit) =>
  worker.fetch(input as never, init as never)) as unknown as typeof fetch;

const clientOf = (caller: Caller) =>
  new OpenAI({ apiKey: caller.key, baseURL: "http://rosa2.test/v1", maxRetries: 0, fetch: send });

const providerOf = (caller: Caller) =>
  createOpenAI({ baseURL: "http://rosa2.test/v1", apiKey: caller.key, fetch: send });

const written = (name: string, json: string) =>
  `<tool_call>\n{"name": "${name}", "arguments": ${json}}\n</tool_call>`;
const parameters = {
  type: "object" as const,
  properties: { city: { type: "string" as const } },
  required: ["city"],
  additionalProperties: false as const,
};
const model = "fake-mini";
const weather = [
  { to: "the weather", reply: written("weather", '{"city": "Oslo"}') },
  { to: "rain in Oslo", reply: "It rains." },
];

it("names every parameter that the openai package's types have", () => {
  type Given = keyof OpenAI.Responses.ResponseCreateParamsNonStreaming;
  expectTypeOf<Exclude<Given, keyof typeof responsesFields>>().toEqualTypeOf<never>();
});

describe("the openai package", () => {
  it("gets a response, and the next one of the same conversation by its id", async () => {
    const caller = await newTenant();
    const client = clientOf(caller);
    const instructions = "Be brief.";
    const { data: first, response } = await client.responses
      .create({ model, input: "one", instructions })
      .withResponse();
    expect(first).toMatchObject({ status: "completed", model, output_text: "echo: one" });
    expect(first.usage).toMatchObject({ input_tokens: 3, output_tokens: 2, total_tokens: 5 });
    const second = await client.responses.create({
      model,
      input: [{ role: "user", content: [{ type: "input_text", text: "two" }] }],
      previous_response_id: first.id,
    });
    expect(second).toMatchObject({ output_text: "echo: two", previous_response_id: first.id });
    const session = response.headers.get("x-rosa2-session");
    const detail = await caller.get<SessionDetail>(`/v1/sessions/${session}`);
    expect(detail).toMatchObject({ instructions, turn_count: 2 });
    expect(detail.turns.map(({ content }) => content)).toEqual(["one", "two"]);

    const branch = client.responses.create({ model, input: "x", previous_response_id: first.id });
    await expect(branch).rejects.toMatchObject({ status: 400, param: "previous_response_id" });
    const lost = client.responses.create({ model, input: "x", previous_response_id: "resp_1" });
    await expect(lost).rejects.toMatchObject({ status: 404 });
  });

  it("gets responses that can be judged, and the session's next one has learnt", async () => {
    const caller = await newTenant();
    const client = clientOf(caller);
    const { data, response } = await client.responses
      .create({ model, input: "Say hi" })
      .withResponse();
    const session = String(response.headers.get("x-rosa2-session"));
    const turn = String(response.headers.get("x-rosa2-turn"));
    await judge(caller, session, turn, { reward: -1, correction: "hi", wait: true });
    const again = { model, input: "Say hi", previous_response_id: data.id };
    expect((await client.responses.create(again)).output_text).toBe("hi");
  });

  it("streams the same response as events", async () => {
    const caller = await newTenant();
    await caller.behave({ reasoning: "Hm, so." });
    const stream = clientOf(caller).responses.stream({ model, input: "one two", store: false });
    const types: string[] = [];
    let text = "";
    for await (const event of stream) {
      expect(event.sequence_number).toBe(types.length);
      types.push(event.type);
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    expect(text).toBe("echo: one two");
    expect(types.slice(0, 3)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
    ]);
    expect(types.at(-1)).toBe("response.completed");
    const { output, output_text } = await stream.finalResponse();
    expect(output_text).toBe("echo: one two");
    expect(output.map(({ type }) => type)).toEqual(["reasoning", "message"]);
    expect((await caller.get<{ data: object[] }>("/v1/sessions")).data).toEqual([]);
  });

  it("calls functions and gets JSON", async () => {
    const caller = await newTenant();
    await caller.behave({ replies: weather });
    const client = clientOf(caller);
    const tools = [{ type: "function" as const, name: "weather", parameters, strict: true }];
    const asked = { model, tools };
    const first = await client.responses.create({ ...asked, input: "the weather" });
    const [call] = first.output;
    if (call?.type !== "function_call") throw new Error("The response should call a function");
    expect(call).toMatchObject({ name: "weather", arguments: '{"city": "Oslo"}' });
    const output = {
      type: "function_call_output" as const,
      call_id: call.call_id,
      output: "rain in Oslo",
    };
    const second = await client.responses.create({
      ...asked,
      input: [output],
      previous_response_id: first.id,
    });
    expect(second.output_text).toBe("It rains.");
    const streamed = client.responses.stream({ ...asked, input: "the weather", store: false });
    expect((await streamed.finalResponse()).output).toMatchObject([
      { type: "function_call", arguments: '{"city": "Oslo"}' },
    ]);
    const format = { type: "json_schema" as const, name: "c", schema: parameters };
    await client.responses.create({ model, input: "x", text: { format }, store: false });
    expect((await caller.calls("/v1/generate")).at(-1)?.sampling.output).toEqual({
      format: { type: "json_schema", schema: parameters },
    });
  });

  it("gets an error for what is not supported", async () => {
    const client = clientOf(await newTenant());
    const refused: [given: object, param: string][] = [
      [{ background: true }, "background"],
      [{ conversation: "conv_1" }, "conversation"],
      [{ truncation: "auto" }, "truncation"],
      [{ include: ["file_search_call.results"] }, "include"],
      [{ tools: [{ type: "web_search" }] }, "tools.0.type"],
      [
        { input: [{ role: "user", content: [{ type: "input_image", image_url: "x" }] }] },
        "input.0.content.0.type",
      ],
      [{ input: "" }, "input"],
      [{ colour: "red" }, "colour"],
    ];
    for (const [given, param] of refused) {
      const call = client.responses.create({ model, input: "x", ...given } as never);
      await expect(call, param).rejects.toMatchObject({ status: 400, param });
    }
  });

  it("raises a failure before the stream, and one in it", async () => {
    const caller = await newTenant();
    const client = clientOf(caller);
    await caller.behave({ down: ["/v1/generate"] });
    const down = client.responses.create({ model, input: "x", stream: true, store: false });
    await expect(down).rejects.toMatchObject({ status: 503 });
    await caller.behave({ breakAfter: 2 });
    const stream = await client.responses.create({
      model,
      input: "a b c d",
      stream: true,
      store: false,
    });
    const types: string[] = [];
    const read = (async () => {
      for await (const { type } of stream) types.push(type);
    })();
    await expect(read).rejects.toThrow("The GPU service");
    expect(types.at(-1)).toBe("response.failed");
  });
});

describe("the AI SDK's default provider", () => {
  it("writes, streams, calls functions in a loop and makes objects", async () => {
    const caller = await newTenant();
    await caller.behave({ replies: [...weather, { to: "object", reply: '{"city": "Oslo"}' }] });
    const openai = providerOf(caller);
    const { text } = await generateText({ model: openai(model), prompt: "hello" });
    expect(text).toBe("echo: hello");
    const { textStream } = streamText({ model: openai(model), prompt: "one two" });
    let streamed = "";
    for await (const piece of textStream) streamed += piece;
    expect(streamed).toBe("echo: one two");
    const looped = await generateText({
      model: openai(model),
      prompt: "the weather",
      tools: {
        weather: tool({
          inputSchema: jsonSchema<{ city: string }>(parameters),
          execute: async ({ city }) => `rain in ${city}`,
        }),
      },
      stopWhen: stepCountIs(3),
    });
    expect([looped.text, looped.steps.length]).toEqual(["It rains.", 2]);
    const { object } = await generateObject({
      model: openai(model),
      prompt: "an object",
      schema: jsonSchema<{ city: string }>(parameters),
    });
    expect(object).toEqual({ city: "Oslo" });
  });

  it("continues a conversation that it holds itself", async () => {
    const caller = await newTenant();
    const openai = providerOf(caller);
    const messages = [
      { role: "user" as const, content: "one" },
      { role: "assistant" as const, content: "echo: one" },
      { role: "user" as const, content: "two" },
    ];
    const { text } = await generateText({ model: openai(model), messages });
    expect(text).toBe("echo: two");
    const { data } = await caller.get<{ data: { id: string; turn_count: number }[] }>(
      "/v1/sessions",
    );
    expect(data).toHaveLength(1);
    const session = await caller.get<SessionDetail>(`/v1/sessions/${data[0]?.id}`);
    expect(session.turns.map(({ content, reply }) => [content, reply])).toEqual([
      ["one", "echo: one"],
      ["two", "echo: two"],
    ]);
  });
});

describe("OpenAI's Agents", () => {
  it("runs an agent with a function to its final output", async () => {
    const caller = await newTenant();
    await caller.behave({ replies: weather });
    const agent = new Agent({
      name: "Reporter",
      instructions: "Report the weather.",
      model: new OpenAIResponsesModel(clientOf(caller) as never, model),
      tools: [
        agentTool({
          name: "weather",
          description: "Tells the weather",
          parameters: parameters as never,
          strict: true,
          execute: async (input) => `rain in ${(input as { city: string }).city}`,
        }),
      ],
    });
    const result = await run(agent, "the weather, please");
    expect(result.finalOutput).toBe("It rains.");
  });
});
