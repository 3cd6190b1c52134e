import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isNearCopy, NearCopies } from "../../../gpu-service/src/engine/batch/near-copies.ts";

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

  it("is ruled out early, and then stays ruled out however the reply goes on", () => {
    const newFrom = (reply: readonly number[], rejected: readonly number[][]) => {
      const copies = new NearCopies(rejected);
      return reply.findIndex((id) => {
        copies.push(id);
        return copies.isNew;
      });
    };
    // 36 known 5-grams: ten of its own are more than a fifth of all, and the first is complete with the fifth token.
    expect(newFrom(long.toReversed(), [long])).toBe(13);
    expect(newFrom(long, [long])).toBe(-1);
    const ids = fc.array(fc.nat(3), { maxLength: 60 });
    const cases = fc.tuple(ids, fc.array(fc.array(fc.nat(3), { maxLength: 40 }), { maxLength: 3 }));
    fc.assert(
      fc.property(cases, ([reply, rejected]) => {
        const at = newFrom(reply, rejected);
        if (at < 0) return;
        for (let end = at + 1; end <= reply.length; end++)
          expect(isNearCopy(reply.slice(0, end), rejected)).toBe(false);
      }),
    );
  });

  it("is not looked for among short replies, which are ruled out exactly", () => {
    expect(isNearCopy(long.slice(0, 8), [long.slice(0, 8)])).toBe(false);
  });
});
