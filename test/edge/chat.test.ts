import { describe, expect, it } from "vitest";
import { ask, judge, newTenant, openSession, readEvents } from "./support/client.ts";

const path = "/v1/chat/completions";
const user = (content: unknown) => ({ model: "fake-mini", messages: [{ role: "user", content }] });

describe("chat completions without a session", () => {
  it("have OpenAI's shape", async () => {
    const caller = await newTenant();
    const response = await caller.post(path, user("hi there"));
    expect(response.headers.get("x-rosa2-generation")).toBe("base");
    expect(response.headers.get("x-rosa2-session")).toBeNull();
    expect(await response.json()).toEqual({
      id: expect.stringMatching(/^chatcmpl_/),
      object: "chat.completion",
      created: expect.any(Number),
      model: "fake-mini",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: "echo: hi there", refusal: null },
          logprobs: null,
          finish_reason: "stop",
        },
      ],
      usage: {
        prompt_tokens: 2,
        completion_tokens: 3,
        total_tokens: 5,
        prompt_tokens_details: { cached_tokens: 0 },
      },
      rosa2: { session: null, generation: "base", cost: { usd: expect.any(Number) } },
    });
  });

  it("stream chunks that end with the finish reason, usage when asked for, and [DONE]", async () => {
    const caller = await newTenant();
    const body = { ...user("hi there"), stream: true, stream_options: { include_usage: true } };
    const events = await readEvents(await caller.post(path, body));
    expect(events.at(-1)?.data).toBe("[DONE]");
    const chunks = events.slice(0, -1).map(({ data }) => data);
    expect(chunks.every((chunk) => chunk.object === "chat.completion.chunk")).toBe(true);
    expect(chunks[0].choices[0].delta).toEqual({ role: "assistant", content: "" });
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    expect(text).toBe("echo: hi there");
    expect(chunks.at(-2).choices[0].finish_reason).toBe("stop");
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 5 } });
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    const plain = await readEvents(await caller.post(path, { ...user("hi"), stream: true }));
    expect(plain.some(({ data }) => data.usage !== undefined)).toBe(false);
  });

  it("send every message, with developer as system and parts joined", async () => {
    const caller = await newTenant();
    await caller.make(path, {
      model: "fake-mini",
      messages: [
        { role: "developer", content: "Be brief." },
        {
          role: "user",
          content: [
            { type: "text", text: "a" },
            { type: "text", text: "b" },
          ],
        },
        { role: "assistant", content: "c" },
        { role: "user", content: "d" },
      ],
    });
    const [call] = await caller.calls("/v1/generate");
    expect(call?.messages).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "ab" },
      { role: "assistant", content: "c" },
      { role: "user", content: "d" },
    ]);
    expect(call?.adapter).toBeNull();
  });

  it("report log-probs when asked to", async () => {
    const caller = await newTenant();
    const whole = await caller.make<{
      choices: { logprobs: { content: { token: string; bytes: number[] }[] } }[];
    }>(path, { ...user("hi"), logprobs: true, top_logprobs: 2 });
    expect(whole.choices[0]?.logprobs.content.map(({ token }) => token)).toEqual(["echo: ", "hi"]);
    expect(whole.choices[0]?.logprobs.content[1]?.bytes).toEqual([104, 105]);
  });

  it("refuse what would change the answer if it were ignored, and tolerate the rest", async () => {
    const caller = await newTenant();
    const refused: [extra: object, param: string][] = [
      [{ n: 2 }, "n"],
      [{ tools: [{ type: "custom" }] }, "tools.0.type"],
      [{ messages: [{ role: "critic", content: "x" }] }, "messages.0.role"],
      [
        { messages: [{ role: "user", content: [{ type: "image_url" }] }] },
        "messages.0.content.0.type",
      ],
    ];
    for (const [extra, param] of refused) {
      const response = await caller.post(path, { ...user("hi"), ...extra });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        error: { code: "unsupported_parameter", param },
      });
    }
    const tolerated = { n: 1, user: "u", store: true, tools: [], stop: null };
    expect((await caller.post(path, { ...user("hi"), ...tolerated })).status).toBe(200);
  });

  it("answer a failure before the first chunk with its status, and a later one in the stream", async () => {
    const caller = await newTenant();
    await caller.behave({ down: ["/v1/generate"] });
    const down = await caller.post(path, { ...user("hi"), stream: true });
    expect(down.status).toBe(503);
    await caller.behave({ breakAfter: 2 });
    const broken = await caller.post(path, { ...user("one two three"), stream: true });
    expect(broken.status).toBe(200);
    const events = await readEvents(broken);
    expect(events.at(-1)?.data).toMatchObject({ error: { code: "gpu_unavailable" } });
  });
});

