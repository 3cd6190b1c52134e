import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { afterAll, describe, expect, it } from "vitest";
import { quantizeMatrix } from "../../../gpu-service/src/compiler/decoder/quantize.ts";
import { checkQuantization } from "../../../gpu-service/src/engine/model/golden-check.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import { fixtureFolder } from "./golden.ts";

process.env.ROSA2_CACHE = mkdtempSync(join(tmpdir(), "rosa2-cache-"));
afterAll(() => rmSync(process.env.ROSA2_CACHE!, { recursive: true }));

const random = seededRandom("quantize");
const rowLength = 64;
const weights = Float32Array.from({ length: 3 * rowLength }, () => randomNormal(random));

describe("a quantised matrix", () => {
  it.each([8, 4] as const)("is within half a step of the weights at %i bits", (bits) => {
    const { packed, scales } = quantizeMatrix(weights, rowLength, bits);
    const zero = bits === 8 ? 128 : 8;
    for (const [i, weight] of weights.entries()) {
      const integer = bits === 8 ? packed[i]! : (packed[i >> 1]! >> (4 * (i % 2))) & 15;
      const scale = scales[Math.floor(i / rowLength)]!;
      const error = Math.abs((integer - zero) * scale - weight);
      // The longer side of the range is exact; the shorter side may be cut by one step.
      expect(error).toBeLessThanOrEqual(
        Math.abs(scale) * (integer === 2 * zero - 1 ? 1 : 0.5) + 1e-6,
      );
    }
  });

  it("keeps a block of zeros as zeros", () => {
    const { packed, scales } = quantizeMatrix(new Float32Array(32), 32, 4);
    expect([...scales]).toEqual([0]);
    expect(packed.every((byte) => byte === 0x88)).toBe(true);
  });
});

const prompt = Int32Array.from({ length: 12 }, (_, i) => (i * 37 + 11) % 60);
const row = { prompt, reply: Int32Array.of(7, 3, 1) };
const sum = (values: Float32Array) => values.reduce((total, value) => total + value, 0);

describe.each([8, 4] as const)("a model quantised to %i bits", (bits) => {
  // Level 0 keeps activations in fp32, so finite differences are smooth.
  const load = () =>
    Model.load(fixtureFolder("llama"), {
      threads: 1,
      quantization: { bits, accuracyLevel: 0 },
    });

  it("has gradients of what it computes: adapters learn through frozen integers", async () => {
    const model = await load();
    const rank = 4;
    const B = Float32Array.from(
      { length: model.adapterLength(rank) },
      (_, i) => 0.03 * Math.sin(i),
    );
    const along = B.map((_, i) => Math.cos(1.7 * i));
    const { gradients } = await model.gradients([row], { digest: "", rank, B });
    const at = async (size: number) => {
      const moved = B.map((value, i) => value + size * along[i]!);
      const [logprobs] = await model.score([row], { digest: `${size}`, rank, B: moved });
      return sum(logprobs!);
    };
    const numeric = ((await at(3e-3)) - (await at(-3e-3))) / 6e-3;
    const analytic = gradients.reduce((total, value, i) => total + value * along[i]!, 0);
    expect(Math.abs(analytic / numeric - 1)).toBeLessThan(5e-3);
    await model.dispose();
  });

  it("generates what it scores: decoding and scoring agree", async () => {
    const model = await load();
    const cache = model.allocateCache(1, 32);
    const step = { rows: 1, cache, firstSlot: 0, adapters: [null] };
    const first = { ...step, ids: prompt, length: prompt.length, past: Int32Array.of(0) };
    await model.step(first, false);
    const second = {
      ...step,
      ids: Int32Array.of(7),
      length: 1,
      past: Int32Array.of(prompt.length),
    };
    const [next] = await model.step(second, true);
    const [logprobs] = await model.score([row], null);
    expect(logprobs![1]).toBeCloseTo(next!.logits_V![3]! - next!.logZ, 4);
    await model.dispose();
  });
});

describe("the golden-token check", () => {
  it("finds 8 bits close to fp32, and keeps the figures", async () => {
    const check = await checkQuantization(fixtureFolder("llama"), 8, { threads: 1 });
    expect(check.agreement[4]).toBeGreaterThan(0.8);
    // Rounding activations to 8 bits changes this model's log-probs by about this much; they lie around −4.
    expect(check.noise).toBeGreaterThan(1e-4);
    expect(check.noise).toBeLessThan(0.3);
    expect(await checkQuantization(fixtureFolder("llama"), 8, { threads: 1 })).toEqual(check);
  });
});
