/**
 * A habit that only the witnesses show: the model's own samples hardly move. The session still stays within its bound
 * and goes on learning there.
 */
import { rmSync } from "node:fs";
import { adaptPlanDefaults } from "@rosa2/shared/protocol";
import { afterAll, expect, it } from "vitest";
import {
  type AdaptableModel,
  type AdaptOutcome,
  adapt,
} from "../../../gpu-service/src/adapt/adapt.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import { type AdapterWeights, finish } from "../../../gpu-service/src/language-model.ts";
import { withProbes } from "../../support/with-probes.ts";
import { klOn } from "../support/policy.ts";
import { writeRandomCheckpoint } from "../support/random-checkpoint.ts";

const directory = writeRandomCheckpoint();
const model = await Model.load(directory, { threads: 1 });
afterAll(async () => {
  await model.dispose();
  rmSync(directory, { recursive: true });
});

const bytes = (text: string) => Int32Array.from(Buffer.from(text));
/** Corrections are of requests like the witnesses', and unlike the samples'. */
const asked = ["a list", "a lift", "a lint", "a limb"].map(bytes);
const plan = { ...adaptPlanDefaults, kl_base_max: 0.05 };

const samples = withProbes(model, ["9 + 4", "7 - 2"].map(bytes));
const { witnesses } = withProbes(model, asked);
let measured = 0;
const subject: AdaptableModel = {
  ...samples,
  witnesses,
  async *hiddenStates(rows, adapter) {
    measured += rows.length;
    return yield* model.hiddenStates(rows, adapter);
  },
};

/** One correction after the other, the same four in turns. */
async function learn(count: number) {
  const { rows: witnessed } = await finish(witnesses());
  const found: { outcome: AdaptOutcome; kl: number; measured: number }[] = [];
  let adapter: AdapterWeights | null = null;
  for (let at = 0; at < count; at++) {
    measured = 0;
    const reply = bytes(`it is ${at % asked.length}`);
    const row = { prompt: asked[at % asked.length]!, reply, kind: "corrected", weight: 1 } as const;
    const outcome: AdaptOutcome = await finish(adapt(subject, [row], plan, adapter));
    if (outcome.B) adapter = { digest: `${at}`, rank: outcome.rank, B: outcome.B };
    found.push({ outcome, measured, kl: await klOn(model, witnessed, adapter, null) });
  }
  return found;
}

it("is bounded, reported as it is, and never ends learning", async () => {
  const bound = plan.kl_base_max;
  for (const { outcome, kl, measured } of await learn(10)) {
    expect(kl).toBeLessThan(bound);
    expect(outcome.kl_base).toBeCloseTo(kl, 5);
    expect(outcome.decision).toBe("updated");
    const { logprob_before, logprob_after } = outcome.rows[0]!;
    expect(logprob_after).toBeGreaterThan(logprob_before + 2);
    // Of eight samples and eight witnesses: a few steps, and one end or two.
    expect(measured).toBeLessThan(250);
  }
});