describe("chat completions in a session", () => {
  it("take the session from the header, and from nowhere else", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    for (const headers of [{}, { "x-rosa2-session": "none" }] as Record<string, string>[]) {
      const traced = { ...user("hello"), metadata: { session_id: id } };
      const alone = await caller.post(path, traced, headers);
      expect(alone.headers.get("x-rosa2-session")).toBeNull();
      expect(await alone.json()).toMatchObject({ rosa2: { session: null } });
    }
    const response = await caller.post(path, user("hello"), { "x-rosa2-session": id });
    const body = (await response.json()) as { id: string };
    expect(body.id).toMatch(/^turn_/);
    expect(response.headers.get("x-rosa2-session")).toBe(id);
    expect(response.headers.get("x-rosa2-generation")).toBe("base");
    expect(await caller.get(`/v1/sessions/${id}/turns/${body.id}`)).toMatchObject({
      content: "hello",
      status: "completed",
    });
  });

  it("answer from the session's generation, whole and streamed", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const turn = await ask(caller, id, "Say hello");
    const { weights } = await judge(caller, id, turn.id, {
      reward: -1,
      correction: "hello",
      wait: true,
    });
    const headers = { "x-rosa2-session": id };
    const whole = await caller.make(path, user("Say hello"), headers);
    expect(whole).toMatchObject({
      choices: [{ message: { content: "hello" } }],
      rosa2: { session: id, generation: weights.generation },
    });
    const events = await readEvents(
      await caller.post(path, { ...user("Say hello"), stream: true }, headers),
    );
    const text = events
      .slice(0, -1)
      .map(({ data }) => data.choices[0]?.delta.content ?? "")
      .join("");
    expect(text).toBe("hello");
    expect(events.at(-2)?.data.rosa2.generation).toBe(weights.generation);
  });

  it("use the server's history and not the client's", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller, {
      instructions: "Be brief.",
      adaptation: { mode: "weights" },
    });
    await ask(caller, id, "first");
    await caller.make(
      path,
      {
        model: "fake-mini",
        messages: [
          { role: "user", content: "made up" },
          { role: "assistant", content: "made up too" },
          { role: "user", content: "second" },
        ],
      },
      { "x-rosa2-session": id },
    );
    const calls = await caller.calls("/v1/generate");
    expect(calls[1]?.messages).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: "first" },
      { role: "assistant", content: "echo: first" },
      { role: "user", content: "second" },
    ]);
  });

  it("keep the turn when the service is down, and name it", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    await caller.behave({ down: ["/v1/generate"] });
    for (const stream of [false, true]) {
      const response = await caller.post(
        path,
        { ...user("hello"), stream },
        { "x-rosa2-session": id },
      );
      expect(response.status).toBe(503);
      expect(response.headers.get("x-rosa2-turn")).toMatch(/^turn_/);
    }
  });

  it("need a request from the user", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    for (const messages of [
      [{ role: "assistant", content: "hello" }],
      [{ role: "user", content: " " }],
    ]) {
      const response = await caller.post(
        path,
        { model: "fake-mini", messages },
        { "x-rosa2-session": id },
      );
      expect(response.status).toBe(400);
    }
  });
});
