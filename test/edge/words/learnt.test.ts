/** The lexicon that a session writes itself, against a model that carries out what it reads and proposes at random. */
import { pick, type Random, seededRandom } from "@rosa2/shared/random";
import { describe, expect, it } from "vitest";
import { wordsBody } from "../../../edge/src/session/policy/words-change.ts";
import {
  candidatesToScore,
  drawsFor,
  emptyWords,
  forgetSense,
  type GradientInput,
  learnWordings,
  remarkedWording,
  reviseRequest,
  type Score,
  textualGradient,
  type WordsState,
} from "../../../edge/src/words/index.ts";
import { sayingsOf } from "../../../edge/src/words/wordings.ts";

const said = "Pack the crate, then load the van: 4 7 1 9";
const upright = "Pack the crate standing up, then load the van: 4 7 1 9";
const both = "Pack the crate standing up, then load the van from the back: 4 7 1 9";
const back = "Pack the crate, then load the van from the back: 4 7 1 9";
const flat = "Pack the crate lying flat, then load the van: 4 7 1 9";

const source = { by: "gpu", turnId: "turn_1", drawn: 8 };
const proposals = { ...source, wordings: [upright, both, upright, back, flat, said, both, flat] };
const learnt = () => learnWordings(emptyWords(), said, proposals);

function turn(more: Partial<GradientInput["feedback"]> = {}, request = said): GradientInput {
  return {
    turnId: "turn_1",
    request,
    attempts: [{ prompt: request, reply: "lying and front", confidence: 0.8 }],
    feedback: { reward: -1, ...more },
  };
}

/** A reply is likely where the wording says what the reply shows, unlikely where it says another thing, else open. */
function scoresOf(items: readonly { prompt: string; reply: string }[]): Score[] {
  return items.map(({ prompt, reply }) => {
    const crate = /standing|lying/u.exec(prompt)?.[0] ?? null;
    const van = prompt.includes("the back") ? "back" : null;
    const [one = "", two = ""] = reply.split(" and ");
    const open = (shares: Record<string, number>, way: string) => Math.log(shares[way] ?? 0.002);
    const first =
      crate === null ? open({ lying: 0.6, standing: 0.4 }, one) : crate === one ? 0 : -5;
    const second = van === null ? open({ front: 0.7, back: 0.3 }, two) : van === two ? 0 : -5;
    return [first, second, 0];
  });
}

/** A log-prob spread evenly over so many tokens. */
const evenly = (logprob: number, tokens: number): Score => Array(tokens).fill(logprob / tokens);

function step(state: WordsState, input: GradientInput) {
  return textualGradient(state, input, scoresOf(candidatesToScore(state, input)));
}

describe("what a wording says otherwise", () => {
  it.each([
    // The list first, in mid-sentence, last: no format is known.
    ["With 4 7 1 9, pack the crate, then load the van.", "load the van"],
    ["Take 4 7 1 9 and load the van", "load the van"],
    ["4 7 1 9: load the van, then rest", "load the van"],
    ["Load the van: pear fig apple", "load the van"],
  ])("is found at its stretch in: %s", (request, stretch) => {
    const wording = request.replace(/load the van/iu, "$& from the back");
    expect(sayingsOf(request, [wording])[0]).toEqual([
      { said: stretch, place: "instead", follows: "", phrase: `${stretch} from the back` },
    ]);
  });

  it("is a replacement, an aside with its mark, or the whole request", () => {
    expect(sayingsOf("Zig them: a b", ["Sort them upwards: a b"])[0]).toEqual([
      { said: "zig them", place: "instead", follows: "", phrase: "sort them upwards" },
    ]);
    expect(sayingsOf("Load the van: a b", ["Load the van, as plain text: a b"])[0]).toEqual([
      { said: "load the van", place: "after", follows: ":", phrase: "as plain text" },
    ]);
    const free = "About trees, in short, tell Ann, and then cut them";
    expect(sayingsOf("Cut them, then tell Ann about trees", [free])[0]?.[0]?.place).toBe("whole");
  });

  it("is nothing where only spaces and capitals differ", () => {
    expect(sayingsOf("Load the van", ["load  the van"])[0]).toEqual([]);
  });
});

