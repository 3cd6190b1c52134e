/** What a right reply is to later updates: learned with them, held in place, or nothing. */
import type { AdaptRow, Message } from "@rosa2/shared/protocol";
import { describe, expect, it } from "vitest";
import { cutLongest, replayKind } from "../../edge/src/session/policy/update-plan.ts";

describe("a right reply in later updates", () => {
  it.each([
    [
      "a correction, however unlikely",
      { kind: "corrected", logprob: -60, attempt: 1 },
      "corrected",
    ],
    ["a late success", { kind: "accepted", logprob: -60, attempt: 2 }, "accepted"],
    [
      "one accepted at once that lacks little",
      { kind: "accepted", logprob: -2, attempt: 1 },
      "accepted",
    ],
    ["one accepted at once that is sure", { kind: "accepted", logprob: -0.01, attempt: 1 }, null],
    ["a long one that was drawn", { kind: "accepted", logprob: -35, attempt: 1 }, "held"],
    ["one whose log-prob is unknown", { kind: "accepted", logprob: null, attempt: 1 }, "held"],
  ] as const)("%s", (_, example, kind) => {
    expect(replayKind(example)).toBe(kind);
  });
});

describe("rows that exceed the model's window", () => {
  const user = (content: string): Message => ({ role: "user", content });
  const assistant = (content: string): Message => ({ role: "assistant", content });
  const rowOf = (reply: string, ...messages: Message[]): AdaptRow => ({
    messages,
    reply,
    kind: "corrected",
    weight: 1,
  });
  const exchange = [user("a long question"), assistant("a long answer")];

  it("lose dialogue from the longest on, then the longest itself, but never the example at hand", () => {
    const kept = rowOf("a very long reply to a short request", user("short"));
    const example = rowOf("x", ...exchange, ...exchange, user("now"));
    const once = cutLongest([kept, example])!;
    expect(once).toEqual([kept, rowOf("x", ...exchange, user("now"))]);
    const twice = cutLongest(once)!;
    expect(twice).toEqual([kept, rowOf("x", user("now"))]);
    const thrice = cutLongest(twice)!;
    expect(thrice).toEqual([rowOf("x", user("now"))]);
    expect(cutLongest(thrice)).toBeNull();
  });
});
