import { describe, expect, it } from "vitest";
import { Thought } from "../../../gpu-service/src/engine/batch/thought.ts";

/** The text in pieces of this length, divided. */
function divide(text: string, expects: "open" | "possible" | "none", length: number) {
  const thought = new Thought(expects);
  const whole = { reasoning: "", text: "" };
  const add = (part: typeof whole) => {
    whole.reasoning += part.reasoning;
    whole.text += part.text;
  };
  for (let at = 0; at < text.length; at += length) add(thought.push(text.slice(at, at + length)));
  add(thought.flush());
  return whole;
}

describe("Thought", () => {
  it("divides a reply into thought and answer, however it is cut into pieces", () => {
    const cases: [
      text: string,
      expects: "open" | "possible" | "none",
      reasoning: string,
      said: string,
    ][] = [
      ["<think>\nHm, 2 < 3.\n</think>\n\nThree.", "possible", "Hm, 2 < 3.", "Three."],
      ["Hm.\n</think>\n\n    indented", "open", "Hm.", "    indented"],
      ["<think>\n\n</think>\n\nYes.", "possible", "", "Yes."],
      ["<think>never ends </th", "possible", "never ends </th", ""],
      ["  <b>bold</b> </think>", "possible", "", "  <b>bold</b> </think>"],
      ["<think>x</think>y", "none", "", "<think>x</think>y"],
      ["<thin", "possible", "", "<thin"],
    ];
    for (const [text, expects, reasoning, said] of cases) {
      for (const length of [1, 2, 3, 7, 100]) {
        expect(divide(text, expects, length), `${text} by ${length}`).toEqual({
          reasoning,
          text: said,
        });
      }
    }
  });
});
