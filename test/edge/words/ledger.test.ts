/** The ledger over a team's own senses: what each kind of evidence does to the readings. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ownLexiconSchema } from "../../../edge/src/contract/lexicon.ts";
import {
  candidatesToScore,
  emptyWords,
  type GradientInput,
  lexiconOf,
  reviseRequest,
  type Score,
  textualGradient,
  type WordsState,
} from "../../../edge/src/words/index.ts";
import * as ledger from "../../../edge/src/words/ledger.ts";

/** Two senses of list requests, as somebody would define them. */
const lexicon = lexiconOf(
  ownLexiconSchema.parse([
    {
      id: "sort",
      label: "the order",
      spans: ["sort them", "sort these"],
      hints: ["wrong order", "other order"],
      readings: [
        {
          id: "up",
          phrase: "from smallest to largest",
          cues: ["smallest first", "ascending"],
          prior: 55,
        },
        { id: "down", phrase: "from largest to smallest", cues: ["largest first"], prior: 45 },
      ],
    },
    {
      id: "take",
      label: "which to take",
      spans: ["take two"],
      readings: [
        { id: "first", phrase: "from the start", prior: 50 },
        { id: "last", phrase: "from the end", prior: 30 },
        { id: "middle", phrase: "from the middle", prior: 20 },
      ],
    },
  ]),
);
const options = { lexicon };
const step = (state: WordsState, turn: GradientInput, scores: readonly Score[] | null = null) =>
  textualGradient(state, turn, scores, options);
const revise = (state: WordsState, request: string) => reviseRequest(state, request, options);
const toScore = (state: WordsState, turn: GradientInput) => candidatesToScore(state, turn, options);
const score = (logprob: number, tokens = 4): Score => Array(tokens).fill(logprob / tokens);

const said = "Sort them: 4 7 1 9";

function input(
  text: string,
  more: Partial<GradientInput["feedback"]> & { prompt?: string; confidence?: number } = {},
): GradientInput {
  const { prompt = said, confidence = 0.9, ...rest } = more;
  return {
    turnId: "turn_1",
    request: said,
    attempts: [{ prompt, reply: "1 4 7 9", confidence }],
    feedback: { reward: -1, text, ...rest },
  };
}

describe("one piece of feedback", () => {
  it("keeps what the user stated although scores speak for another reading", () => {
    const said = {
      ...input("no, largest first"),
      feedback: { reward: -1, text: "no, largest first", correction: "[4 1]" },
    };
    const items = toScore(emptyWords(), said);
    const scores = items.map(({ prompt, kind }) =>
      score(prompt.includes("largest to smallest") ? (kind === "rejected" ? -0.01 : -30) : -2),
    );
    const { revision, state } = step(emptyWords(), said, scores);
    expect(revision.after).toContain("from largest to smallest");
    expect(state.senses.sort?.readings.down).toBeCloseTo(0.98, 6);
  });

  it("makes the stated reading win and remembers it for the next request", () => {
    const { state, revision } = step(emptyWords(), input("no, largest first"));
    expect(revision.after).toBe("Sort them from largest to smallest: 4 7 1 9");
    expect(revision).toMatchObject({ diagnosis: "ambiguous", hinted: true, changed: true });
    expect(revise(state, "Please sort these: 3 8 5").prompt).toContain(
      "sort these from largest to smallest",
    );
  });

  it("turns to the other reading after a hint", () => {
    const { revision } = step(emptyWords(), input("wrong order"));
    expect(revision.after).toContain("from largest to smallest");
    expect(revision.ruled_out).toEqual(["the order: from smallest to largest"]);
  });

  it("blames the reading that the reply shows, not the one that is likelier beforehand", () => {
    const hinted: GradientInput = {
      ...input("other order"),
      attempts: [{ prompt: said, reply: "9 7 4 1", confidence: 0.5 }],
    };
    const items = toScore(emptyWords(), hinted);
    // The model gives this reply to the descending wording alone.
    const scores = items.map(({ reading }) => score(reading.startsWith("down") ? -0.05 : -20));
    const { revision } = step(emptyWords(), hinted, scores);
    expect(revision.after).toContain("from smallest to largest");
    expect(revision.ruled_out).toEqual(["the order: from largest to smallest"]);
  });

  it("takes a denied reading as support for the other one", () => {
    const { revision } = step(emptyWords(), input("not ascending"));
    expect(revision.after).toContain("from largest to smallest");
  });

  it("blames the reading for a sure wrong answer and the skill for an unsure one", () => {
    const prompt = "Sort them from smallest to largest: 4 7 1 9";
    const sure = step(emptyWords(), input("wrong", { prompt, confidence: 0.99 }));
    expect(sure.revision.after).not.toBe(prompt);
    const known = step(emptyWords(), input("smallest first", { prompt })).state;
    const unsure = step(known, input("wrong", { prompt, confidence: 0.05 }));
    expect(unsure.revision).toMatchObject({
      after: prompt,
      changed: false,
      diagnosis: "incapable",
    });
  });

  it("blames the skill when the user repeats what the words said already", () => {
    const prompt = "Sort them from largest to smallest: 4 7 1 9";
    const { revision } = step(emptyWords(), input("largest first!", { prompt }));
    expect(revision.share).toBeGreaterThan(0.5);
    expect(revision.hinted).toBe(false);
  });

  it("leaves a request that states its reading alone", () => {
    const clear = "Sort them from smallest to largest: 4 7 1 9";
    const { state } = step(emptyWords(), input("largest first"));
    expect(revise(state, clear)).toMatchObject({ prompt: clear, changed: false });
  });

  it("carries what contradicts the request's own words as a constraint", () => {
    const clear = "Sort them from smallest to largest: 4 7 1 9";
    const { revision } = step(emptyWords(), {
      ...input("no, largest first", { prompt: clear }),
      request: clear,
    });
    expect(revision.after).toBe(`${clear}\n\nno, largest first`);
  });
});

