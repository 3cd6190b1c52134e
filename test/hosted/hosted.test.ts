/** A deployment without a GPU of its own: a hosted model gives replies, words adapt, and `weights` says why they do not. */
import { describe, expect, it } from "vitest";
import type { FeedbackResult, UsageReport } from "../../edge/src/contract/index.ts";
import {
  ask,
  bindings,
  eventually,
  judge,
  newTenant,
  openSession,
  readEvents,
  readSome,
  textOf,
} from "../edge/support/client.ts";

const model = String(bindings.INFERENCE_MODEL);
const isOpenAi = bindings.INFERENCE === "openai";

/** Requests to the stand-in, and the number of callers that left before the end. */
async function seen() {
  const response = await fetch(`${bindings.ENDPOINT}/__seen`);
  return (await response.json()) as {
    // biome-ignore lint/suspicious/noExplicitAny: tests look into every field
    bodies: any[];
    aborted: number;
  };
}
const lastBody = async () => (await seen()).bodies.at(-1);

const hello = { model, messages: [{ role: "user", content: "hello" }], temperature: 0 };
const tools = ["weather", "time"].map((name) => ({
  type: "function",
  function: { name, parameters: { type: "object", properties: { text: { type: "string" } } } },
}));

describe("a hosted model", () => {
  it("is named by health and by the list of models, and no GPU service is missed", async () => {
    const caller = await newTenant();
    const health =
      await caller.get<Record<string, { status: string; model: string | null }>>("/health");
    expect(health).toMatchObject({
      status: "ok",
      gpu: { status: "absent", model: null },
      inference: { status: "ok", model, provider: bindings.INFERENCE },
    });
    expect(await caller.get("/v1/models")).toMatchObject({
      data: [{ id: model, context_length: 8192 }],
    });
  });

  it("answers chat completions, whole and streamed, with its own count of tokens", async () => {
    const caller = await newTenant();
    const whole = await caller.make<Record<string, unknown>>("/v1/chat/completions", hello);
    expect(whole).toMatchObject({
      model,
      choices: [{ message: { content: "echo: hello" }, finish_reason: "stop" }],
      usage: {
        prompt_tokens: 1,
        completion_tokens: 2,
        prompt_tokens_details: { cached_tokens: 1 },
      },
    });
    const streamed = await caller.post("/v1/chat/completions", {
      ...hello,
      stream: true,
      stream_options: { include_usage: true },
    });
    const events = await readEvents(streamed);
    const said = events.flatMap(({ data }) => data.choices?.[0]?.delta.content ?? []);
    expect(said.join("")).toBe("echo: hello");
    expect(said.length).toBeGreaterThan(2);
    expect(events.at(-2)?.data.usage).toMatchObject({ completion_tokens: 2 });
  });

  it("is asked with the sampling of the request", async () => {
    const caller = await newTenant();
    const sampling = { temperature: 0.5, top_p: 0.9, top_k: 7, seed: 11, max_tokens: 33 };
    await caller.make("/v1/chat/completions", { ...hello, ...sampling, frequency_penalty: 0.5 });
    const seed = isOpenAi ? 11 : 12;
    expect(await lastBody()).toMatchObject({ ...sampling, seed, frequency_penalty: 0.5 });
  });

  it("calls functions, several at once, and gets their results", async () => {
    const caller = await newTenant();
    const asked = { ...hello, tools, tool_choice: "auto" };
    const { choices } = await caller.make<{
      // biome-ignore lint/suspicious/noExplicitAny: the shape is what is tested
      choices: any[];
    }>("/v1/chat/completions", asked);
    const { message, finish_reason } = choices[0];
    expect(finish_reason).toBe("tool_calls");
    expect(message.content).toBe("Calling.");
    // biome-ignore lint/suspicious/noExplicitAny: the shape is what is tested
    const called = message.tool_calls.map((call: any) => [
      call.function.name,
      JSON.parse(call.function.arguments),
    ]);
    expect(called).toEqual([
      ["weather", { text: "hello" }],
      ["time", { text: "hello" }],
    ]);
    const results = message.tool_calls.map(({ id }: { id: string }, i: number) => ({
      role: "tool",
      tool_call_id: id,
      content: `result ${i}`,
    }));
    const messages = [...hello.messages, message, ...results];
    await caller.make("/v1/chat/completions", { ...asked, messages });
    expect((await lastBody()).messages.slice(1)).toMatchObject([
      { role: "assistant", content: "Calling.", tool_calls: [{}, {}] },
      { role: "tool", content: "result 0" },
      { role: "tool", content: "result 1" },
    ]);
  });

  it("gets a session's calls and results in their own fields, too", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const inSession = { "x-rosa2-session": id };
    await caller.make("/v1/chat/completions", { ...hello, tools }, inSession);
    const result = (text: string, at: number) => ({
      role: "tool",
      tool_call_id: `call_${at}`,
      content: text,
    });
    const messages = [...hello.messages, result("rain", 0), result("noon", 1)];
    await caller.make("/v1/chat/completions", { ...hello, messages, tools }, inSession);
    expect((await lastBody()).messages).toMatchObject([
      { role: "user", content: "hello" },
      {
        role: "assistant",
        content: "Calling.",
        tool_calls: [{ function: { name: "weather" } }, { function: { name: "time" } }],
      },
      { role: "tool", content: "rain" },
      { role: "tool", content: "noon" },
    ]);
  });

  it("holds a reply to a schema", async () => {
    const caller = await newTenant();
    const schema = { type: "object", properties: { text: { type: "string" } } };
    const response_format = { type: "json_schema", json_schema: { name: "said", schema } };
    const answer = await caller.make<{ choices: { message: { content: string } }[] }>(
      "/v1/chat/completions",
      { ...hello, response_format },
    );
    expect(JSON.parse(answer.choices[0]?.message.content ?? "")).toEqual({ text: "hello" });
    const { json_schema } = (await lastBody()).response_format;
    expect(json_schema).toMatchObject({ schema, strict: true });
  });

  it("refuses a prompt that is too long before anything is stored", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const response = await caller.post(`/v1/sessions/${id}/turns`, { content: "long story" });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: "context_length_exceeded" } });
    expect(await caller.get(`/v1/sessions/${id}`)).toMatchObject({ turns: [] });
  });

  it("stops where it is told to, and the endpoint learns of it", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const before = (await seen()).aborted;
    const stream = await caller.post(`/v1/sessions/${id}/turns`, {
      content: "slow, please",
      stream: true,
    });
    const path = `/v1/sessions/${id}/turns/${stream.headers.get("x-rosa2-turn")}`;
    const others = await caller.fetch(`${path}/events`);
    await readSome(others, (events) => textOf(events).includes("word word"));
    const stopped = await caller.make<{ reply: string; usage: { completion_tokens: number } }>(
      `${path}/stop`,
      {},
    );
    expect(stopped).toMatchObject({ status: "stopped" });
    expect(stopped.reply).toMatch(/^echo: slow, please/);
    expect(stopped.usage.completion_tokens).toBeGreaterThan(2);
    expect(textOf(await readEvents(stream))).toBe(stopped.reply);
    await eventually(seen, ({ aborted }) => aborted > before);
  });
});

