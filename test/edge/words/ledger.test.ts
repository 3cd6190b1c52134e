/** The ledger: what each kind of evidence does to the readings, and that a session converges on its user's. */
import { pick, seededRandom } from "@rosa2/shared/random";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  candidatesToScore,
  emptyWords,
  type GradientInput,
  reviseRequest,
  textualGradient,
  undoRevision,
  type WordsState,
} from "../../../edge/src/words/index.ts";
import * as ledger from "../../../edge/src/words/ledger.ts";
import { compileLexicon } from "../../../edge/src/words/lexicon.ts";
import { families, readingsOf } from "../../../gpu-service/language/operations.ts";
import type { Chain } from "../../../gpu-service/language/skills.ts";
import { answer, drawTask, type Task, withNewItems } from "../../../gpu-service/language/task.ts";
import { feedback } from "../../../gpu-service/language/user.ts";
import { clearRequest, request } from "../../../gpu-service/language/wording.ts";

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
    const items = candidatesToScore(emptyWords(), said);
    const scores = items.map(({ prompt, kind }) =>
      prompt.includes("largest to smallest") ? (kind === "rejected" ? -0.01 : -30) : -2,
    );
    const { revision, state } = textualGradient(emptyWords(), said, scores);
    expect(revision.after).toContain("from largest to smallest");
    expect(state.senses.sort?.readings.down).toBeCloseTo(0.98, 6);
  });

  it("makes the stated reading win and remembers it for the next request", () => {
    const { state, revision } = textualGradient(emptyWords(), input("no, largest first"));
    expect(revision.after).toBe("Sort them from largest to smallest, as plain text: 4 7 1 9");
    expect(revision).toMatchObject({ diagnosis: "ambiguous", hinted: true, changed: true });
    expect(reviseRequest(state, "Please sort these: 3 8 5").prompt).toContain(
      "sort these from largest to smallest",
    );
  });

  it("turns to the other reading after a hint", () => {
    const { revision } = textualGradient(emptyWords(), input("wrong order"));
    expect(revision.after).toContain("from largest to smallest");
    expect(revision.ruledOut).toEqual(["the order: from smallest to largest"]);
  });

  it("blames the reading that the reply shows, not the one that is likelier beforehand", () => {
    const hinted: GradientInput = {
      ...input("other order"),
      attempts: [{ prompt: said, reply: "9 7 4 1", confidence: 0.5 }],
    };
    const items = candidatesToScore(emptyWords(), hinted);
    // The model gives this reply to the descending wording alone.
    const scores = items.map(({ reading }) => Math.log(reading.startsWith("down") ? 0.95 : 0.001));
    const { revision } = textualGradient(emptyWords(), hinted, scores);
    expect(revision.after).toContain("from smallest to largest");
    expect(revision.ruledOut).toEqual(["the order: from largest to smallest"]);
  });

  it("hears a denied reading as the other one", () => {
    const { revision } = textualGradient(emptyWords(), input("not ascending"));
    expect(revision.after).toContain("from largest to smallest");
  });

  it("blames the reading for a sure wrong answer and the skill for an unsure one", () => {
    const prompt = "Sort them from smallest to largest, as plain text: 4 7 1 9";
    const sure = textualGradient(emptyWords(), input("wrong", { prompt, confidence: 0.99 }));
    expect(sure.revision.after).not.toBe(prompt);
    const known = textualGradient(emptyWords(), input("smallest first", { prompt })).state;
    const unsure = textualGradient(known, input("wrong", { prompt, confidence: 0.05 }));
    expect(unsure.revision).toMatchObject({
      after: prompt,
      changed: false,
      diagnosis: "incapable",
    });
  });

  it("blames the skill when the user repeats what the words said already", () => {
    const prompt = "Sort them from largest to smallest: 4 7 1 9";
    const { revision } = textualGradient(emptyWords(), input("largest first!", { prompt }));
    expect(revision.share).toBeGreaterThan(0.5);
    expect(revision.hinted).toBe(false);
  });

  it("leaves a request that states its reading alone", () => {
    const clear = "Sort them from smallest to largest, in brackets: 4 7 1 9";
    const { state } = textualGradient(emptyWords(), input("largest first"));
    expect(reviseRequest(state, clear)).toMatchObject({ prompt: clear, changed: false });
  });

  it("carries what contradicts the request's own words as a constraint", () => {
    const clear = "Sort them from smallest to largest, as plain text: 4 7 1 9";
    const { revision } = textualGradient(emptyWords(), {
      ...input("no, largest first", { prompt: clear }),
      request: clear,
    });
    expect(revision.after).toBe(`${clear}\n\nno, largest first`);
  });

  it("undoes the last revision and what was learnt from it", () => {
    const first = textualGradient(emptyWords(), input("largest first")).state;
    const second = textualGradient(first, { ...input("in French"), turnId: "turn_2" }).state;
    const undone = undoRevision(second);
    expect(undone?.turnId).toBe("turn_2");
    expect(undone?.state.senses).toEqual(first.senses);
    expect(undone?.state.constraints).toEqual([]);
    const fresh = undoRevision(undone?.state ?? second);
    expect(reviseRequest(fresh?.state ?? second, said).prompt).toBe(said);
    expect(undoRevision(fresh?.state ?? second)).toBeNull();
  });
});

