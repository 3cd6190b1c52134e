/** Replies as a measurement reads them. */
import { expect, it } from "vitest";
import { asPrompts } from "../../../gpu-service/train/measure.ts";

it("reads a reply of no tokens as an empty one, and others as their text", () => {
  const directory = new URL("../../../gpu-service/models/rosa2-mini-2/", import.meta.url);
  const messages = [{ role: "user" as const, content: "sort 3 1" }];
  const { prompts, decode } = asPrompts(directory, [{ messages, reply: "1 3" }]);
  expect(decode([])).toBe("");
  expect(decode(prompts[0]!)).toContain("sort 3 1");
});
