import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { goBack, patchBack } from "../../../edge/src/session/store/patches.ts";
import {
  emptyWords,
  learnWordings,
  textualGradient,
  type WordsState,
} from "../../../edge/src/words/index.ts";

const said = "Pack the crate, then load the van: 4 7 1 9";

function judged(state: WordsState, text: string, turnId: string): WordsState {
  const attempts = [{ prompt: said, reply: "no", confidence: 0.5 }];
  const input = { turnId, request: said, attempts, feedback: { reward: -1, text } };
  return textualGradient(state, input).state;
}

/** Changes of every kind, in the order in which a session makes them. */
const change = fc.oneof(
  fc.record({ kind: fc.constant("remark" as const), text: fc.string({ minLength: 1 }) }),
  fc.record({ kind: fc.constant("wording" as const), text: fc.string({ maxLength: 20 }) }),
  fc.record({ kind: fc.constant("forget" as const), text: fc.constant("") }),
);

describe("what leads back", () => {
  it("gives every earlier state again, to the letter, from the last one alone", () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 30 }), (changes) => {
        let state = emptyWords();
        const states = [state];
        const patches = [];
        for (const [n, { kind, text }] of changes.entries()) {
          const next =
            kind === "remark"
              ? judged(state, text, `turn_${n}`)
              : kind === "forget"
                ? { ...state, constraints: state.constraints.slice(1), ledgers: {} }
                : learnWordings(state, said, {
                    by: "gpu",
                    turnId: `turn_${n}`,
                    wordings: [`Pack the crate ${text}, then load the van: 4 7 1 9`],
                    drawn: 1,
                  });
          patches.push(JSON.stringify(patchBack(next, state)));
          state = next;
          states.push(state);
        }
        for (const patch of patches.toReversed()) {
          state = goBack(state, JSON.parse(patch));
          states.pop();
          expect(JSON.stringify(state)).toBe(JSON.stringify(states.at(-1)));
        }
      }),
    );
  });

  it("holds what differs, not what stayed", () => {
    const before = judged(emptyWords(), `x${" long".repeat(500)}`, "turn_1");
    const after = judged(before, "in French", "turn_2");
    expect(JSON.stringify(patchBack(after, before)).length).toBeLessThan(200);
  });
});
