/**
 * What each client can do here, with the packages themselves. They give the rows of edge/CLIENTS.md. Where a row
 * differs, change that file to what this test prints.
 */
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { HumanMessage } from "@langchain/core/messages";
import { tool as chainTool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import {
  Agent,
  tool as agentTool,
  OpenAIChatCompletionsModel,
  OpenAIResponsesModel,
  run,
} from "@openai/agents";
import {
  generateObject,
  generateText,
  jsonSchema,
  type LanguageModel,
  stepCountIs,
  streamText,
  tool,
} from "ai";
import OpenAI from "openai";
import { describe, expect, it } from "vitest";
// @ts-expect-error a text, which vite reads
import documented from "../../edge/CLIENTS.md?raw";
import { toolReplies } from "../support/tool-replies.ts";
import { type Caller, eventually, newTenant } from "./support/client.ts";
import {
  base,
  chatTools,
  type Doing,
  earlier,
  type Feature,
  features,
  long,
  model,
  parameters,
  send,
  user,
} from "./support/client-features.ts";
import { eventSource, openapiFetch } from "./support/generated-clients.ts";

const client = (caller: Caller) =>
  new OpenAI({ apiKey: caller.key, baseURL: base, maxRetries: 0, fetch: send });
const statusOf = (work: PromiseLike<unknown>) =>
  Promise.resolve(work).then(
    () => "no error",
    (error) => error.status ?? error.statusCode ?? error.cause?.status ?? String(error),
  );

const flatTools = [{ type: "function" as const, name: "weather", parameters, strict: true }];

const openaiChat: Doing = {
  text: async (c) =>
    (await client(c).chat.completions.create({ model, messages: user("hi") })).choices[0]?.message
      .content,
  stream: async (c) =>
    await client(c)
      .chat.completions.stream({ model, messages: user("hi") })
      .finalContent(),
  abort: async (c) => {
    const stream = await client(c).chat.completions.create({
      model,
      messages: user(long),
      stream: true,
    });
    let seen = 0;
    for await (const _ of stream) if (++seen === 3) break;
  },
  tools: async (c) =>
    await client(c)
      .chat.completions.runTools({
        model,
        messages: user("the weather"),
        tools: [
          {
            type: "function",
            function: {
              name: "weather",
              description: "Tells the weather",
              parameters,
              parse: JSON.parse,
              function: ({ city }: { city: string }) => `rain in ${city}`,
            },
          },
        ],
      })
      .finalContent(),
  "parallel tools": async (c) =>
    (
      await client(c).chat.completions.create({
        model,
        messages: user("both cities"),
        tools: chatTools,
      })
    ).choices[0]?.message.tool_calls?.length,
  json_schema: async (c) => {
    const response_format = {
      type: "json_schema" as const,
      json_schema: { name: "c", schema: parameters },
    };
    const answer = await client(c).chat.completions.create({
      model,
      messages: user("an object"),
      response_format,
    });
    return JSON.parse(answer.choices[0]?.message.content ?? "");
  },
  thinking: async (c) => {
    const { choices } = await client(c).chat.completions.create({ model, messages: user("hi") });
    const message = choices[0]?.message as { reasoning_content?: string } | undefined;
    return message?.reasoning_content;
  },
  history: async (c) =>
    void (await client(c).chat.completions.create({ model, messages: earlier })),
  errors: (c) =>
    statusOf(client(c).chat.completions.create({ model: "gpt-4o", messages: user("hi") })),
};

const openaiResponses: Doing = {
  text: async (c) => (await client(c).responses.create({ model, input: "hi" })).output_text,
  stream: async (c) =>
    (await client(c).responses.stream({ model, input: "hi" }).finalResponse()).output_text,
  abort: async (c) => {
    const stream = await client(c).responses.create({
      model,
      input: long,
      stream: true,
      store: false,
    });
    let seen = 0;
    for await (const { type } of stream) if (type.endsWith("text.delta") && ++seen === 3) break;
  },
  tools: async (c) => {
    const first = await client(c).responses.create({
      model,
      input: "the weather",
      tools: flatTools,
    });
    const [called] = first.output;
    if (called?.type !== "function_call") return first.output;
    const output = {
      type: "function_call_output" as const,
      call_id: called.call_id,
      output: "rain in Oslo",
    };
    return (
      await client(c).responses.create({ model, input: [output], previous_response_id: first.id })
    ).output_text;
  },
  "parallel tools": async (c) =>
    (
      await client(c).responses.create({ model, input: "both cities", tools: flatTools })
    ).output.filter(({ type }) => type === "function_call").length,
  json_schema: async (c) => {
    const format = { type: "json_schema" as const, name: "c", schema: parameters };
    return JSON.parse(
      (await client(c).responses.create({ model, input: "an object", text: { format } }))
        .output_text,
    );
  },
  thinking: async (c) => {
    const { output } = await client(c).responses.create({ model, input: "hi" });
    return output
      .flatMap((item) => (item.type === "reasoning" ? item.summary : []))
      .map(({ text }) => text)
      .join("");
  },
  history: async (c) => {
    const { id } = await client(c).responses.create({ model, input: "one" });
    await client(c).responses.create({ model, input: "two", previous_response_id: id });
  },
  errors: (c) => statusOf(client(c).responses.create({ model: "gpt-4o", input: "hi" })),
};

/** Both providers of the AI SDK are asked for the same. */
function aiSdk(of: (caller: Caller, name: string) => LanguageModel): Doing {
  const weather = tool({
    inputSchema: jsonSchema<{ city: string }>(parameters),
    execute: async ({ city }) => `rain in ${city}`,
  });
  return {
    text: async (c) => (await generateText({ model: of(c, model), prompt: "hi" })).text,
    stream: async (c) => await streamText({ model: of(c, model), prompt: "hi" }).text,
    abort: async (c) => {
      const stop = new AbortController();
      let seen = 0;
      const { textStream } = streamText({
        model: of(c, model),
        prompt: long,
        abortSignal: stop.signal,
      });
      for await (const _ of textStream) if (++seen === 3) stop.abort();
    },
    tools: async (c) =>
      (
        await generateText({
          model: of(c, model),
          prompt: "the weather",
          tools: { weather },
          stopWhen: stepCountIs(3),
        })
      ).text,
    "parallel tools": async (c) =>
      (await generateText({ model: of(c, model), prompt: "both cities", tools: { weather } }))
        .toolCalls.length,
    json_schema: async (c) =>
      (
        await generateObject({
          model: of(c, model),
          prompt: "an object",
          schema: jsonSchema<object>(parameters),
        })
      ).object,
    thinking: async (c) =>
      (await generateText({ model: of(c, model), prompt: "hi" })).reasoningText,
    history: async (c) => void (await generateText({ model: of(c, model), messages: earlier })),
    errors: (c) => statusOf(generateText({ model: of(c, "gpt-4o"), prompt: "hi", maxRetries: 0 })),
  };
}

function agents(of: (caller: Caller, name: string) => Agent["model"]): Doing {
  const weather = agentTool({
    name: "weather",
    description: "Tells the weather",
    parameters: parameters as never,
    strict: true,
    execute: async (input) => `rain in ${(input as { city: string }).city}`,
  });
  const agent = (c: Caller, name = model, tools: never[] = []) =>
    new Agent({ name: "Agent", instructions: "Help.", model: of(c, name), tools } as never);
  return {
    text: async (c) => (await run(agent(c), "hi")).finalOutput,
    stream: async (c) => {
      const result = await run(agent(c), "hi", { stream: true });
      await result.completed;
      return result.finalOutput;
    },
    tools: async (c) => (await run(agent(c, model, [weather as never]), "the weather")).finalOutput,
    "parallel tools": async (c) => {
      const { newItems } = await run(agent(c, model, [weather as never]), "both cities");
      return newItems.filter(({ type }) => type === "tool_call_item").length;
    },
    history: async (c) => {
      const first = await run(agent(c), "one");
      await run(agent(c), [...first.history, { role: "user", content: "two" }] as never);
    },
    errors: (c) => statusOf(run(agent(c, "gpt-4o"), "hi")),
  };
}

const chain = (c: Caller, name = model) =>
  new ChatOpenAI({
    model: name,
    apiKey: c.key,
    maxRetries: 0,
    configuration: { baseURL: base, fetch: send as never },
  });
const weatherOfChain = chainTool(async ({ city }: { city: string }) => `rain in ${city}`, {
  name: "weather",
  description: "Tells the weather",
  schema: parameters,
} as never);
const langchain: Doing = {
  text: async (c) => (await chain(c).invoke("hi")).content,
  stream: async (c) => {
    let text = "";
    for await (const { content } of await chain(c).stream("hi")) text += content;
    return text;
  },
  abort: async (c) => {
    let seen = 0;
    for await (const _ of await chain(c).stream(long)) if (++seen === 3) break;
  },
  tools: async (c) => {
    const bound = chain(c).bindTools([weatherOfChain]);
    const question = new HumanMessage("the weather");
    const first = await bound.invoke([question]);
    const result = await weatherOfChain.invoke(first.tool_calls?.[0] as never);
    return (await bound.invoke([question, first, result as never])).content;
  },
  "parallel tools": async (c) =>
    (await chain(c).bindTools([weatherOfChain]).invoke("both cities")).tool_calls?.length,
  json_schema: async (c) =>
    await chain(c)
      .withStructuredOutput(parameters, { method: "jsonSchema", name: "c" } as never)
      .invoke("an object"),
  history: async (c) => void (await chain(c).invoke(earlier)),
  errors: (c) => statusOf(chain(c, "gpt-4o").invoke("hi")),
};

const clients: Record<string, Doing> = {
  "openai: chat.completions": openaiChat,
  "openai: responses": openaiResponses,
  "AI SDK: openai-compatible": aiSdk((c, name) =>
    createOpenAICompatible({
      name: "rosa2",
      baseURL: base,
      apiKey: c.key,
      fetch: send,
      supportsStructuredOutputs: true,
    })(name),
  ),
  "AI SDK: openai (responses)": aiSdk((c, name) =>
    createOpenAI({ baseURL: base, apiKey: c.key, fetch: send })(name),
  ),
  "OpenAI Agents: responses": agents(
    (c, name) => new OpenAIResponsesModel(client(c) as never, name),
  ),
  "OpenAI Agents: chat": agents(
    (c, name) => new OpenAIChatCompletionsModel(client(c) as never, name),
  ),
  "LangChain JS": langchain,
  "openapi-fetch over openapi-typescript": openapiFetch,
  EventSource: eventSource,
};

/** What each feature must give, whichever client asks. */
const must: Record<Feature, (found: unknown, caller: Caller) => Promise<void> | void> = {
  text: (found) => expect(found).toBe("echo: hi"),
  stream: (found) => expect(found).toBe("echo: hi"),
  abort: async (_, caller) => {
    await eventually(
      () => caller.calls("/v1/generate"),
      ([made]) => made !== undefined,
    );
  },
  tools: (found) => expect(found).toBe("It rains."),
  "parallel tools": (found) => expect(found).toBe(2),
  json_schema: async (found, caller) => {
    expect(found).toEqual({ city: "Oslo" });
    const asked = (await caller.calls("/v1/generate")).at(-1)?.sampling.output;
    expect(asked).toMatchObject({ format: { type: "json_schema" } });
  },
  thinking: (found) => expect(found).toBe("Hm, so."),
  history: async (_, caller) => {
    const seen = (await caller.calls("/v1/generate"))
      .at(-1)
      ?.messages.map(({ content }) => content);
    expect(seen?.filter((content) => content !== "Help.")).toEqual(["one", "echo: one", "two"]);
  },
  errors: (found) => expect(found).toBe(404),
};

describe("the table of edge/CLIENTS.md", () => {
  it("has a column for each feature", () => {
    const head = `| client | ${features.join(" | ")} |\n|---|${features.map(() => "---").join("|")}|`;
    expect(documented).toContain(head);
  });

  it.each(Object.entries(clients))(
    "says what %s does",
    async (name, doing) => {
      const cells: string[] = [];
      for (const feature of features) {
        const work = doing[feature];
        if (work === undefined) {
          cells.push("–");
          continue;
        }
        const caller = await newTenant();
        const deltaMs = feature === "abort" ? 20 : 0;
        const reasoning = feature === "thinking" ? { reasoning: "Hm, so." } : {};
        await caller.behave({ replies: toolReplies, deltaMs, ...reasoning });
        const problem = await Promise.resolve()
          .then(() => work(caller))
          .then((found) => must[feature](found, caller))
          .then(
            () => null,
            (error) => `${name}, ${feature}: ${String(error).slice(0, 300)}`,
          );
        if (problem !== null) console.log(problem);
        cells.push(problem === null ? "yes" : "no");
      }
      const row = `| ${name} | ${cells.join(" | ")} |`;
      if (!documented.includes(row)) console.log(row);
      expect(documented).toContain(row);
      expect(row).not.toContain("| no |");
    },
    60_000,
  );
});