describe("wordings that were proposed", () => {
  it("are not said before anything was scored", () => {
    const { revision, state } = textualGradient(learnt(), turn({ text: "I meant the crate" }));
    expect(revision.after).toBe(`${said}\n\nI meant the crate`);
    expect(revision.by).toBe("composed");
    expect(reviseRequest(state, said).prompt).toBe(said);
  });

  it("are not said where no evidence supports them", () => {
    const input = turn({ text: "too slow, my friend" });
    const items = candidatesToScore(learnt(), input);
    const even = items.map(() => [-1, -1, -1]);
    const { revision } = textualGradient(learnt(), input, even);
    expect(revision).toMatchObject({ after: `${said}\n\ntoo slow, my friend`, by: "composed" });
  });

  it("are sent where the rejected reply supports them, stretch by stretch, and say who proposed them", () => {
    const { revision } = step(learnt(), turn({ text: "wrong" }));
    expect(revision.after).toContain("standing up");
    expect(revision).toMatchObject({ by: "gpu", changed: true });
    expect(revision.reason).toMatch(/rejected reply is .* nats less likely/u);
    expect(revision.candidates[0]?.wording).toBe(revision.after);
  });

  it("are sent where the correction supports them, and combine what was proposed apart", () => {
    const apart = { ...source, wordings: [upright, back, flat, said] };
    const state = learnWordings(emptyWords(), said, apart);
    const { revision } = step(state, turn({ correction: "standing and back" }));
    expect(revision.after).toBe(both);
    expect(revision.reason).toMatch(/correction is .* nats likelier/u);
  });

  it("agree with the reply that the remark gets by itself", () => {
    const remark = { text: "please put it upright" };
    const said1 = turn(remark);
    expect(remarkedWording(learnt(), said1)).toBe(`${said}\n\nplease put it upright`);
    // Every wording makes the rejected reply unlikely; only one agrees with what the remark gets.
    const heard = (reply: string) => step(learnt(), { ...said1, heard: reply }).revision;
    expect(heard("standing and front").after).toContain("standing up");
    expect(heard("lying and back").after).not.toContain("standing up");
    expect(heard("lying and back").after).toContain("from the back");
    // Nothing else gives a reply like this one, so what was said goes out.
    const items = candidatesToScore(learnt(), { ...said1, heard: "I cannot lift it" });
    const scores = items.map(({ kind, reading, prompt }) =>
      evenly(kind === "rejected" ? -9 : prompt.startsWith(said) ? -0.1 : -20, reading.length),
    );
    expect(
      textualGradient(learnt(), { ...said1, heard: "I cannot lift it" }, scores).revision,
    ).toMatchObject({ by: "composed", after: `${said}\n\nplease put it upright` });
  });

  it("learn nothing from a remark that gets the rejected reply again", () => {
    const kinds = (heard: string) =>
      candidatesToScore(learnt(), { ...turn({ text: "please put it upright" }), heard }).map(
        ({ kind }) => kind,
      );
    expect(kinds("standing and front")).toContain("heard");
    expect(kinds("lying and front\n")).not.toContain("heard");
    expect(kinds("")).not.toContain("heard");
  });

  it("ask what a remark gets only where it says more than that the reply is wrong", () => {
    for (const feedback of [
      { text: "wrong" },
      { text: "the other way" },
      {},
      { text: "upright, please", correction: "standing and front" },
      { text: "upright, I like that", reward: 1 },
    ]) {
      expect(remarkedWording(learnt(), turn(feedback))).toBeNull();
    }
  });

  it("say a remark that only points at what was misread, and keep every fact", () => {
    expect(step(learnt(), turn({ text: "the other way" })).revision.after).not.toContain("other");
    const { revision } = step(learnt(), turn({ text: "wrong, there are 5 crates" }));
    expect(revision.after).toContain("standing up");
    expect(revision.after).toContain("wrong, there are 5 crates");
  });

  it("explain a correction that one of them makes likely, and nothing that none does", () => {
    const explained = (input: GradientInput, state = learnt()) => step(state, input).isExplained;
    expect(explained(turn({ correction: "standing and back" }))).toBe(true);
    expect(explained(turn({ correction: "sideways and up" }))).toBe(false);
    expect(explained(turn(), emptyWords())).toBe(false);
    expect(explained(turn({ reward: 1 }), emptyWords())).toBe(true);
  });
});

