/** Remarks as people type them, to the bundled model: the retry does what the remark says, and no fact changes. */
import { Rosa2 } from "rosa2";
import { describe, expect, it } from "vitest";
import type { Rosa } from "./support/rosa.ts";
import { useRosa } from "./support/use-rosa.ts";

/** Each was written before it was tried. */
const remarks: readonly (readonly [request: string, remark: string, right: string])[] = [
  ["Take two: 4 8 1 9", "I meant the last two", "1 9"],
  ["Take two: 4 8 1 9", "the largest please", "9 8"],
  ["Filter the even ones: 4 7 2 9 6", "I want them removed", "7 9"],
  ["Sort them: 4 8 1 9", "largest first", "9 8 4 1"],
  ["Sort them: 4 8 1 9", "no, start with the largest", "9 8 4 1"],
  ["Repeat them: 4 8 1", "the whole list twice", "4 8 1 4 8 1"],
  ["Flip them: 4 8 1 9", "only the first and the last", "9 8 1 4"],
  ["sort 5 3 9 1", "largest first", "9 5 3 1"],
  ["Sort them: pear fig apple", "with quotes", '"apple fig pear"'],
  ["Sort them: 4 8 1 9", "put brackets around it", "[1 4 8 9]"],
  [
    "invite Anna to lunch on 3 May at 14:30",
    "more formal please",
    "Dear Anna, I invite you to lunch on 3 May at 14:30. Kind regards",
  ],
  [
    "invite Anna to lunch on 3 May at 14:30",
    "it is from both of us",
    "Hi Anna, join us for lunch on 3 May at 14:30. See you!",
  ],
  [
    "write a note to Ben about a walk on 5 June at 9:15",
    "the month first please",
    "Hi Ben, join me for a walk on June 5 at 9:15. See you!",
  ],
  [
    "write a note to Ben about a walk on 5 June at 9:15",
    "I want am and pm",
    "Hi Ben, join me for a walk on 5 June at 9:15 am. See you!",
  ],
  ["sort 5 3 9 1", "in French", "I do not know how. Show me the right reply, and I learn it."],
  [
    "reverse banana apple cherry",
    "use commas between them",
    "I do not know how. Show me the right reply, and I learn it.",
  ],
];
/** A model of this size misses some. */
const rightMin = 13;

describe("a remark to the bundled model", () => {
  let rosa: Rosa;
  const started = (one: Rosa) => {
    rosa = one;
  };
  useRosa(started, { REWRITER_TIMEOUT_MS: "60000" });

  it(`is done in at least ${rightMin} of ${remarks.length} cases, and adds no figure that nobody said`, async () => {
    const client = new Rosa2({ baseUrl: rosa.url, apiKey: rosa.key });
    const missed: string[] = [];
    for (const [request, text, right] of remarks) {
      const session = await client.createSession();
      const { id, reply } = await session.ask(request);
      if (reply === right) continue;
      const { turn } = await session.feedback(id, { reward: -1, text, retry: true });
      if (turn?.reply !== right) {
        missed.push(
          `${request} | ${text} | ${turn?.prompt.replaceAll("\n", "⏎")} → ${turn?.reply}`,
        );
      }
      const said = new Set(`${request} ${text}`.match(/\d+/gu));
      for (const figure of turn?.prompt.match(/\d+/gu) ?? []) expect([...said]).toContain(figure);
    }
    expect(missed.length, missed.join("\n")).toBeLessThanOrEqual(remarks.length - rightMin);
  });
});
