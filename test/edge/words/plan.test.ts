/** The proposer of a plan: when it says that skill is missing, how it asks, and which evidence supports its steps. */
import { describe, expect, it } from "vitest";
import type { GradientInput, Revision } from "../../../edge/src/words/index.ts";
import { judgePlan, proposePlan, splitSteps } from "../../../edge/src/words/providers/index.ts";

const request = "Pack the crate, then load the van: 4 7 1 9";

function propose(
  prompts: readonly string[],
  {
    after = request,
    confidence = 0.9,
    correction,
  }: Partial<Revision> & { correction?: string } = {},
) {
  const attempts = prompts.map((prompt) => ({ prompt, reply: "7 4" }));
  const feedback = { reward: -1, ...(correction === undefined ? {} : { correction }) };
  const input: GradientInput = { turnId: "turn_1", request, attempts, feedback };
  return proposePlan(input, { after, confidence } as Revision);
}

describe("a plan", () => {
  it("is asked for before the list, or in a sentence of its own", () => {
    const planned = "Pack the crate, then load the van, step by step: 4 7 1 9";
    expect(propose([request, request])).toBe(planned);
    const remark = `${request}\n\nin brackets`;
    expect(propose([request, remark], { after: remark })).toBe(`${planned}\n\nin brackets`);
    const prose = "How many crates are left?";
    expect(propose([prose, prose], { after: prose })).toBe(
      `${prose}\n\nWork step by step. End with a line “Answer:” and the answer alone.`,
    );
  });

  it("is proposed where the wording was tried and failed, twice or against a correction", () => {
    expect(propose([request])).toBeNull();
    expect(propose([request], { correction: "4 7" })).not.toBeNull();
    expect(propose([request, `${request} now`])).toBeNull();
  });

  it("is not proposed while readings compete, where steps were asked for, or in another language", () => {
    expect(propose([request, request], { confidence: 0.4 })).toBeNull();
    const asked = "Pack the crate Step by Step: 4 7 1 9";
    expect(propose([asked, asked], { after: asked })).toBeNull();
    const german = "Wie viele Kisten sind noch in der Halle und auf dem Hof?";
    expect(propose([german, german], { after: german })).toBeNull();
  });
});

describe("a reply in steps", () => {
  it.each([
    ["pack: 4 7\nload: 7 4\nanswer: 7 4", "7 4"],
    ["First 3, then 4.\n**Answer:** 12", "12"],
    ["3 + 4 = 7\nFinal answer: 7\napples", "7\napples"],
    ["The answer: 3 was wrong.\nAnswer: 4", "4"],
  ])("comes to its answer: %s", (reply, answer) => {
    const split = splitSteps(reply);
    expect(split?.answer).toBe(answer);
    expect(`${split?.steps}${answer}`).toBe(reply);
  });

  it.each(["7 4", "answer: 7 4", "First this.\nThen that.", "First this.\nAnswer: "])(
    "has none where it does not say which part it is: %s",
    (reply) => expect(splitSteps(reply)).toBeNull(),
  );
});

describe("what was seen", () => {
  const score = (p: number, tokens = 4): number[] => Array(tokens).fill(Math.log(p));
  const unlikely = { worded: score(0.2), planned: score(0.05) };

  it("supports the steps where they alone explain the correction, or make the rejected reply less likely", () => {
    const right = { worded: score(0.1), planned: score(0.8) };
    expect(judgePlan(unlikely, right)).toMatch(/correction is 8\.3 nats likelier/u);
    expect(judgePlan({ worded: score(0.7), planned: score(0.1) }, null)).toMatch(/less likely/u);
  });

  it("does not where the steps lead elsewhere, or the wording explains the correction as it is", () => {
    expect(judgePlan(unlikely, { worded: score(0.01), planned: score(0.3) })).toBeNull();
    expect(judgePlan(unlikely, { worded: score(0.6), planned: score(0.99) })).toBeNull();
    expect(judgePlan({ worded: score(0.3), planned: score(0.9) }, null)).toBeNull();
  });
});
