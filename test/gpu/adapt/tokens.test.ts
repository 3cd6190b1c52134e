/** Masked gradients and token KL against PyTorch (fixtures/llama/tokens.json). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Model } from "../../../gpu-service/src/engine/model/model.ts";
import { finish } from "../../../gpu-service/src/language-model.ts";
import { fixtureFolder, largestDifference, loadGolden } from "../compiler/golden.ts";

const golden = await loadGolden("llama");
const { model, adapter } = golden;
afterAll(() => model.dispose());

const expected = JSON.parse(readFileSync(join(fixtureFolder("llama"), "tokens.json"), "utf8")) as {
  row: number;
  logprobs: number[];
  mask: number[];
  gradient: number[];
  klFromBase: number[];
  klToBase: number[];
};
const row = golden.rows[expected.row]!;

async function maskedGradient(mask: readonly number[]): Promise<Float32Array> {
  const into = new Float32Array(adapter.B.length);
  const weights = Float32Array.from(mask);
  await finish(model.passRows([row], adapter, () => ({ into, weights })));
  return into;
}

describe("the gradient of some of a reply's tokens", () => {
  // Sums of fp32 products in another order; gradients here are about 1.
  const tolerance = 2e-4;

  it("equals PyTorch's of their summed log-probs", async () => {
    const found = await maskedGradient(expected.mask);
    expect(largestDifference(found, expected.gradient)).toBeLessThan(tolerance);
  });

  it("is zero where every token is settled", async () => {
    const found = await maskedGradient(expected.mask.map(() => 0));
    expect(found.every((value) => value === 0)).toBe(true);
  });

  it("adds up with the other tokens' gradient to that of the whole reply", async () => {
    const found = await maskedGradient(expected.mask);
    const others = await maskedGradient(expected.mask.map((one) => 1 - one));
    const sum = found.map((value, i) => value + others[i]!);
    expect(largestDifference(sum, golden.gradients[expected.row]!)).toBeLessThan(tolerance);
  });
});

describe("KL between two policies, token by token", () => {
  const kl = async (subject: Model) => {
    const adapted = await finish(subject.hiddenStates([row], adapter));
    const base = await finish(subject.hiddenStates([row], null));
    return {
      fromBase: await finish(subject.divergence(adapted, base)),
      toBase: await finish(subject.divergence(base, adapted)),
      own: await finish(subject.divergence(base, base)),
    };
  };

  it("equals PyTorch's over the whole vocabulary, in both directions", async () => {
    const { fromBase, toBase } = await kl(model);
    expect(largestDifference(fromBase, expected.klFromBase)).toBeLessThan(1e-4);
    expect(largestDifference(toBase, expected.klToBase)).toBeLessThan(1e-4);
  });

  it("is zero between a policy and itself", async () => {
    const { own } = await kl(model);
    for (const value of own) expect(value).toBeLessThan(1e-6);
  });
});