describe("scores", () => {
  it("of a correction pick the reading that explains it, however long the reply is", () => {
    for (const tokens of [4, 200]) {
      const corrected = input("", { correction: "9 7 4 1" });
      const items = toScore(emptyWords(), corrected);
      expect(items.filter(({ kind }) => kind === "corrected")).toHaveLength(2);
      const scores = items.map(({ prompt, kind }) =>
        score(prompt.includes("largest to smallest") === (kind === "corrected") ? -1 : -9, tokens),
      );
      const { revision } = step(emptyWords(), corrected, scores);
      expect(revision.after).toContain("from largest to smallest");
      expect(revision).toMatchObject({ by: "senses" });
    }
  });

  it("of a correction count by the tokens that some reading can write", () => {
    const corrected = input("", { correction: "9 7 4 1" });
    const items = toScore(emptyWords(), corrected);
    // The last token is beyond the model under both readings; the one that is meant makes it unlikelier still.
    const scores = items.map(({ prompt, kind }) => {
      const isMeant = prompt.includes("largest to smallest") === (kind === "corrected");
      return isMeant ? [-0.1, -0.1, -0.1, -19] : [-2, -2, -2, -11];
    });
    expect(step(emptyWords(), corrected, scores).revision.after).toContain(
      "from largest to smallest",
    );
  });

  it("of a rejected reply count by the probability of its tokens, so that a long one says as much", () => {
    const share = (tokens: number) => {
      const rejected = input("wrong");
      const items = toScore(emptyWords(), rejected);
      const scores = items.map(({ reading }) =>
        score(tokens * (reading === "up" ? -0.1 : -2), tokens),
      );
      return step(emptyWords(), rejected, scores).state.senses.sort?.readings.down ?? 0;
    };
    expect(share(4)).toBeGreaterThan(0.75);
    expect(share(400)).toBeCloseTo(share(4), 6);
  });

  it("of a rejected reply say little about a reading that the model cannot carry out", () => {
    // The user means the first reading. The model is sure of its reply to it, and it is rejected each time.
    const shareAfter = (rightLogprob: number) => {
      let state = emptyWords();
      const weigh = (turn: GradientInput) => {
        const scores = toScore(state, turn).map(({ kind, reading }) => {
          const isUp = reading === "up";
          return score(kind === "corrected" ? rightLogprob - (isUp ? 0 : 4) : isUp ? -0.1 : -8);
        });
        state = step(state, turn, scores).state;
      };
      for (let problem = 0; problem < 4; problem++) {
        weigh(input("wrong"));
        weigh(input("", { correction: "1 4 7 9 9" }));
      }
      return state.senses.sort!.readings.up!;
    };
    // Replies that the model could have given are evidence; those that it never would are none.
    expect(shareAfter(-0.2)).toBeLessThan(0.2);
    expect(shareAfter(-24)).toBeGreaterThan(0.8);
  });

  it("of an accepted reply teach the reading that the request left open", () => {
    const accepted = input("", { reward: 1 });
    const items = toScore(emptyWords(), accepted);
    const scores = items.map(({ prompt }) =>
      score(prompt.includes("largest to smallest") ? -0.1 : -8),
    );
    const { state, revision } = step(emptyWords(), accepted, scores);
    expect(revision).toMatchObject({ changed: false, after: said, diagnosis: "accepted" });
    expect(revise(state, "Sort them: 2 1").prompt).toContain("from largest to smallest");
  });

  it("that do not match the candidates are a bug, not a guess", () => {
    expect(() => step(emptyWords(), input("wrong"), [score(-1)])).toThrow(
      "Cannot match 1 scores to 2 candidates",
    );
  });

  it("are asked of few texts, the likeliest readings first", () => {
    const spans = ["a", "b", "c", "d"].map((id) => ({
      id,
      label: id,
      spans: [`word ${id}`],
      readings: ["x", "y", "z", "w"].map((r) => ({ id: r, phrase: r })),
    }));
    const many = { lexicon: lexiconOf(ownLexiconSchema.parse(spans)) };
    const request = "word a, word b, word c, word d";
    const turn = {
      ...input("wrong"),
      request,
      attempts: [{ prompt: request, reply: "no" }],
    };
    const items = candidatesToScore(emptyWords(), turn, many);
    expect(items).toHaveLength(62);
    expect(items[0]?.reading).toBe("x|x|x|x");
  });
});

