import { expect, it } from "vitest";
import { blockGraph, headGraph } from "../../../gpu-service/src/compiler/block-graphs.ts";
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

const mapped = { layer: 0, weights: "mapped" } as const;

it("prints a block's backward graph: what it needs inside is computed again from h", () => {
  const graph = blockGraph(toy, { kind: "mlp", backward: true, ...mapped });
  expect(printGraph(graph)).toMatchSnapshot();
});

it("prints the attention block's backward graph", () => {
  const graph = blockGraph(toy, { kind: "attention", backward: true, ...mapped });
  expect(printGraph(graph)).toMatchSnapshot();
});

it("prints the head's backward graph", () => {
  expect(printGraph(headGraph(toy, { backward: true, quantization: null }))).toMatchSnapshot();
});

it("differentiates the adapters only: no product makes a gradient of a frozen weight", () => {
  for (const kind of ["attention", "mlp"] as const) {
    const nodes = trace(Object.values(blockGraph(toy, { kind, backward: true, ...mapped })));
    const shapes = nodes.flatMap(({ op, outputs }) => (op === "matmul" ? outputs : []));
    // A weight's gradient would have a weight's shape, without rows.
    expect(shapes.filter(({ shape }) => shape.length === 2)).toEqual([]);
  }
});

it("reads the weights of any layer through one graph when they are fed", () => {
  const graph = (layer: number) =>
    blockGraph({ ...toy, layerCount: 2 }, { kind: "mlp", layer, backward: true, weights: "fed" });
  const names = trace(Object.values(graph(0))).flatMap(({ op, attributes }) =>
    op === "input" ? [(attributes as { name: string }).name] : [],
  );
  expect(names).toContain("model.layers.0.mlp.down_proj.weight");
  const second = printGraph(graph(1))
    .replaceAll("layers.1", "layers.0")
    .replaceAll("1.mlp", "0.mlp");
  expect(second).toBe(printGraph(graph(0)));
});
