import { describe, expect, it } from "vitest";
import { parseConfig } from "../../edge/src/config.ts";
import { pauseMs } from "../../edge/src/pause.ts";

const good = { GPU_URL: "http://127.0.0.1:8790/", GPU_SECRET: "0123456789abcdef" };

describe("configuration", () => {
  it("has defaults for everything but the GPU service", () => {
    expect(parseConfig(good)).toMatchObject({
      gpu: {
        pools: [{ region: null, url: "http://127.0.0.1:8790" }],
        timeoutMs: 60_000,
        proxyHeaders: {},
      },
      contextTokens: 512,
      rateLimit: true,
      prices: { inputNanos: 100, outputNanos: 400 },
    });
  });

  it.each([
    [{ ...good, REWRITER: "magic" }, /REWRITER must be one of compose, gpu, openai, workers-ai/],
    [{ ...good, REWRITER: "openai" }, /REWRITER_URL is required when REWRITER is openai/],
    [{ ...good, REWRITER: "workers-ai" }, /REWRITER_MODEL is required when REWRITER is workers-ai/],
    [{ ...good, GPU_URL: "gpu.local" }, /GPU_URL must be an http\(s\) URL \(is "gpu.local"\)/],
    [{ GPU_URL: good.GPU_URL }, /GPU_SECRET is required when INFERENCE is gpu/],
    [{ GPU_SECRET: good.GPU_SECRET }, /GPU_URL is required when INFERENCE is gpu/],
    [{ INFERENCE: "workers-ai" }, /INFERENCE_MODEL is required when INFERENCE is workers-ai/],
    [{ INFERENCE: "openai", INFERENCE_MODEL: "m" }, /INFERENCE_URL is required when INFERENCE is/],
    [{ ...good, INFERENCE: "cloud" }, /INFERENCE must be one of gpu, openai, workers-ai/],
    [{ ...good, GPU_URL: "" }, /GPU_URL must be an http\(s\) URL/],
    [{ ...good, GPU_URL: "weur=http://a,http:b c" }, /GPU_URL must be an http\(s\) URL/],
    [{ ...good, GPU_URL: "mars=http://a" }, /GPU_URL must name one of the regions wnam, enam, /],
    [{ ...good, INFERENCE_URL: "eu=http://a" }, /INFERENCE_URL must name one of the regions /],
    [{ ...good, GPU_SECRET: "short" }, /GPU_SECRET must have at least 16 characters/],
    [{ ...good, CONTEXT_TOKENS: "many" }, /CONTEXT_TOKENS must be a number of tokens/],
    [{ ...good, RATE_LIMIT: "maybe" }, /RATE_LIMIT must be one of on, off/],
  ])("names the variable and what is allowed: %j", (variables, message) => {
    expect(() => parseConfig(variables)).toThrow(message);
  });

  it("reads several GPU services with their regions", () => {
    const both = "weur=https://eu.example.com/, enam=https://us.example.com";
    expect(parseConfig({ ...good, GPU_URL: both }).gpu.pools).toEqual([
      { region: "weur", url: "https://eu.example.com" },
      { region: "enam", url: "https://us.example.com" },
    ]);
  });

  it("never prints a secret", () => {
    try {
      parseConfig({ ...good, GPU_SECRET: "hunter2" });
      expect.unreachable();
    } catch (error) {
      expect(String(error)).not.toContain("hunter2");
    }
  });
});

describe("pauses between attempts", () => {
  it("double from two seconds to five minutes", () => {
    expect([1, 2, 3, 8, 9, 50].map(pauseMs)).toEqual([
      2_000, 4_000, 8_000, 256_000, 300_000, 300_000,
    ]);
  });
});
