import { describe, expect, it } from "vitest";
import { appWith, newTenant } from "./support/client.ts";

describe("the rate limit", () => {
  it("counts by key, tells what is left, and says how long to wait", async () => {
    const caller = await newTenant();
    const asked: string[] = [];
    const call = appWith({
      RATE_LIMIT: "on",
      LIMITER_1200: {
        limit: async ({ key }: { key: string }) => {
          asked.push(key);
          return { success: asked.length < 3 };
        },
      },
    });
    const headers = { authorization: `Bearer ${caller.key}` };
    const first = await call("/v1/sessions", { headers });
    expect(first.status).toBe(200);
    expect(first.headers.get("ratelimit-policy")).toBe('"key";q=1200;w=60');
    expect(first.headers.get("ratelimit-limit")).toBe("1200");
    expect(first.headers.get("ratelimit-remaining")).toBe("1199");
    const second = await call("/v1/nothing", { headers });
    expect(second.status).toBe(404);
    // A new minute may have begun in between.
    expect(second.headers.get("ratelimit")).toMatch(/^"key";r=119[89];t=\d{1,2}$/);
    const third = await call("/v1/sessions", { headers });
    expect(third.status).toBe(429);
    expect(third.headers.get("ratelimit-remaining")).toBe("0");
    const waitS = Number(third.headers.get("retry-after"));
    expect(waitS).toBeGreaterThan(0);
    expect(waitS).toBeLessThanOrEqual(60);
    expect(third.headers.get("ratelimit-reset")).toBe(String(waitS));
    expect(await third.json()).toMatchObject({ error: { code: "rate_limited" } });
    expect(new Set(asked).size).toBe(1);
    expect(asked[0]).toMatch(/^key_/);
  });

  it("is each key's own, enforced by the platform's limiter", async () => {
    const caller = await newTenant();
    const slow = await caller.make<{ key: string; requests_per_minute: number }>("/v1/keys", {
      name: "slow",
      requests_per_minute: 60,
    });
    expect(slow.requests_per_minute).toBe(60);
    const call = appWith({ RATE_LIMIT: "on" });
    // One more than two windows hold, should a minute end meanwhile; a path without work behind it.
    const refusals = async (key: string) => {
      const headers = { authorization: `Bearer ${key}` };
      const answers = await Promise.all(
        Array.from({ length: 121 }, () => call("/v1/nothing", { headers })),
      );
      return answers.filter(({ status }) => status === 429).length;
    };
    const refused = await refusals(slow.key);
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThanOrEqual(61);
    expect(await refusals(caller.key)).toBe(0);
    const wrong = await caller.post("/v1/keys", { name: "odd", requests_per_minute: 61 });
    expect(wrong.status).toBe(400);
  });
});

describe("cross-origin calls", () => {
  it("are allowed from listed origins only", async () => {
    const call = appWith({ CORS_ORIGINS: "https://app.example, https://other.example" });
    const asked = "authorization,content-type,x-rosa2-session,x-stainless-os";
    const preflight = (origin: string) =>
      call("/v1/chat/completions", {
        method: "OPTIONS",
        headers: {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": asked,
        },
      });
    const allowed = await preflight("https://app.example");
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get("access-control-allow-origin")).toBe("https://app.example");
    // The openai package sends a dozen headers of its own.
    const headers = allowed.headers.get("access-control-allow-headers")?.replaceAll(" ", "");
    expect(headers).toBe(asked);
    const refused = await preflight("https://evil.example");
    expect(refused.headers.get("access-control-allow-origin")).toBeNull();
  });
});

describe("cross-origin answers", () => {
  it("may be read by listed origins, errors too, and by no other", async () => {
    const call = appWith({ CORS_ORIGINS: "https://app.example" });
    const from = (origin: string) => call("/v1/sessions", { headers: { origin } });
    const mine = await from("https://app.example");
    expect(mine.status).toBe(401);
    expect(mine.headers.get("access-control-allow-origin")).toBe("https://app.example");
    expect(mine.headers.get("vary")).toContain("Origin");
    expect(mine.headers.get("access-control-expose-headers")).toContain("retry-after");
    for (const origin of ["https://evil.example", "https://app.example.evil.example", "null"]) {
      expect((await from(origin)).headers.get("access-control-allow-origin"), origin).toBeNull();
    }
  });

  it("never let a browser send cookies along", async () => {
    const call = appWith({ CORS_ORIGINS: "*" });
    const answer = await call("/health", { headers: { origin: "https://any.example" } });
    expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
  });
});

describe("every answer", () => {
  it("carries a request id and safe headers, errors too", async () => {
    const call = appWith({});
    for (const path of ["/health", "/v1/sessions", "/nothing"]) {
      const response = await call(path);
      expect(response.headers.get("x-request-id"), path).toMatch(/^req_/);
      expect(response.headers.get("x-content-type-options"), path).toBe("nosniff");
      expect(response.headers.get("content-security-policy"), path).toContain(
        "frame-ancestors 'none'",
      );
      expect(response.headers.get("strict-transport-security"), path).toBeNull();
    }
    expect((await call("/v1/sessions")).headers.get("cache-control")).toBe("no-store");
  });

  it("asks browsers to stay on https where it is served by it", async () => {
    const call = appWith({});
    for (const path of ["https://rosa2.test/health", "https://rosa2.test/nothing"]) {
      const { headers } = await call(path);
      expect(headers.get("strict-transport-security"), path).toMatch(/^max-age=\d{8}/);
    }
  });

  it("replaces a request id that could not be one", async () => {
    const call = appWith({});
    const response = await call("/health", { headers: { "x-request-id": "two words" } });
    expect(response.headers.get("x-request-id")).toMatch(/^req_/);
  });

  it("is a plain 500 under a bad configuration, without its values", async () => {
    const call = appWith({ GPU_SECRET: "short" });
    const response = await call("/health");
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("short");
  });
});
