import { expect, it } from "vitest";
import type { ModelConfig } from "../../../gpu-service/src/compiler/checkpoint.ts";
import { decodeGraph } from "../../../gpu-service/src/compiler/decode-graph.ts";
import {
  input,
  matmul,
  reduceSum,
  scalar,
  softmax,
} from "../../../gpu-service/src/compiler/functions.ts";
import { gradients } from "../../../gpu-service/src/compiler/gradients.ts";
import { trace } from "../../../gpu-service/src/compiler/graph.ts";
import { printGraph } from "../../../gpu-service/src/compiler/print.ts";
import { sequenceGraph } from "../../../gpu-service/src/compiler/sequence-graph.ts";
import { stepGraph } from "../../../gpu-service/src/compiler/step-graph.ts";

const toy: ModelConfig = {
  architecture: "llama",
  vocabSize: 11,
  hiddenSize: 16,
  intermediateSize: 24,
  layerCount: 1,
  headCount: 2,
  kvHeadCount: 1,
  headSize: 8,
  rmsNormEps: 1e-5,
  rope: { theta: 10_000, scaling: null },
  contextLength: 4,
  tiedEmbeddings: true,
  attentionBias: { qkv: false, output: false },
  mlpBias: false,
  qkNorm: false,
  slidingWindow: null,
  hiddenAct: "silu",
  eosIds: [0],
  bosId: null,
  dtype: "float32",
};

it("prints a graph and its gradient as one line per operation", () => {
  const x = input("x", { dtype: "f32", shape: ["R", 4] });
  const w = input("w", { dtype: "f32", shape: [3, 4] });
  const y = reduceSum(softmax(matmul(x, w, { transposeB: true })), [0, 1], false);
  const [dw] = gradients([{ value: y, seed: scalar(1) }], [w]);
  expect(printGraph({ y, dw: dw! })).toMatchSnapshot();
});

it("prints the decode graph of a toy decoder with an adapter", () => {
  expect(printGraph(decodeGraph(toy, { adapters: true }))).toMatchSnapshot();
});

it("prints the step graph of a toy decoder with an adapter", () => {
  expect(printGraph(stepGraph(toy, { positions: 4, adapters: true }))).toMatchSnapshot();
});

it("prints the adapt graph of a toy decoder", () => {
  expect(printGraph(sequenceGraph(toy, { rank: 2, gradients: true }))).toMatchSnapshot();
});

it("differentiates the adapters only: no product makes a gradient of a frozen weight", () => {
  const nodes = trace(Object.values(sequenceGraph(toy, { rank: 2, gradients: true })));
  const shapes = nodes.flatMap(({ op, outputs }) => (op === "matmul" ? outputs : []));
  // A weight's gradient would have a weight's shape, without rows.
  expect(shapes.filter(({ shape }) => shape.length === 2)).toEqual([]);
});
