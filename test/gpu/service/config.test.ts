import { describe, expect, it } from "vitest";
import { ConfigError, readConfig } from "../../../gpu-service/src/config.ts";

const secret = "sixteen characters";

describe("readConfig", () => {
  it("needs nothing but the secret", () => {
    const config = readConfig({ GPU_SECRET: secret, UNRELATED: "x" });
    expect(config).toMatchObject({
      GPU_HOST: "127.0.0.1",
      GPU_PORT: 8790,
      GPU_SECRET: [secret],
      PROVIDER: "cpu",
      QUANTIZE: "none",
    });
    expect(config.MODEL).toMatch(/gpu-service\/models\/rosa2-mini-2$/);
    expect(config.KV_BYTES).toBeGreaterThan(1_000_000);
  });

  it("takes an empty value as none given", () => {
    expect(readConfig({ GPU_SECRET: secret, GPU_PORT: "", MODEL: "" }).GPU_PORT).toBe(8790);
  });

  it("takes two secrets while one replaces the other, and no third", () => {
    expect(readConfig({ GPU_SECRET: `${secret}, another ${secret}` }).GPU_SECRET).toEqual([
      secret,
      `another ${secret}`,
    ]);
    expect(() => readConfig({ GPU_SECRET: `${secret},${secret},${secret}` })).toThrow(
      "two secrets",
    );
    expect(() => readConfig({ GPU_SECRET: `${secret},` })).toThrow("at least 16 characters");
  });

  it.each([
    ["GPU_SECRET", undefined, "GPU_SECRET: is required"],
    ["GPU_PORT", "http", 'GPU_PORT="http"'],
    ["GPU_PORT", "1.5", 'GPU_PORT="1.5"'],
    ["QUANTIZE", "16", '"4"|"8"|"none"'],
    ["PROVIDER", "CPU", '"cpu"|"webgpu"|"cuda"'],
    ["BACKGROUND_SHARE", "0", 'BACKGROUND_SHARE="0"'],
    ["ROWS", "-1", 'ROWS="-1"'],
    ["LOG_LEVEL", "loud", '"silent"'],
    ["HF_ENDPOINT", "hub.example", "needs the form https://host"],
    ["HF_ENDPOINT", "file:///etc", "needs the form https://host"],
  ])("refuses %s=%j by name, with what is allowed", (name, value, message) => {
    const read = () => readConfig({ GPU_SECRET: secret, [name]: value });
    expect(read).toThrow(ConfigError);
    expect(read).toThrow(message);
  });

  it("keeps the hub's token out of its messages, and strips slashes from the hub's address", () => {
    const read = (HF_TOKEN: string) =>
      readConfig({ GPU_SECRET: secret, HF_TOKEN, HF_ENDPOINT: "http://hub.example/hf/" });
    expect(read("hf_abc")).toMatchObject({
      HF_TOKEN: "hf_abc",
      HF_ENDPOINT: "http://hub.example/hf",
    });
    expect(() => read("abc")).toThrow("HF_TOKEN: needs the form hf_");
    expect(() => read("abc")).not.toThrow("abc");
  });

  it("names every bad setting at once, and never a secret's value", () => {
    const read = () => readConfig({ GPU_SECRET: "hunter2", PROVIDER: "tpu", ROWS: "x" });
    expect(read).toThrow(/PROVIDER="tpu"[\s\S]*ROWS="x"/);
    try {
      read();
    } catch (error) {
      expect(String(error)).not.toContain("hunter2");
      expect(String(error).match(/\n {2}/g)).toHaveLength(3);
    }
  });
});
