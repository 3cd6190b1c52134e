/** The schedule: properties over random evidence, then decisions that a person can check by hand. */
import { decide, type Evidence, incapacity, reasonTexts, splitNats } from "@rosa2/shared/schedule";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const unit = fc.double({ min: 0, max: 1, noNaN: true });
const logprob = fc.option(fc.double({ min: -200, max: 0, noNaN: true }), { nil: null });
const evidence: fc.Arbitrary<Evidence> = fc.record({
  mode: fc.constantFrom("both", "words", "weights", "off"),
  reward: fc.double({ min: -1, max: 1, noNaN: true }),
  corrected: fc.boolean(),
  spoken: fc.boolean(),
  wordsChanged: fc.boolean(),
  hinted: fc.boolean(),
  share: unit,
  confidence: unit,
  logprobBefore: logprob,
  logprobAfter: logprob,
  owedNats: fc.option(fc.double({ min: 0, max: 200, noNaN: true }), { nil: null }),
  rejectedConfidence: fc.option(unit, { nil: null }),
  attempt: fc.integer({ min: 1, max: 5 }),
  updates: fc.nat(400),
});

const failure: Evidence = {
  mode: "both",
  reward: -1,
  corrected: false,
  spoken: false,
  wordsChanged: true,
  hinted: false,
  share: 0.5,
  confidence: 0.5,
  logprobBefore: null,
  logprobAfter: null,
  owedNats: null,
  rejectedConfidence: null,
  attempt: 1,
  updates: 0,
};

