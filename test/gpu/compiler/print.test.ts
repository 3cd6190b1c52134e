import { expect, it } from "vitest";
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
import { readModelConfig } from "../../../gpu-service/src/compiler/model-config.ts";
import { printGraph } from "../../../gpu-service/src/compiler/print.ts";
import { sequenceGraph } from "../../../gpu-service/src/compiler/sequence-graph.ts";
import { stepGraph } from "../../../gpu-service/src/compiler/step-graph.ts";

const toy = readModelConfig({
  model_type: "llama",
  vocab_size: 11,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  rms_norm_eps: 1e-5,
  max_position_embeddings: 4,
  tie_word_embeddings: true,
});

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
