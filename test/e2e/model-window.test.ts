import { describe, expect, it } from "vitest";
import { checkedContext } from "../../edge/local/model-check.ts";

const directory = "gpu-service/models/rosa2-mini-2";

describe("the window that npm start gives to the edge", () => {
  it("is that of a named model, as the GPU service will serve it", async () => {
    expect(await checkedContext({ MODEL: directory })).toBe(512);
    expect(await checkedContext({ MODEL: directory, CONTEXT_TOKENS: "128" })).toBe(128);
    expect(await checkedContext({ MODEL: directory, CONTEXT_TOKENS: "9000" })).toBe(512);
  });

  it("is the edge's own setting for the bundled model", async () => {
    expect(await checkedContext({})).toBeNull();
  });
});