describe("incapacity", () => {
  it("stays within [0, 1]", () => {
    fc.assert(
      fc.property(unit, unit, fc.boolean(), (share, confidence, hinted) => {
        const p = incapacity(share, confidence, hinted);
        expect(p).toBeGreaterThanOrEqual(0);
        expect(p).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("never falls as the reading becomes surer, nor rises as the answer does", () => {
    fc.assert(
      fc.property(unit, unit, unit, unit, (s1, s2, c1, c2) => {
        const [low, high] = [Math.min(s1, s2), Math.max(s1, s2)];
        const [unsure, sure] = [Math.min(c1, c2), Math.max(c1, c2)];
        const slack = 1e-12;
        expect(incapacity(high, c1, false)).toBeGreaterThanOrEqual(
          incapacity(low, c1, false) - slack,
        );
        expect(incapacity(s1, sure, false)).toBeLessThanOrEqual(
          incapacity(s1, unsure, false) + slack,
        );
      }),
    );
  });

  it("gives π(1−c) / (π(1−c) + 1−π)", () => {
    expect(incapacity(0.8, 0.5, false)).toBeCloseTo(0.4 / 0.6, 12);
    expect(incapacity(0.25, 0.9, false)).toBeCloseTo(0.025 / 0.775, 12);
  });

  it("blames no skill after a hint, and nothing but skill when one reading is possible", () => {
    expect(incapacity(0.8, 0.1, true)).toBe(0);
    expect(incapacity(1, 0.99, false)).toBe(1);
    expect(incapacity(1, 1, false)).toBe(1);
    expect(incapacity(0, 0, false)).toBe(0);
  });
});

describe("splitNats", () => {
  it("gives the words what they explain, and the weights what the tokens still lack", () => {
    const split = splitNats({ logprobBefore: -9, logprobAfter: -2, owedNats: 1.9 });
    expect(split).toEqual({ words: 7, weights: 1.9 });
  });

  it("owes nothing once the words suffice", () => {
    const split = splitNats({ logprobBefore: -9, logprobAfter: -0.01, owedNats: 0 });
    expect(split).toEqual({ words: 8.99, weights: 0 });
  });

  it("is unknown without a score under the new words", () => {
    expect(splitNats({ logprobBefore: -9, logprobAfter: null, owedNats: null })).toBeNull();
  });
});

describe("decide", () => {
  it("keeps every figure bounded, gives a reason for every plan and obeys the mode", () => {
    fc.assert(
      fc.property(evidence, (e) => {
        const plan = decide(e);
        expect(plan.reasons.length).toBeGreaterThan(0);
        expect(plan.text).toBe(plan.reasons.map((code) => reasonTexts[code]).join("; "));
        expect(plan.weights).toBe(plan.row !== null);
        if (plan.row !== null) {
          expect(plan.row.weight).toBeGreaterThan(0);
          expect(plan.row.weight).toBeLessThanOrEqual(1);
        }
        if (plan.incapacity !== null) {
          expect(plan.incapacity).toBeGreaterThanOrEqual(0);
          expect(plan.incapacity).toBeLessThanOrEqual(1);
        }
        if (plan.split !== null) expect(plan.split.weights).toBeGreaterThanOrEqual(0);
        if (plan.words) expect(e.wordsChanged && ["both", "words"].includes(e.mode)).toBe(true);
        if (plan.weights) expect(["both", "weights"]).toContain(e.mode);
        if (e.mode === "off") expect(plan.words || plan.weights).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  it("never leaves the words out because of the weights: rewording does not depend on their evidence", () => {
    fc.assert(
      fc.property(evidence, evidence, (a, b) => {
        const weightsSide = {
          logprobBefore: b.logprobBefore,
          logprobAfter: b.logprobAfter,
          owedNats: b.owedNats,
          rejectedConfidence: b.rejectedConfidence,
          attempt: b.attempt,
          updates: b.updates,
          share: b.share,
          confidence: b.confidence,
        };
        expect(decide({ ...a, ...weightsSide }).words).toBe(decide(a).words);
      }),
    );
  });

  it("never drops the weights step of a correction because more nats are owed", () => {
    fc.assert(
      fc.property(evidence, fc.double({ min: 0, max: 50, noNaN: true }), (e, more) => {
        const before = { ...e, corrected: true, owedNats: e.owedNats ?? 1 };
        const after = { ...before, owedNats: before.owedNats + more };
        if (decide(before).weights) expect(decide(after).weights).toBe(true);
      }),
    );
  });

  it("never gives a rejected reply more weight because the model was surer of it", () => {
    fc.assert(
      fc.property(evidence, unit, (e, other) => {
        const rejected: Evidence = { ...e, corrected: false, reward: -1 };
        const [low, high] = [Math.min(e.confidence, other), Math.max(e.confidence, other)];
        const weightOf = (confidence: number) =>
          decide({ ...rejected, confidence }).row?.weight ?? 0;
        expect(weightOf(high)).toBeLessThanOrEqual(weightOf(low) + 1e-12);
      }),
    );
  });

  it("stops updating at the session's cap but still rewords", () => {
    const plan = decide({ ...failure, corrected: true, updates: 3 }, { updatesMax: 3 });
    expect(plan).toMatchObject({
      words: true,
      weights: false,
      reasons: ["words_clearer", "session_cap"],
    });
  });

  it("scales a rejected reply by the share of the fault that is skill", () => {
    const plan = decide({ ...failure, share: 0.8, confidence: 0.5 });
    expect(plan.row?.kind).toBe("rejected");
    expect(plan.row?.weight).toBeCloseTo(2 / 3, 12);
    expect(plan.reasons).toEqual(["words_clearer", "likely_incapacity"]);
  });

  it("leaves the weights alone as long as the reading is the likelier fault", () => {
    const unsure = { ...failure, share: 0.6, confidence: 0.5 };
    expect(decide(unsure)).toMatchObject({ words: true, weights: false });
    expect(decide(unsure).incapacity).toBeCloseTo(3 / 7, 12);
    expect(decide(unsure).reasons).toEqual(["words_clearer", "likely_ambiguity"]);
  });

  it("rewords only after a hint", () => {
    expect(decide({ ...failure, hinted: true })).toMatchObject({
      words: true,
      weights: false,
      incapacity: 0,
      reasons: ["words_clearer", "hint_means_ambiguity"],
    });
  });

  it("leaves a rejected reply alone that the new words made unlikely", () => {
    const gated = { ...failure, share: 0.9, confidence: 0.1 };
    expect(decide({ ...gated, rejectedConfidence: 0.019 }).reasons).toContain(
      "rejected_now_unlikely",
    );
    expect(decide({ ...gated, rejectedConfidence: 0.021 }).weights).toBe(true);
  });

  it("skips the weights when the words brought the correction to the target", () => {
    const corrected = {
      ...failure,
      corrected: true,
      logprobBefore: -12,
      logprobAfter: -0.1,
      owedNats: 0.02,
    };
    expect(decide(corrected)).toMatchObject({ words: true, weights: false });
    expect(decide(corrected).reasons).toContain("words_suffice");
    const owed = decide({ ...corrected, logprobAfter: -4, owedNats: 3.9 });
    expect(owed.row).toEqual({ kind: "corrected", weight: 1 });
    expect(owed.split?.words).toBe(8);
  });

  it("learns from an unscored correction", () => {
    expect(decide({ ...failure, corrected: true }).row?.kind).toBe("corrected");
  });

  it("never learns from praise alone, however unsure the model was", () => {
    fc.assert(
      fc.property(evidence, (e) => {
        const praise = { ...e, reward: 1, corrected: false, attempt: 1 };
        expect(decide(praise).weights).toBe(false);
      }),
    );
    const praise = { ...failure, reward: 1, wordsChanged: false, confidence: 0.1 };
    expect(decide(praise).reasons).toContain("praise_is_replay");
  });

  it("learns from a late success as long as its tokens lack something", () => {
    const late = {
      ...failure,
      wordsChanged: false,
      reward: 1,
      attempt: 3,
      logprobBefore: -3,
      logprobAfter: -3,
    };
    expect(decide({ ...late, owedNats: 2.9 }).row).toEqual({ kind: "accepted", weight: 1 });
    expect(decide({ ...late, owedNats: 0.01 })).toMatchObject({ words: false, weights: false });
  });

  it("does nothing about a bare zero", () => {
    expect(decide({ ...failure, reward: 0 }).reasons).toEqual(["neutral_feedback"]);
  });

  it("blames the weights in full where words may not change", () => {
    const plan = decide({ ...failure, mode: "weights", hinted: true, share: 0.1, confidence: 0.9 });
    expect(plan).toMatchObject({ words: false, row: { kind: "rejected", weight: 1 } });
  });
});
