/** Replies of a requested shape, through the whole service: with a model that says anything, and with a real one. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadOptions } from "../support/load-options.ts";
import { ask, TestService } from "../support/service.ts";

let fake: TestService;
let mini: TestService;
beforeAll(async () => {
  fake = await TestService.start({ runtime: { contextLength: 2_048 } });
  mini = await TestService.start({
    model: loadOptions("gpu-service/models/rosa2-mini", { contextTokensMax: 512 }),
  });
});
afterAll(async () => {
  await fake.stop();
  await mini.stop();
});

const schema = {
  type: "object",
  properties: {
    city: { type: "string", maxLength: 8 },
    days: { type: "integer", minimum: 0, maximum: 99 },
    kind: { enum: ["sun", "rain"] },
  },
  required: ["city", "days", "kind"],
};
const tools = [
  {
    name: "weather",
    parameters: {
      type: "object",
      properties: { at: { type: "string", maxLength: 8 } },
      required: ["at"],
    },
  },
  {
    name: "stop",
    parameters: { type: "object", properties: { now: { type: "boolean" } }, required: ["now"] },
  },
];
const call = /^<tool_call>\n\{"name": "(\w+)", "arguments": (\{.*?\})\}\n<\/tool_call>$/s;

async function reply(service: TestService, content: string, output: object, sampling: object = {}) {
  const events = await service.generate({
    ...ask(content),
    sampling: { max_tokens: 160, ...sampling, output },
  });
  const done = events.at(-1);
  if (done?.type !== "done") throw new Error(`The reply ended with ${JSON.stringify(done)}`);
  const streamed = events.map((event) => (event.type === "delta" ? event.text : "")).join("");
  expect(streamed).toBe(done.text);
  return done;
}

function checkWeather(value: unknown): void {
  expect(value).toEqual({
    city: expect.any(String),
    days: expect.any(Number),
    kind: expect.stringMatching(/^(sun|rain)$/),
  });
}

describe.each(["fake", "mini"])("the %s model", (name) => {
  const service = () => (name === "fake" ? fake : mini);

  it("gives JSON of a schema, greedy and drawn, whatever the model would have said", async () => {
    const format = { type: "json_schema", schema };
    for (const sampling of [{}, { temperature: 1.5, seed: 3 }, { logit_bias: { "40": -5 } }]) {
      const { text, finish_reason } = await reply(service(), "say hello", { format }, sampling);
      expect(finish_reason).toBe("stop");
      checkWeather(JSON.parse(text));
    }
  });

  it("gives some JSON object, or as much of it as its length allows", async () => {
    const format = { type: "json_object" };
    const { text, finish_reason } = await reply(service(), 'say {"a": [1, 2]}', { format });
    expect(text.trimStart().startsWith("{")).toBe(true);
    if (finish_reason === "stop") expect(JSON.parse(text)).toBeTypeOf("object");
  });

  it("calls a function when it must, the named one if one is named, and only one where parallel calls are off", async () => {
    const must = await reply(service(), "say hello", {
      tools,
      tool_choice: "required",
      parallel_tool_calls: false,
    });
    expect(must.text).toMatch(call);
    for (const { name: chosen } of tools) {
      const { text } = await reply(service(), "say hello", {
        tools,
        tool_choice: { name: chosen },
      });
      const [, called, json] = call.exec(text) ?? [];
      expect(called).toBe(chosen);
      expect(JSON.parse(json ?? "")).toBeTypeOf("object");
    }
  });

  it("gives free text where it may, or where it must not call", async () => {
    const free = await reply(service(), "say hello", {});
    const none = await reply(service(), "say hello", { tools, tool_choice: "none" });
    expect(none.text).toBe(free.text);
  });
});

describe("a call that the model begins by itself", () => {
  it("must follow the functions' schemas from its first mark on, and several calls may follow", async () => {
    const one = '<tool_call>\n{"name": "stop", "arguments": {"now": true}}\n</tool_call>';
    const { text } = await reply(fake, `say Well. ${one} ${one}`, { tools });
    expect(text).toBe(`Well. ${one} ${one}`);
    const single = await reply(fake, `say ${one} ${one}`, { tools, parallel_tool_calls: false });
    expect(single.text).toBe(one);
    const wrong = '<tool_call>\n{"name": "rm", "arguments": {}}';
    const bound = await reply(fake, `say ${wrong}`, { tools }, { max_tokens: 40 });
    expect(bound.text).toMatch(/^<tool_call>\n\{"name": "(weather|stop)", "argu/);
  });
});

describe("a schema that cannot be compiled", () => {
  it("is refused, and the next one is compiled", async () => {
    for (const bad of [{ type: "foo" }, { $ref: "#/nope" }, { type: "string", pattern: "(" }]) {
      const response = await fake.post("/v1/generate", {
        tenant: "t",
        ...ask("say hello"),
        sampling: { output: { format: { type: "json_schema", schema: bad } } },
      });
      expect(response.status, JSON.stringify(bad)).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: "invalid_request" } });
    }
    const format = { type: "json_schema", schema };
    checkWeather(JSON.parse((await reply(fake, "say hello", { format })).text));
  });
});