describe("scores", () => {
  it("of a correction pick the reading that explains it, in both variants", () => {
    for (const variant of ["bayes", "rules"] as const) {
      const corrected = input("", { correction: "9 7 4 1" });
      const items = candidatesToScore(emptyWords(), corrected, { variant });
      expect(items.filter(({ kind }) => kind === "corrected")).toHaveLength(6);
      const scores = items.map(({ prompt, kind }) =>
        prompt.includes("largest to smallest") === (kind === "corrected") ? -0.1 : -8,
      );
      const { revision } = textualGradient(emptyWords(), corrected, scores, { variant });
      expect(revision.after).toContain("from largest to smallest");
    }
  });

  it("of an accepted reply teach the reading that the request left open", () => {
    const accepted = input("", { reward: 1 });
    const items = candidatesToScore(emptyWords(), accepted);
    const scores = items.map(({ prompt }) => (prompt.includes("largest to smallest") ? -0.1 : -8));
    const { state, revision } = textualGradient(emptyWords(), accepted, scores);
    expect(revision).toMatchObject({ changed: false, after: said, diagnosis: "accepted" });
    expect(reviseRequest(state, "Sort them: 2 1").prompt).toContain("from largest to smallest");
  });

  it("that do not match the candidates are a bug, not a guess", () => {
    expect(() => textualGradient(emptyWords(), input("wrong"), [-1])).toThrow(
      "Cannot match 1 scores to 6 candidates",
    );
  });

  it("are bounded, the likeliest readings first", () => {
    const items = candidatesToScore(emptyWords(), input("wrong"), { scoreItemsMax: 3 });
    expect(items.map(({ reading }) => reading)).toEqual(["up|plain", "down|plain", "up|brackets"]);
  });
});

describe("weights", () => {
  const lexicon = compileLexicon([
    ...["a", "b", "c", "d", "e"].map((id) => ({
      id,
      label: id,
      span: id,
      hints: [],
      attach: "after" as const,
      readings: ["x", "y", "z", "w"].map((r, i) => ({
        id: r,
        phrase: r,
        cues: [],
        prior: i ? 0.2 : 0.4,
      })),
    })),
  ]);

  it("stay a distribution above zero under any evidence", () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("hint"),
        slot: fc.nat(4),
        id: fc.constantFrom("x", "y", "z", "w"),
      }),
      fc.record({
        kind: fc.constant("stated"),
        slot: fc.nat(4),
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
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let book = ledger.openLedger(lexicon, undefined, {});
        for (const one of steps) {
          const best = ledger.keyOf(ledger.bestReading(book).readings);
          if ("confidence" in one) book = ledger.applyRejection(book, best, one.confidence);
          else if ("logprob" in one) {
            book = ledger.applyCorrectionScores(
              book,
              new Map([
                [best, one.logprob],
                ["x|x|x|x|x", -1],
              ]),
              "bayes",
            );
          } else if (one.kind === "hint") book = ledger.applyHint(book, one.slot, one.id);
          else book = ledger.applyStated(book, one.slot, one.id);
        }
        const weights = Object.values(book.weights);
        expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
        expect(Math.min(...weights)).toBeGreaterThan(0);
      }),
    );
  });

  it("cover at most 256 joint readings, the likeliest", () => {
    const book = ledger.openLedger(lexicon, undefined, {});
    expect(Object.keys(book.weights)).toHaveLength(ledger.readingsMax);
    expect(ledger.bestReading(book).readings).toEqual(["x", "x", "x", "x", "x"]);
  });

  it("follow what was learnt of a sense in other company", () => {
    const two = lexicon.slice(0, 2);
    const stored = ledger.applyStated(ledger.openLedger(two, undefined, {}), 1, "z");
    const memory = {
      a: { readings: { x: 0.01, y: 0.97, z: 0.01, w: 0.01 }, failures: 1 },
      b: { readings: ledger.marginal(stored.weights, 1), failures: 1 },
    };
    expect(ledger.bestReading(ledger.openLedger(two, stored, memory)).readings).toEqual(["y", "z"]);
  });
});

