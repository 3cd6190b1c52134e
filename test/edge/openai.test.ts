/** The `openai` package on the real Worker: its requests go through the Worker's fetch. */
import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import type { BudgetBody, SessionDetail } from "../../edge/src/contract/index.ts";
import { type Caller, eventually, newTenant, openSession, worker } from "./support/client.ts";

function clientOf(caller: Caller, headers: Record<string, string> = {}): OpenAI {
  return new OpenAI({
    apiKey: caller.key,
    baseURL: "http://rosa2.test/v1",
    defaultHeaders: headers,
    maxRetries: 0,
    fetch: ((input: RequestInfo, init?: RequestInit) =>
      worker.fetch(input as never, init as never)) as unknown as typeof fetch,
  });
}

const user = (content: string) => ({
  model: "fake-mini",
  messages: [{ role: "user" as const, content }],
});

function failureOf(call: PromiseLike<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  return Promise.resolve(call).then(
    () => expect.unreachable("The call should fail"),
    (error) => error,
  );
}

describe("the openai package", () => {
  it("lists the model, and reads it by its name", async () => {
    const client = clientOf(await newTenant());
    const { data } = await client.models.list();
    expect(data).toEqual([await client.models.retrieve("fake-mini")]);
    const unknown = await failureOf(client.models.retrieve("org/other"));
    expect(unknown).toBeInstanceOf(OpenAI.NotFoundError);
    expect(unknown.message).toContain('"org/other"');
  });

  it("tells why a reply ended: by itself, at a stop string, at the limit of tokens", async () => {
    const client = clientOf(await newTenant());
    const reply = async (options: object) => {
      const { choices, usage } = await client.chat.completions.create({
        ...user("one two three four"),
        ...options,
      });
      return [choices[0]?.message.content, choices[0]?.finish_reason, usage?.completion_tokens];
    };
    expect(await reply({})).toEqual(["echo: one two three four", "stop", 5]);
    expect(await reply({ stop: " three" })).toEqual(["echo: one two", "stop", 3]);
    expect(await reply({ stop: ["nowhere", " two"] })).toEqual(["echo: one", "stop", 2]);
    expect(await reply({ max_tokens: 2 })).toEqual(["echo: one ", "length", 2]);
    expect(await reply({ max_completion_tokens: 3 })).toEqual(["echo: one two ", "length", 3]);
  });

  it("streams with usage in the last chunk, log-probs with each", async () => {
    const client = clientOf(await newTenant());
    const stream = await client.chat.completions.create({
      ...user("one two"),
      stream: true,
      stream_options: { include_usage: true },
      logprobs: true,
      max_tokens: 2,
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 2 } });
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("length");
    const tokens = chunks.flatMap(({ choices }) => choices[0]?.logprobs?.content ?? []);
    expect(tokens.map(({ token }) => token)).toEqual(["echo: ", "one "]);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
  });

  it("reads over the heartbeats of a stream whose reply waits in the queue", async () => {
    const caller = await newTenant();
    await caller.behave({ queueMs: 1_000 });
    const body = { ...user("one two"), stream: true };
    const text = await (await caller.post("/v1/chat/completions", body)).text();
    expect(text.slice(0, text.indexOf("echo:"))).toContain("\n: ping\n\n: ping\n\n");
    const stream = await clientOf(caller).chat.completions.create({
      ...user("one two"),
      stream: true,
    });
    let read = "";
    for await (const chunk of stream) read += chunk.choices[0]?.delta.content ?? "";
    expect(read).toBe("echo: one two");
  });

  it("runs its streaming helper to the final message", async () => {
    const client = clientOf(await newTenant());
    const runner = client.chat.completions.stream({
      ...user("hello"),
      stream_options: { include_usage: true },
    });
    expect(await runner.finalContent()).toBe("echo: hello");
    expect(await runner.totalUsage()).toMatchObject({ total_tokens: 3 });
  });

  it("passes parameters of OpenAI's that mean nothing here", async () => {
    const client = clientOf(await newTenant());
    const { choices } = await client.chat.completions.create({
      ...user("hi"),
      n: 1,
      store: false,
      user: "someone",
      service_tier: "auto",
      prompt_cache_key: "k",
      parallel_tool_calls: true,
      logit_bias: {},
      response_format: { type: "text" },
    });
    expect(choices).toHaveLength(1);
  });

  it("raises every failure as the class that its users catch", async () => {
    const caller = await newTenant();
    const client = clientOf(caller);
    const ask = (options: object = {}) =>
      failureOf(client.chat.completions.create({ ...user("hi"), ...options }));
    const two = await ask({ n: 2 });
    expect(two).toBeInstanceOf(OpenAI.BadRequestError);
    expect(two).toMatchObject({
      status: 400,
      code: "unsupported_parameter",
      param: "n",
      type: "invalid_request_error",
      requestID: expect.stringMatching(/^req_/),
    });
    expect(two.message).toBe("400 Only n = 1 is supported");
    expect(await ask({ temperature: 9 })).toMatchObject({ status: 400, param: "temperature" });
    expect(await ask({ top_logprobs: 3 })).toMatchObject({ status: 400, param: "top_logprobs" });

    const stranger = clientOf({ ...caller, key: `rosa2_${"x".repeat(43)}` });
    const wrongKey = await failureOf(stranger.chat.completions.create(user("hi")));
    expect(wrongKey).toBeInstanceOf(OpenAI.AuthenticationError);
    expect(wrongKey).toMatchObject({ code: "invalid_key" });

    const { key } = await caller.make<{ key: string }>("/v1/keys", {
      name: "learner",
      scopes: ["adapt"],
    });
    const noScope = await failureOf(
      clientOf({ ...caller, key }).chat.completions.create(user("hi")),
    );
    expect(noScope).toBeInstanceOf(OpenAI.PermissionDeniedError);

    const noSession = clientOf(caller, { "x-rosa2-session": "ses_01KAQ2V7S3Z3XWJ0H1G8Y4T5RM" });
    const nowhere = await failureOf(noSession.chat.completions.create(user("hi")));
    expect(nowhere).toBeInstanceOf(OpenAI.NotFoundError);

    const keyed = { headers: { "idempotency-key": "k1" } };
    await client.chat.completions.create(user("hi"), keyed);
    const mismatch = await failureOf(client.chat.completions.create(user("other"), keyed));
    expect(mismatch).toBeInstanceOf(OpenAI.UnprocessableEntityError);

    const error = { status: 429, code: "queue_full", message: "256 replies are waiting" };
    await caller.behave({ error: { "/v1/generate": error } });
    const full = await ask();
    expect(full).toBeInstanceOf(OpenAI.RateLimitError);
    await caller.behave({ down: ["/v1/generate"] });
    const down = await ask();
    expect(down).toBeInstanceOf(OpenAI.InternalServerError);
    expect(down).toMatchObject({ status: 503, code: "gpu_unavailable" });
    expect(down.headers?.get("retry-after")).toBe("5");

    await caller.behave({});
    await caller.fetch("/v1/budget", {
      method: "PUT",
      body: JSON.stringify({ cap_usd: 0 }),
      headers: { "content-type": "application/json" },
    });
    expect(await ask()).toMatchObject({ status: 402, code: "budget_exceeded" });
  });

  it("raises a failure in the middle of a stream", async () => {
    const caller = await newTenant();
    await caller.behave({ breakAfter: 2 });
    const stream = await clientOf(caller).chat.completions.create({
      ...user("one two three four"),
      stream: true,
    });
    let text = "";
    const failure = await failureOf(
      (async () => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? "";
      })(),
    );
    expect(text).toBe("echo: one ");
    expect(failure).toBeInstanceOf(OpenAI.APIError);
    expect(failure).toMatchObject({ code: "gpu_unavailable" });
  });

  it("aborts a stateless stream, which ends the reply on the GPU and settles its reservation", async () => {
    const caller = await newTenant();
    await caller.behave({ holdAfter: 5 });
    const words = Array.from({ length: 40 }, (_, i) => `word${i}`).join(" ");
    const stream = await clientOf(caller).chat.completions.create({ ...user(words), stream: true });
    let seen = 0;
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content && ++seen === 3) break;
    }
    await eventually(
      () => caller.calls("/v1/generate"),
      ([call]) => call?.aborted === true,
    );
    await eventually(
      () => caller.get<BudgetBody>("/v1/budget"),
      ({ spent_usd, reserved_usd }) => spent_usd > 0 && reserved_usd === 0,
    );
  });

  it("answers in a session, which goes on when the client aborts", async () => {
    const caller = await newTenant();
    await caller.behave({ deltaMs: 40 });
    const { id } = await openSession(caller);
    const client = clientOf(caller, { "x-rosa2-session": id });
    const stream = await client.chat.completions.create({
      ...user("one two three four five six"),
      stream: true,
    });
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break;
    const { turns } = await eventually(
      () => caller.get<SessionDetail>(`/v1/sessions/${id}`),
      (session) => session.turns[0]?.status === "completed",
    );
    expect(turns[0]?.reply).toBe("echo: one two three four five six");
  });
});
