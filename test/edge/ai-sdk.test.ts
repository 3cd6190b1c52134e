/** The Vercel AI SDK on the real Worker: its requests go through the Worker's fetch. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, streamText } from "ai";
import { describe, expect, it } from "vitest";
import type { SessionDetail, UsageReport } from "../../edge/src/contract/index.ts";
import { type Caller, eventually, newTenant, openSession, worker } from "./support/client.ts";

function modelOf(caller: Caller, headers: Record<string, string> = {}) {
  const provider = createOpenAICompatible({
    name: "rosa2",
    baseURL: "http://rosa2.test/v1",
    apiKey: caller.key,
    headers,
    includeUsage: true,
    fetch: ((input: RequestInfo, init?: RequestInit) =>
      worker.fetch(input as never, init as never)) as unknown as typeof fetch,
  });
  return provider("fake-mini");
}

describe("the AI SDK", () => {
  it("generates text with finish reason and usage", async () => {
    const caller = await newTenant();
    const { text, finishReason, usage, response } = await generateText({
      model: modelOf(caller),
      system: "Be brief.",
      prompt: "Say hello",
      temperature: 0,
      maxOutputTokens: 32,
      stopSequences: ["\n\n"],
    });
    expect(text).toBe("echo: Say hello");
    expect(finishReason).toBe("stop");
    expect(usage).toMatchObject({ inputTokens: 4, outputTokens: 3, totalTokens: 7 });
    expect(response.id).toMatch(/^chatcmpl_/);
    const [call] = await caller.calls("/v1/generate");
    expect(call?.messages.map(({ role }) => role)).toEqual(["system", "user"]);
  });

  it("streams text part by part, with usage at the end", async () => {
    const caller = await newTenant();
    const result = streamText({ model: modelOf(caller), prompt: "one two three four" });
    const parts: string[] = [];
    for await (const part of result.textStream) parts.push(part);
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.join("")).toBe("echo: one two three four");
    expect(await result.finishReason).toBe("stop");
    expect(await result.usage).toMatchObject({ inputTokens: 4, outputTokens: 5 });
  });

  it("reads over the heartbeats of a stream whose reply waits in the queue", async () => {
    const caller = await newTenant();
    await caller.behave({ queueMs: 1_000 });
    const result = streamText({ model: modelOf(caller), prompt: "one two" });
    expect(await result.text).toBe("echo: one two");
    expect(await result.finishReason).toBe("stop");
  });

  it("answers from a session that its header names, and its reply can be corrected", async () => {
    const caller = await newTenant();
    const { id } = await openSession(caller);
    const model = modelOf(caller, { "x-rosa2-session": id });
    const { response } = await generateText({ model, prompt: "Name the colour" });
    expect(response.id).toMatch(/^turn_/);
    await caller.make(`/v1/sessions/${id}/turns/${response.id}/feedback`, {
      reward: -1,
      correction: "green",
      wait: true,
    });
    expect((await generateText({ model, prompt: "Name the colour" })).text).toBe("green");
    expect((await caller.get<SessionDetail>(`/v1/sessions/${id}`)).turns).toHaveLength(2);
  });

  it("aborts a stream: the generation ends on the GPU, and what was read is metered", async () => {
    const caller = await newTenant();
    await caller.behave({ holdAfter: 10 });
    const abort = new AbortController();
    const prompt = Array.from({ length: 40 }, (_, i) => `word${i}`).join(" ");
    const result = streamText({
      model: modelOf(caller),
      prompt,
      abortSignal: abort.signal,
      maxRetries: 0,
      onError: () => {},
    });
    let seen = "";
    for await (const part of result.fullStream) {
      if (part.type === "abort") break;
      if (part.type !== "text-delta") continue;
      seen += part.text;
      if (seen.length > 20) abort.abort();
    }
    expect(seen.length).toBeGreaterThan(20);
    expect(seen.length).toBeLessThan(150);
    await eventually(
      () => caller.calls("/v1/generate"),
      ([call]) => call?.aborted === true,
    );
    const { data } = await eventually(
      () => caller.get<UsageReport>("/v1/usage"),
      (report) => report.data[0]?.replies === 1,
    );
    expect(data[0]?.completion_tokens).toBeLessThan(40);
  });

  it("raises our errors with status, message and whether a retry can help", async () => {
    const caller = await newTenant();
    const failureOf = (model: ReturnType<typeof modelOf>) =>
      generateText({ model, prompt: "hi", maxRetries: 0 }).then(
        () => expect.unreachable(),
        (error) => error as APICallError,
      );
    const wrongKey = await failureOf(modelOf({ ...caller, key: `rosa2_${"x".repeat(43)}` }));
    expect(APICallError.isInstance(wrongKey)).toBe(true);
    expect(wrongKey).toMatchObject({ statusCode: 401, isRetryable: false });
    expect(wrongKey.message).toContain("unknown, revoked or expired");
    const noSession = await failureOf(modelOf(caller, { "x-rosa2-session": "ses_none" }));
    expect(noSession).toMatchObject({ statusCode: 404, message: "No such session" });
    await caller.behave({ down: ["/v1/generate"] });
    const down = await failureOf(modelOf(caller));
    expect(down).toMatchObject({ statusCode: 503, isRetryable: true });
  });

  it("tries again by itself when the service comes back", async () => {
    const caller = await newTenant();
    await caller.behave({ down: ["/v1/generate"] });
    const asking = generateText({ model: modelOf(caller), prompt: "hi", maxRetries: 2 });
    await eventually(
      () => caller.calls("/v1/generate"),
      (calls) => calls.length > 0,
    );
    await caller.behave({});
    expect((await asking).text).toBe("echo: hi");
  });

  it("tells a failure in the middle of a stream as an error part", async () => {
    const caller = await newTenant();
    await caller.behave({ breakAfter: 2 });
    const errors: unknown[] = [];
    const result = streamText({
      model: modelOf(caller),
      prompt: "one two three four",
      maxRetries: 0,
      onError: ({ error }) => {
        errors.push(error);
      },
    });
    const kinds: string[] = [];
    for await (const part of result.fullStream) kinds.push(part.type);
    expect(kinds).toContain("text-delta");
    expect(kinds).toContain("error");
    expect(errors).toHaveLength(1);
  });
});
