import { describe, expect, it } from "vitest";
import { rightReply } from "../../edge/src/session/evidence.ts";
import type { TurnRow } from "../../edge/src/session/store/rows.ts";

describe("the reply that is known to be right", () => {
  const base = { retry: false, stream: false };
  const turn = (reply: string) => ({ reply }) as TurnRow;

  it("is the correction, after the think block that the rejected reply had", () => {
    const thought = "<think>\ntwo and two\n</think>\n\n";
    const feedback = { ...base, reward: -1, correction: "4" };
    expect(rightReply(feedback, turn(`${thought}5`))?.reply).toBe(`${thought}4`);
    expect(rightReply(feedback, turn("5"))?.reply).toBe("4");
    const own = "<think>\nno, four\n</think>\n\n4";
    expect(rightReply({ ...feedback, correction: own }, turn(`${thought}5`))?.reply).toBe(own);
  });

  it("is the praised reply, or nothing where the reply was wrong", () => {
    expect(rightReply({ ...base, reward: 1 }, turn("4"))).toEqual({ kind: "accepted", reply: "4" });
    expect(rightReply({ ...base, reward: -1 }, turn("5"))).toBeNull();
  });
});