describe("a session's own lexicon", () => {
  const won = () => step(learnt(), turn({ correction: "standing and back" })).state;

  it("words later requests with the same stretches, in any place and order, without a model", () => {
    for (const [request, expected] of [
      [
        "Load the van, then pack the crate: 5 5",
        "Load the van from the back, then pack the crate standing up: 5 5",
      ],
      ["With 1 2 3, load the van.", "With 1 2 3, load the van from the back."],
      ["Load the van for Ann: 1 2", "Load the van for Ann: 1 2"],
      ["Say `load the van`, please", "Say `load the van`, please"],
      ["What is the capital of France?", "What is the capital of France?"],
    ] as const) {
      expect(reviseRequest(won(), request).prompt).toBe(expected);
    }
  });

  it("survives JSON, is listed with its weights, and can be forgotten", () => {
    const state = JSON.parse(JSON.stringify(won())) as WordsState;
    const listed = wordsBody(state).senses.find(({ id }) => id === "load the van");
    expect(listed?.readings["load the van from the back"]).toBeGreaterThan(0.9);
    const forgotten = forgetSense(state, "load the van");
    expect(reviseRequest(forgotten, "Load the van: 1").changed).toBe(false);
    expect(forgotten.learnt.map(({ id }) => id)).toEqual(["pack the crate"]);
  });

  it("weighs a few readings of a first rejected reply, more of later ones and of a correction", () => {
    const ways = ["standing up", "lying flat", "upside down"];
    const sides = ["from the back", "from the left", "by hand"];
    const wordings = ways.flatMap((way) =>
      sides.map((side) => `Pack the crate ${way}, then load the van ${side}: 4 7 1 9`),
    );
    const state = learnWordings(emptyWords(), said, { ...source, wordings });
    const prompts = (input: GradientInput) =>
      new Set(candidatesToScore(state, input).map(({ prompt }) => prompt));
    const first = turn({ text: "wrong" });
    // The six likeliest, and the request as it was said.
    expect(prompts(first).size).toBe(7);
    expect(prompts(first)).toContain(`${said}`);
    const [attempt] = first.attempts;
    expect(prompts({ ...first, attempts: [attempt!, attempt!] }).size).toBe(16);
    expect(prompts(turn({ correction: "done" })).size).toBe(16);
  });

  it("tells readings apart whatever characters their phrases hold", () => {
    const wordings = ["Pack the crate | left, then load the van: 4 7 1 9"];
    const state = learnWordings(emptyWords(), said, { ...source, wordings });
    const corrected = turn({ correction: "done" });
    const scores = candidatesToScore(state, corrected).map(({ prompt, kind }) =>
      evenly(prompt === wordings[0] && kind === "corrected" ? -0.1 : -9, 2),
    );
    const { state: next, revision } = textualGradient(state, corrected, scores);
    expect(revision).toMatchObject({ after: wordings[0], by: "gpu" });
    expect(reviseRequest(next, said).prompt).toBe(wordings[0]);
  });

  it("takes little room, however long and many the wordings of several stretches are", () => {
    const request = "Cut the rope, then fold the sail, then wash the deck: 4";
    let state = emptyWords();
    for (let round = 0; round < 4; round++) {
      const wordings = Array.from({ length: 8 }, (_, n) => {
        const way = (what: string) => `${what} ${`${what.length}${round}${n} `.repeat(60)}slowly`;
        return `Cut the ${way("rope")}, then fold the ${way("sail")}, then wash the ${way("deck")}: 4`;
      });
      state = learnWordings(state, request, { ...source, wordings });
      state = step(state, turn({ text: "wrong" }, request)).state;
    }
    expect(state.learnt).not.toEqual([]);
    expect(JSON.stringify(state).length).toBeLessThan(65_536);
  });

  it("keeps a free rewriting for its own request alone", () => {
    const request = "Cut them, then tell Ann about trees";
    const wordings = ["Tell Ann about trees, and afterwards cut all of them down"];
    const state = learnWordings(emptyWords(), request, { ...source, wordings });
    const items = candidatesToScore(state, turn({ correction: "done" }, request));
    const scores = items.map(({ prompt, kind }) =>
      evenly(prompt === wordings[0] && kind === "corrected" ? -0.1 : -9, 2),
    );
    const { state: next } = textualGradient(state, turn({ correction: "done" }, request), scores);
    expect(reviseRequest(next, request).prompt).toBe(wordings[0]);
    expect(reviseRequest(next, "Cut them, then tell Bob about trees").changed).toBe(false);
  });

  it("is bounded, whatever is proposed, and counts what was drawn", () => {
    let state = emptyWords();
    for (let i = 0; i < 200; i++) {
      const request = `Do thing ${i} of them`;
      const wordings = Array.from(
        { length: 8 },
        (_, k) => `${request} in way ${k} ${"x".repeat(60)}`,
      );
      state = learnWordings(state, request, { ...source, turnId: `turn_${i}`, wordings });
    }
    expect(state.learnt.length).toBeLessThanOrEqual(32);
    expect(JSON.stringify(state).length).toBeLessThan(40_000);
    expect(drawsFor(learnt(), said)).toBe(8);
    expect(drawsFor(learnt(), said.replace("4 7 1 9", "2 2 3"))).toBe(8);
    expect(drawsFor(learnt(), "Write to Ann")).toBe(0);
  });
});

