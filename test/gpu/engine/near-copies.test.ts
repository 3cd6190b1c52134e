import { describe, expect, it } from "vitest";
import { isNearCopy } from "../../../gpu-service/src/engine/batch/near-copies.ts";

const long = Array.from({ length: 40 }, (_, i) => i);

describe("a near copy of a rejected reply", () => {
  it("has most of its 5-grams, even if a token or two were changed", () => {
    expect(isNearCopy(long, [long])).toBe(true);
    expect(isNearCopy(long.with(20, 99), [long])).toBe(true);
    expect(isNearCopy(long.slice(3), [long])).toBe(true);
  });

  it("is not a reply that differs in substance", () => {
    expect(isNearCopy(long.toReversed(), [long])).toBe(false);
    expect(isNearCopy([...long.slice(0, 20), ...long.slice(0, 20).toReversed()], [long])).toBe(
      false,
    );
  });

  it("is not looked for among short replies, which are ruled out exactly", () => {
    expect(isNearCopy(long.slice(0, 8), [long.slice(0, 8)])).toBe(false);
  });
});
