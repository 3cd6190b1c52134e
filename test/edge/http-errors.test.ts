/** Answers to a body, path, method or header that is wrong: each has a status of its own and says what to do. */
import OpenAI from "openai";
import { describe, expect, it } from "vitest";
import { newTenant, worker } from "./support/client.ts";

async function errorOf(response: Response) {
  const { error } = (await response.json()) as {
    error: { type: string; code: string; message: string; param?: string };
  };
  return { status: response.status, ...error };
}

const chat = JSON.stringify({
  model: "fake-mini",
  messages: [{ role: "user", content: "hello" }],
});

describe("a body", () => {
  it("of another content type is refused with 415 on every route that takes one", async () => {
    const caller = await newTenant();
    const paths: [method: string, path: string][] = [
      ["POST", "/v1/chat/completions"],
      ["POST", "/v1/sessions"],
      ["POST", "/v1/keys"],
      ["PUT", "/v1/budget"],
      ["POST", "/v1/sessions/ses_01KAQ2V7S3Z3XWJ0H1G8Y4T5RM/turns"],
    ];
    for (const [method, path] of paths) {
      for (const type of [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
      ]) {
        const headers = { "content-type": type };
        const response = await caller.fetch(path, { method, body: chat, headers });
        const error = await errorOf(response);
        expect(error, `${path} ${type}`).toMatchObject({
          status: 415,
          code: "unsupported_media_type",
        });
        expect(error.message).toContain("application/json");
        expect(error.message).toContain(type);
      }
    }
  });

  it("without a content type is read as the JSON it is", async () => {
    const caller = await newTenant();
    const bytes = (text: string) => new TextEncoder().encode(text);
    const read = await caller.fetch("/v1/chat/completions", { method: "POST", body: bytes(chat) });
    expect(read.status).toBe(200);
    const broken = await caller.fetch("/v1/chat/completions", { method: "POST", body: bytes("{") });
    expect(await errorOf(broken)).toMatchObject({ status: 400, code: "invalid_json" });
    const nothing = await caller.fetch("/v1/chat/completions", { method: "POST" });
    expect(await errorOf(nothing)).toMatchObject({ status: 400 });
  });

  it("is taken under every name of JSON", async () => {
    const caller = await newTenant();
    for (const type of ["application/json; charset=utf-8", "application/vnd.api+json"]) {
      const headers = { "content-type": type };
      const response = await caller.fetch("/v1/chat/completions", {
        method: "POST",
        body: chat,
        headers,
      });
      expect(response.status, type).toBe(200);
    }
  });

  it("that is compressed is refused by its encoding", async () => {
    const caller = await newTenant();
    const packed = new Blob([chat]).stream().pipeThrough(new CompressionStream("gzip"));
    const response = await caller.fetch("/v1/chat/completions", {
      method: "POST",
      body: await new Response(packed).arrayBuffer(),
      headers: { "content-type": "application/json", "content-encoding": "gzip" },
    });
    expect(await errorOf(response)).toMatchObject({
      status: 415,
      code: "unsupported_media_type",
      message: expect.stringContaining("gzip"),
    });
  });

  it("names what a union allows", async () => {
    const caller = await newTenant();
    const refusal = async (extra: object) =>
      errorOf(await caller.post("/v1/chat/completions", { ...JSON.parse(chat), ...extra }));
    const stop = await refusal({ stop: 5 });
    expect(stop).toMatchObject({ status: 400, code: "invalid_request", param: "stop" });
    expect(stop.message).toMatch(/^stop: .*string.* or .*array/);
    const deep = await refusal({ stop: ["a", 5] });
    expect(deep).toMatchObject({ param: "stop.1" });
    expect(deep.message).toMatch(/^stop\.1: .*string/);
    const content = await refusal({ messages: [{ role: "user", content: 5 }] });
    expect(content).toMatchObject({ param: "messages.0.content" });
    expect(content.message).toMatch(/string.* or .*array/);
  });
});