/** A user with hidden meanings for two or three stretches out of some; the model draws readings as it likes. */
function converse(random: Random): number[] {
  const ways: Record<string, string[]> = {
    "cut it": ["along the grain", "across the grain"],
    "mix it": ["by hand", "in a bowl", "with the machine"],
    "fold it": ["once", "twice"],
    "turn it": ["over", "around", "inside out"],
  };
  const stretches = Object.keys(ways).filter(() => random() < 0.6);
  if (stretches.length === 0) stretches.push("mix it");
  const hidden = stretches.map((one) => pick(random, ways[one]!));
  const word = (choice: readonly (string | null)[], data: string) =>
    `${stretches.map((one, i) => (choice[i] == null ? one : `${one} ${choice[i]}`)).join(", then ")}: ${data}`;
  const replyTo = (prompt: string) =>
    stretches
      .map((one) => ways[one]!.find((way) => prompt.includes(`${one} ${way}`)) ?? ways[one]![0])
      .join("; ");
  let state = emptyWords();
  return Array.from({ length: 6 }, (_, problem) => {
    const request = word([], `${problem} ${problem + 1} ${problem + 2}`);
    const attempts: GradientInput["attempts"] = [];
    let prompt = reviseRequest(state, request).prompt;
    for (let tries = 1; tries < 12; tries++) {
      const reply = replyTo(prompt);
      attempts.push({ prompt, reply, confidence: 0.95 });
      const isRight = reply === hidden.join("; ");
      const feedback = isRight ? { reward: 1 } : { reward: -1, text: "wrong" };
      const input = { turnId: `turn_${problem}`, request, attempts, feedback };
      const score = (now: WordsState) =>
        candidatesToScore(now, input).map((item) =>
          evenly(replyTo(item.prompt) === item.reply ? -0.05 : -9, 3),
        );
      const held = textualGradient(state, input, score(state));
      if (!held.isExplained && drawsFor(state, request) < 24) {
        const wordings = Array.from({ length: 8 }, () =>
          word(
            stretches.map((one) => pick(random, ways[one]!)),
            request.split(": ")[1]!,
          ),
        );
        state = learnWordings(state, request, { ...source, turnId: `turn_${problem}`, wordings });
      }
      const next = textualGradient(state, input, score(state));
      state = next.state;
      if (isRight) return tries;
      prompt = next.revision.after;
    }
    return 12;
  });
}

describe("a session", () => {
  it("learns what its user means from thumbs alone: some tries at first, then hardly any", () => {
    const seed = 20261129;
    const random = seededRandom(seed);
    const rows = Array.from({ length: 40 }, () => converse(random));
    const mean = (from: number, to: number) => {
      const cells = rows.flatMap((row) => row.slice(from, to));
      return cells.reduce((a, b) => a + b, 0) / cells.length;
    };
    console.info(`seed ${seed}: first request ${mean(0, 1)} tries, late half ${mean(3, 6)}`);
    expect(mean(0, 1)).toBeLessThan(7);
    expect(mean(3, 6)).toBeLessThan(1.15);
  });
});