describe("feedback where a hosted model gives replies", () => {
  it("words the request by what was said, shows that model's proposals, and says why the weights stay", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "sort them");
    const result = await judge(caller, id, turn.id, {
      reward: -1,
      text: "I meant the smallest first",
      retry: true,
    });
    expect(result.words).toMatchObject({ changed: true, before: "sort them" });
    expect(result.words.after).toContain("smallest first");
    const wordings = result.words.candidates.map(({ by, wording }) => [by, wording]);
    expect(wordings).toContainEqual([bindings.INFERENCE, "sort them (I meant the smallest first)"]);
    expect(result.words).toMatchObject({
      by: "composed",
      reason: expect.stringContaining("nothing was scored"),
    });
    expect(result.words.rewriter).toMatchObject({ name: bindings.INFERENCE, failure: null });
    expect(result.weights).toMatchObject({ decision: "skipped" });
    expect(result.weights.reason).toMatch(/takes no updates; run the GPU service and set GPU_URL/);
    expect(result.turn?.prompt).toBe(result.words.after);
    expect(result.turn?.reply).toContain("smallest first");
    const { rewriter_calls, prompt_tokens } = await eventually(
      () => usageOf(caller, id).catch(() => null),
      (usage) => usage?.replies === 2,
    ).then((usage) => usage ?? expect.unreachable());
    expect(rewriter_calls).toBeGreaterThan(0);
    expect(prompt_tokens).toBeGreaterThan((turn.usage?.prompt_tokens ?? 0) * 2);
  });

  it("never gives a rejected reply again while there is another", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, { adaptation: { mode: "off" } });
    const path = `/v1/sessions/${id}/turns`;
    const turn = await caller.make<{ id: string; reply: string }>(path, {
      content: "hello",
      temperature: 0,
    });
    expect(turn.reply).toBe("echo: hello");
    const { turn: second } = await judge(caller, id, turn.id, { reward: -1, retry: true });
    expect(second?.reply).toMatch(/^echo: hello #\d+$/);
    expect((await seen()).bodies.slice(-2).map((body) => body.temperature)).toEqual([0, 1]);
  });

  it("takes praise and corrections, and keeps no right reply for later updates", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "hello");
    const praised: FeedbackResult = await judge(caller, id, turn.id, { reward: 1 });
    expect(praised.weights.decision).toBe("skipped");
    const again = await ask(caller, id, "hello again");
    const corrected = await judge(caller, id, again.id, {
      reward: -1,
      correction: "Good day.",
      wait: true,
    });
    expect(corrected).toMatchObject({ status: "done", weights: { decision: "skipped" } });
  });
});

async function usageOf(caller: Awaited<ReturnType<typeof newTenant>>, sessionId: string) {
  const { data } = await caller.get<UsageReport>("/v1/usage?group_by=session");
  const mine = data.find(({ group }) => group === sessionId);
  if (mine === undefined) throw new Error(`No usage of ${sessionId}`);
  return mine;
}
