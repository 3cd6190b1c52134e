/** Every parameter of OpenAI's chat completions is honoured or refused: by its types, and by what is answered. */
import type OpenAI from "openai";
import { describe, expect, expectTypeOf, it } from "vitest";
import type {
  chatFields,
  messageFields,
  partTypes,
  streamOptions,
} from "../../edge/src/routes/openai/fields.ts";
import { appWith, newTenant } from "./support/client.ts";

type Chat = OpenAI.ChatCompletionCreateParamsNonStreaming;
type Keys<T> = T extends unknown ? keyof T : never;

describe("the lists of fields", () => {
  it("name every parameter that the openai package's types have", () => {
    expectTypeOf<Exclude<keyof Chat, keyof typeof chatFields>>().toEqualTypeOf<never>();
    type Options = OpenAI.ChatCompletionStreamOptions;
    expectTypeOf<Exclude<keyof Options, keyof typeof streamOptions>>().toEqualTypeOf<never>();
    type Message = OpenAI.ChatCompletionMessageParam | OpenAI.ChatCompletionMessage;
    expectTypeOf<Exclude<Keys<Message>, keyof typeof messageFields>>().toEqualTypeOf<never>();
    // Only parts of text are read; a part of a new kind is refused by its type.
    type Read = Extract<OpenAI.ChatCompletionContentPart, { type: (typeof partTypes)[number] }>;
    expectTypeOf<Read>().toEqualTypeOf<OpenAI.ChatCompletionContentPartText>();
  });
});

const user = { role: "user", content: "one two three" };

async function answerTo(
  caller: Awaited<ReturnType<typeof newTenant>>,
  extra: Record<string, unknown>,
) {
  const body = { model: "fake-mini", messages: [user], ...extra };
  const response = await caller.post("/v1/chat/completions", body);
  const json = (await response.json()) as {
    error?: { code: string; param?: string; message: string };
  };
  return { status: response.status, ...json };
}