/** A session with a model that carries out what it reads, and guesses by habit what is left open. */
function converse(seed: number, withScores: boolean) {
  const random = seededRandom(seed);
  const chain = [pick(random, families)];
  while (chain.length < 2) {
    const family = pick(random, families);
    if (!chain.includes(family)) chain.push(family);
  }
  let task: Task = drawTask(random, chain as unknown as Chain, { stated: 0, readings: "uniform" });
  let state: WordsState = emptyWords();
  const triesPerRequest: number[] = [];
  for (let problem = 0; problem < 6; problem++) {
    const text = request(task);
    const replies = new Map(
      allJoint(task).map((joint) => [clearRequest(task, joint), answer(task, joint)]),
    );
    const replyTo = (prompt: string) => replies.get(prompt) ?? answer(task, habits(task));
    const attempts: GradientInput["attempts"] = [];
    let prompt = reviseRequest(state, text).prompt;
    for (let tries = 1; ; tries++) {
      const reply = replyTo(prompt);
      attempts.push({ prompt, reply, confidence: 0.95 });
      const right = reply === answer(task);
      const turn: GradientInput = {
        turnId: `turn_${problem}`,
        request: text,
        attempts,
        feedback: { reward: right ? 1 : -1, text: right ? "" : feedback(random, task, reply) },
      };
      const items = withScores ? candidatesToScore(state, turn) : [];
      const scores = items.map((item) => (replyTo(item.prompt) === item.reply ? -0.05 : -7));
      const step = textualGradient(state, turn, withScores ? scores : null);
      state = step.state;
      if (right || tries >= 30) {
        triesPerRequest.push(tries);
        break;
      }
      prompt = step.revision.after;
    }
    task = withNewItems(random, task);
  }
  return triesPerRequest;
}

function allJoint(task: Task): string[][] {
  return readingIds(task).reduce<string[][]>(
    (all, ids) => all.flatMap((p) => ids.map((id) => [...p, id])),
    [[]],
  );
}

function readingIds(task: Task): string[][] {
  return [...task.operations.map(({ family }) => family), "format" as const].map((slot) =>
    readingsOf(slot),
  );
}

function habits(task: Task): string[] {
  return readingIds(task).map((ids) => ids[0]!);
}

describe("a session", () => {
  it("learns its user's readings from terse feedback: few tries at first, then hardly any", () => {
    const mean = (rows: number[][], from: number, to: number) => {
      const cells = rows.flatMap((row) => row.slice(from, to));
      return cells.reduce((a, b) => a + b, 0) / cells.length;
    };
    for (const withScores of [true, false]) {
      const rows = Array.from({ length: 24 }, (_, seed) => converse(seed, withScores));
      console.info(
        `${withScores ? "scored" : "rules"}: first request ${mean(rows, 0, 1).toFixed(2)} tries, late half ${mean(rows, 3, 6).toFixed(2)}`,
      );
      expect(mean(rows, 0, 1)).toBeLessThan(6);
      expect(mean(rows, 3, 6)).toBeLessThan(withScores ? 1.15 : 1.6);
    }
  });
});