describe("weights", () => {
  const book = lexiconOf(
    ownLexiconSchema.parse(
      ["a", "b", "c", "d", "e"].map((id) => ({
        id,
        label: id,
        spans: [id],
        readings: ["x", "y", "z", "w"].map((r, i) => ({
          id: r,
          phrase: r,
          prior: i === 0 ? 0.4 : 0.2,
        })),
      })),
    ),
  );

  it("stay a distribution above zero under any evidence", () => {
    const one = fc.oneof(
      fc.record({
        kind: fc.constant("hint"),
        position: fc.nat(4),
        id: fc.constantFrom("x", "y", "z", "w"),
      }),
      fc.record({
        kind: fc.constant("stated"),
        position: fc.nat(4),
        id: fc.constantFrom("x", "y", "z", "w"),
      }),
      fc.record({
        kind: fc.constant("reject"),
        confidence: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      fc.record({
        kind: fc.constant("score"),
        logprob: fc.double({ min: -1e3, max: 0, noNaN: true }),
      }),
    );
    fc.assert(
      fc.property(fc.array(one, { maxLength: 60 }), (steps) => {
        let kept = ledger.openLedger(book, undefined, {});
        for (const one of steps) {
          const best = ledger.keyOf(ledger.bestReading(kept).readings);
          if ("confidence" in one) kept = ledger.applyRejection(kept, best, one.confidence);
          else if ("logprob" in one) {
            const scores = new Map([
              [best, score(one.logprob)],
              ["x|x|x|x|x", score(-1)],
            ]);
            kept = ledger.applyRejectedScores(ledger.applyRightScores(kept, scores), scores, 0.9);
          } else if (one.kind === "hint") kept = ledger.applyHint(kept, one.position, one.id);
          else kept = ledger.holdStated(kept, one.position, one.id);
        }
        const weights = Object.values(kept.weights);
        expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
        expect(Math.min(...weights)).toBeGreaterThan(0);
      }),
    );
  });

  it("cover at most 256 joint readings, the likeliest", () => {
    const whole = ledger.openLedger(book, undefined, {});
    expect(Object.keys(whole.weights)).toHaveLength(ledger.readingsMax);
    expect(ledger.bestReading(whole).readings).toEqual(["x", "x", "x", "x", "x"]);
  });

  it("follow what was learnt of a sense in other company", () => {
    const two = book.slice(0, 2);
    const stored = ledger.holdStated(ledger.openLedger(two, undefined, {}), 1, "z");
    const memory = {
      a: { readings: { x: 0.01, y: 0.97, z: 0.01, w: 0.01 }, failures: 1 },
      b: { readings: ledger.marginals(stored)[1]!, failures: 1 },
    };
    expect(ledger.bestReading(ledger.openLedger(two, stored, memory)).readings).toEqual(["y", "z"]);
  });
});