describe("a path", () => {
  it("asked with a method that it lacks is 405, with the methods that it has", async () => {
    const caller = await newTenant();
    const cases: [method: string, path: string, allow: string][] = [
      ["GET", "/v1/chat/completions", "POST"],
      ["DELETE", "/v1/budget", "GET, HEAD, PUT"],
      ["PATCH", "/v1/sessions", "GET, HEAD, POST"],
      ["POST", "/health", "GET, HEAD"],
      ["PUT", "/v1/models/org/name", "GET, HEAD"],
    ];
    for (const [method, path, allow] of cases) {
      const response = await caller.fetch(path, { method });
      expect(response.headers.get("allow"), `${method} ${path}`).toBe(allow);
      expect(await errorOf(response)).toMatchObject({
        status: 405,
        code: "method_not_allowed",
        message: expect.stringContaining(allow),
      });
    }
  });

  it("close to a known one is told that one", async () => {
    const caller = await newTenant();
    const cases: [path: string, near: string][] = [
      ["/v1/chat/completion", "/v1/chat/completions"],
      ["/v1/v1/chat/completions", "/v1/chat/completions"],
      ["/chat/completions", "/v1/chat/completions"],
      ["/v1/chat/completions/", "/v1/chat/completions"],
      ["/v1/session", "/v1/sessions"],
      ["/v1/sessions/ses_1/turn", "/v1/sessions/{s}/turns"],
      ["/v1/Models", "/v1/models"],
    ];
    for (const [path, near] of cases) {
      const error = await errorOf(await caller.fetch(path));
      expect(error, path).toMatchObject({ status: 404, code: "not_found" });
      expect(error.message).toContain(`Did you mean ${near}?`);
    }
    const far = await errorOf(await caller.fetch("/v1/clouds/over/lyon"));
    expect(far.message).toBe("No route GET /v1/clouds/over/lyon");
  });

  it("of OpenAI's that no served model can answer is told what helps", async () => {
    const caller = await newTenant();
    const client = new OpenAI({
      apiKey: caller.key,
      baseURL: "http://rosa2.test/v1",
      maxRetries: 0,
      fetch: ((input: RequestInfo, init?: RequestInit) =>
        worker.fetch(input as never, init as never)) as unknown as typeof fetch,
    });
    const asked = client.embeddings.create({ model: "fake-mini", input: "hello" });
    await expect(asked).rejects.toMatchObject({ status: 404, code: "not_found" });
    await expect(asked).rejects.toThrow("gives replies and no embeddings");
    const legacy = client.completions.create({ model: "fake-mini", prompt: "hello" });
    await expect(legacy).rejects.toThrow("/v1/chat/completions");
    await expect(client.files.list()).rejects.toThrow("text alone");
  });
});

describe("a key", () => {
  it("without Bearer, or with another scheme, is told so", async () => {
    const caller = await newTenant();
    for (const authorization of [caller.key, `Basic ${caller.key}`, `Token ${caller.key}`]) {
      const response = await caller.fetch("/v1/models", { headers: { authorization } });
      const error = await errorOf(response);
      expect(error).toMatchObject({ status: 401, code: "invalid_key" });
      expect(error.message).toContain("Authorization: Bearer rosa2_");
      expect(error.message).not.toContain(caller.key);
    }
    for (const authorization of ["Bearer sk-123", "Bearer "]) {
      const error = await errorOf(await caller.fetch("/v1/models", { headers: { authorization } }));
      expect(error.message, authorization).toContain("rosa2_");
    }
  });
});

describe("amounts and headers at the edge of what can be kept", () => {
  it("refuses a cap below the smallest amount of money that is counted", async () => {
    const caller = await newTenant();
    const set = (cap_usd: number) =>
      caller.fetch("/v1/budget", {
        method: "PUT",
        body: JSON.stringify({ cap_usd }),
        headers: { "content-type": "application/json" },
      });
    expect(await errorOf(await set(1e-12))).toMatchObject({ status: 400, param: "cap_usd" });
    expect(await (await set(1e-9)).json()).toMatchObject({ cap_usd: 1e-9 });
    expect(await (await set(0)).json()).toMatchObject({ cap_usd: 0 });
  });

  it("answers a request with ten thousand headers", async () => {
    const caller = await newTenant();
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`x-h${i}`, "v"]));
    const response = await caller.fetch("/v1/chat/completions", {
      method: "POST",
      body: chat,
      headers: { ...many, "content-type": "application/json" },
    });
    expect([200, 431]).toContain(response.status);
  });
});
