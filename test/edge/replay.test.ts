/** What a right reply is to later updates: learned with them, held in place, or nothing. */
import { describe, expect, it } from "vitest";
import { replayKind } from "../../edge/src/session/policy/update-plan.ts";

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