describe("a parameter", () => {
  it("that would change the answer and is not supported is refused by its name", async () => {
    const caller = await newTenant();
    const refused: Record<string, unknown> = {
      n: 2,
      modalities: ["text", "audio"],
      audio: { voice: "alloy", format: "wav" },
      web_search_options: {},
      verbosity: "low",
      moderation: {},
      functions: [{ name: "f" }],
      function_call: { name: "f" },
      guided_json: { type: "object" },
      guided_regex: "a+",
      grammar: "root ::= 'a'",
      structured_outputs: { choice: ["a"] },
      min_tokens: 4,
      ignore_eos: true,
      stop_token_ids: [3],
      best_of: 2,
      echo: true,
      temprature: 0.5,
    };
    for (const [name, value] of Object.entries(refused)) {
      const { status, error } = await answerTo(caller, { [name]: value });
      expect({ status, ...error }, name).toMatchObject({
        status: 400,
        code: "unsupported_parameter",
        param: name,
        message: expect.stringContaining(name),
      });
    }
  });

  it("that asks for what is done anyway, or is null, is accepted", async () => {
    const caller = await newTenant();
    const taken: Record<string, unknown> = {
      n: 1,
      modalities: ["text"],
      function_call: "none",
      functions: [],
      verbosity: "medium",
      ignore_eos: false,
      min_tokens: 0,
      best_of: 1,
      guided_json: null,
      audio: null,
      store: true,
      user: "someone",
      metadata: { session_id: "ses_01KAQ2V7S3Z3XWJ0H1G8Y4T5RM", trace: "t" },
      prediction: { type: "content", content: "one" },
      stream_options: { include_obfuscation: false },
    };
    for (const [name, value] of Object.entries(taken)) {
      expect((await answerTo(caller, { [name]: value })).status, name).toBe(200);
    }
  });

  it("of a message is honoured or refused too", async () => {
    const caller = await newTenant();
    const said = (message: object) => answerTo(caller, { messages: [message, user] });
    const refused: [message: object, param: string][] = [
      [{ ...user, name: "Ann" }, "messages.0.name"],
      [{ role: "assistant", content: null, refusal: "no" }, "messages.0.refusal"],
      [{ role: "assistant", content: null, audio: { id: "a" } }, "messages.0.audio"],
      [
        { role: "assistant", content: null, function_call: { name: "f", arguments: "{}" } },
        "messages.0.function_call",
      ],
      [{ role: "critic", content: "x" }, "messages.0.role"],
      [
        { role: "user", content: [{ type: "image_url", image_url: { url: "data:," } }] },
        "messages.0.content.0.type",
      ],
      [{ ...user, colour: "red" }, "messages.0.colour"],
    ];
    for (const [message, param] of refused) {
      const { status, error } = await said(message);
      expect({ status, ...error }).toMatchObject({ status: 400, param });
    }
    const echoed = {
      role: "assistant",
      content: "hi",
      refusal: null,
      annotations: [],
      audio: null,
    };
    expect((await said(echoed)).status).toBe(200);
    for (const content of ["", " \n", [], [{ type: "text", text: "" }]]) {
      const { status, error } = await said({ role: "user", content });
      expect({ status, ...error }).toMatchObject({ status: 400, param: "messages.0.content" });
    }
  });

  it("reaches the model as it was given", async () => {
    const caller = await newTenant();
    const given: [sent: Record<string, unknown>, arrives: object][] = [
      [{ top_p: 0 }, { top_p: 0 }],
      [{ top_k: -1 }, { top_k: 0 }],
      [{ seed: 2 ** 62 }, { seed: 2 ** 62 }],
      [{ seed: -(2 ** 60) }, { seed: -(2 ** 60) }],
      [{ stop: "x".repeat(1_000) }, { stop: ["x".repeat(1_000)] }],
      [{ logit_bias: { "12": -100, "7": 3.5 } }, { logit_bias: { "12": -100, "7": 3.5 } }],
      [{}, { max_tokens: 256, max_tokens_may_shrink: true }],
      [{ max_completion_tokens: 9 }, { max_tokens: 9 }],
    ];
    for (const [sent, arrives] of given) {
      const answer = await answerTo(caller, sent);
      expect(answer.status, JSON.stringify(answer)).toBe(200);
      const [call] = (await caller.calls("/v1/generate")).slice(-1);
      expect(call?.sampling).toMatchObject(arrives);
    }
    const explicit = (await caller.calls("/v1/generate")).at(-1);
    expect(explicit?.sampling).not.toHaveProperty("max_tokens_may_shrink");
    for (const wrong of [{ logit_bias: { a: 1 } }, { logit_bias: { "1": 101 } }, { seed: 1.5 }]) {
      expect((await answerTo(caller, wrong)).status, JSON.stringify(wrong)).toBe(400);
    }
  });
});

describe("the model", () => {
  it("is the one that is served, or the request is refused; the answer names the one that ran", async () => {
    const caller = await newTenant();
    const { status, error } = await answerTo(caller, { model: "gpt-4o" });
    expect({ status, ...error }).toMatchObject({
      status: 404,
      code: "model_not_found",
      param: "model",
      message: expect.stringContaining('"fake-mini"'),
    });
    expect(await caller.calls("/v1/generate")).toEqual([]);
    expect(await answerTo(caller, {})).toMatchObject({ model: "fake-mini" });
  });

  it("has the aliases that the deployment gives it", async () => {
    const caller = await newTenant();
    for (const aliases of ["gpt-4o, gpt-4o-mini", "*"]) {
      const call = appWith({ MODEL_ALIASES: aliases });
      const body = JSON.stringify({ model: "gpt-4o", messages: [user] });
      const headers = {
        authorization: `Bearer ${caller.key}`,
        "content-type": "application/json",
      };
      const answer = await call("/v1/chat/completions", { method: "POST", body, headers });
      expect(await answer.json()).toMatchObject({ model: "fake-mini" });
      const read = await call("/v1/models/gpt-4o", { headers });
      expect(await read.json()).toMatchObject({ id: "fake-mini" });
    }
  });
});
