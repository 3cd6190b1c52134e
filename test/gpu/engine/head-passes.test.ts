/** The head a slice of the vocabulary at a time, against the whole vocabulary in one graph. */
import { seededRandom } from "@rosa2/shared/random";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, it } from "vitest";
import { openCheckpoint } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import { headTable } from "../../../gpu-service/src/compiler/decoder/decoder.ts";
import { encodeOnnx } from "../../../gpu-service/src/compiler/onnx.ts";
import { LayerWeights } from "../../../gpu-service/src/engine/model/layer-weights.ts";
import {
  type HeadPass,
  SlicedHead,
  WholeHead,
} from "../../../gpu-service/src/engine/model/passes/head-passes.ts";
import type { Compile } from "../../../gpu-service/src/engine/model/sessions.ts";
import { mapWeights } from "../../../gpu-service/src/engine/model/weights.ts";
import { finish } from "../../../gpu-service/src/language-model.ts";
import { fixtureFolder } from "../compiler/golden.ts";

const positions = 5;

function open(name: string) {
  const checkpoint = openCheckpoint(fixtureFolder(name));
  const { config } = checkpoint;
  const mapped = mapWeights(checkpoint, null);
  const options = { intraOpNumThreads: 1, logSeverityLevel: 3 } as const;
  const compile: Compile = (outputs) =>
    mapped.withModel(encodeOnnx(outputs, mapped.find), (path) =>
      InferenceSession.create(path, options),
    );
  const sliced = (sliceBytes?: number) =>
    new SlicedHead(config, new LayerWeights(config, mapped.locate), compile, sliceBytes);
  const whole = new WholeHead({
    config,
    quantization: null,
    target: "cpu",
    weights: null,
    compile,
  });
  const random = seededRandom(`head ${name}`);
  const h = Float32Array.from({ length: positions * config.hiddenSize }, () => 4 * random() - 2);
  const targets = Int32Array.from(
    { length: positions },
    (_, n) => [0, config.vocabSize - 1][n] ?? Math.floor(random() * config.vocabSize),
  );
  const run = async (head: HeadPass, backward: boolean) => {
    try {
      const dims = [positions, config.hiddenSize];
      return await finish(head.run(new Tensor("float32", h.slice(), dims), targets, backward));
    } finally {
      await head.dispose();
    }
  };
  const divergence = async (head: HeadPass) => {
    const dims = [positions, config.hiddenSize];
    const other = h.map((value, i) => value + Math.sin(i));
    try {
      return await finish(
        head.divergence(new Tensor("float32", h.slice(), dims), new Tensor("float32", other, dims)),
      );
    } finally {
      await head.dispose();
    }
  };
  return { config, sliced, whole, run, divergence };
}

// An untied head, a tied one, and one with capped logits and a norm of 1 + w.
for (const name of ["llama", "llama-tied", "gemma2"]) {
  it.each([1, 7, 64])(
    `${name}: slices of %i rows give what the whole vocabulary gives`,
    async (rows) => {
      const { config, sliced, whole, run } = open(name);
      expect(headTable(config)).toBe(
        name === "llama" ? "lm_head.weight" : "model.embed_tokens.weight",
      );
      expect(config.logitSoftcap !== null).toBe(name === "gemma2");
      expect(config.vocabSize % 7).not.toBe(0);
      const head = sliced(rows * config.hiddenSize * Float32Array.BYTES_PER_ELEMENT);
      const found = await run(head, true);
      const expected = await run(whole, true);
      expectClose(found.logprobs, expected.logprobs);
      expectClose(found.cotangents!, expected.cotangents!);
    },
  );

  it(`${name}: the KL of two policies is the same over slices and over the whole`, async () => {
    const { config, sliced, whole, divergence } = open(name);
    const head = sliced(2 * 7 * config.hiddenSize * Float32Array.BYTES_PER_ELEMENT);
    expectClose(await divergence(head), await divergence(whole));
  });

  it(`${name}: log-probs alone are the same`, async () => {
    const { sliced, run } = open(name);
    const alone = await run(sliced(), false);
    expect(alone.cotangents).toBeNull();
    const { logprobs } = await run(sliced(), true);
    expectClose(alone.logprobs, logprobs);
  });
}

it("yields before every slice, so that other sessions' tokens come between", async () => {
  const { config, sliced } = open("llama");
  const rows = 16;
  const head = sliced(rows * config.hiddenSize * Float32Array.BYTES_PER_ELEMENT);
  const h = new Tensor("float32", new Float32Array(config.hiddenSize), [1, config.hiddenSize]);
  let slices = 0;
  for await (const _ of head.run(h, Int32Array.of(3), false)) slices++;
  await head.dispose();
  expect(slices).toBe(Math.ceil(config.vocabSize / rows));
});

/** Within 1e-5 of the largest magnitude. */
function expectClose(found: Float32Array, expected: Float32Array): void {
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(scale).toBeGreaterThan(0);
  expect(found).toHaveLength(expected.length);
  const error = found.reduce((most, value, n) => Math.max(most, Math.abs(value - expected[n]!)), 0);
  expect(error / scale).toBeLessThan(1e-5);
}
