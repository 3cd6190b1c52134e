/**
 * Habits that samples show badly. One shows in the witnesses alone, another in the first few samples far more than in
 * all of them. The session stays within its bound and goes on learning.
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

/** A model whose own samples and witnesses are replies to these, and which counts the rows that were measured. */
function modelWith(prompts: readonly Int32Array[], witnessed: readonly Int32Array[]) {
  const counted = { rows: 0 };
  const { witnesses } = withProbes(model, witnessed);
  const subject: AdaptableModel = {
    ...withProbes(model, prompts),
    witnesses,
    async *hiddenStates(rows, adapter) {
      counted.rows += rows.length;
      return yield* model.hiddenStates(rows, adapter);
    },
  };
  return { subject, counted };
}

/** One correction after the other, the same four in turns. */
async function* learn(subject: AdaptableModel, count: number, within = plan) {
  let adapter: AdapterWeights | null = null;
  for (let at = 0; at < count; at++) {
    const reply = bytes(`it is ${at % asked.length}`);
    const row = { prompt: asked[at % asked.length]!, reply, kind: "corrected", weight: 1 } as const;
    const outcome: AdaptOutcome = await finish(adapt(subject, [row], within, adapter));
    if (outcome.B) adapter = { digest: `${at}`, rank: outcome.rank, B: outcome.B };
    yield { outcome, adapter };
  }
}

it("a habit of the witnesses is bounded, reported as it is, and never ends learning", async () => {
  const bound = plan.kl_base_max;
  const { subject, counted } = modelWith(["9 + 4", "7 - 2"].map(bytes), asked);
  const { rows: witnessed } = await finish(subject.witnesses());
  for await (const { outcome, adapter } of learn(subject, 10)) {
    const kl = await klOn(model, witnessed, adapter, null);
    expect(kl).toBeLessThan(bound);
    expect(outcome.kl_base).toBeCloseTo(kl, 5);
    expect(outcome.decision).toBe("updated");
    const { logprob_before, logprob_after } = outcome.rows[0]!;
    expect(logprob_after).toBeGreaterThan(logprob_before + 2);
    // Of eight samples and eight witnesses: a few steps, and one end or two.
    expect(counted.rows).toBeLessThan(250);
    counted.rows = 0;
  }
});

it("a habit of a few samples, beyond the bound by themselves, does not end learning where all of them keep it", async () => {
  const others = Array.from({ length: 140 }, (_, at) => bytes(`${at} + ${(7 * at) % 10}`));
  const few = asked.flatMap((prompt) => [prompt, prompt, prompt]);
  const { subject } = modelWith([...few, ...others], others);
  const { rows } = await finish(subject.probes());
  let start: AdapterWeights | null = null;
  for await (const { adapter } of learn(subject, 4, { ...plan, kl_base_max: 1 })) start = adapter;
  const kl_base_max = 0.9 * (await klOn(model, rows.slice(0, few.length), start, null));
  expect(await klOn(model, rows, start, null)).toBeLessThan(0.3 * kl_base_max);

  const row = {
    prompt: asked[0]!,
    reply: bytes("so it is"),
    kind: "corrected",
    weight: 1,
  } as const;
  // The second start is one that the service has not measured, as after a restart.
  for (const B of [start!.B, start!.B.slice()]) {
    const from = { ...start!, B };
    const outcome = await finish(adapt(subject, [row], { ...plan, kl_base_max }, from));
    const { logprob_before, logprob_after } = outcome.rows[0]!;
    expect(logprob_after).toBeGreaterThan(logprob_before + 10);
    expect(outcome.kl_base).toBeLessThan(kl_base_max);
  }
});
