import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { readModelConfig } from "../../../gpu-service/src/checkpoint/model-config.ts";
import { gradients } from "../../../gpu-service/src/compiler/gradients.ts";
import { blockGraph } from "../../../gpu-service/src/compiler/graphs/blocks.ts";
import { decodeGraph } from "../../../gpu-service/src/compiler/graphs/decode.ts";
import { headGraph } from "../../../gpu-service/src/compiler/graphs/head.ts";
import { stepGraph } from "../../../gpu-service/src/compiler/graphs/step.ts";
import {
  add,
  input,
  matmul,
  reduceSum,
  scalar,
  softmax,
  tokenLogProbs,
  weight,
} from "../../../gpu-service/src/compiler/ir/functions.ts";
import { trace } from "../../../gpu-service/src/compiler/ir/graph.ts";
import { printGraph } from "../../../gpu-service/src/compiler/ir/print.ts";
import { encodeOnnx } from "../../../gpu-service/src/compiler/onnx.ts";

const config = readModelConfig({
  model_type: "llama",
  vocab_size: 11,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 16,
  rms_norm_eps: 1e-5,
  max_position_embeddings: 4,
  tie_word_embeddings: true,
});
/** Heads too small for the attention kernel: these graphs are printed, not run. */
const toy = { ...config, headSize: 8, rotarySize: 8, attentionScale: 1 / Math.sqrt(8) };

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

it("prints a block's backward graph: it computes what it needs inside again from h", () => {
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

it("differentiates the adapters only: no product gives the gradient of a frozen weight", () => {
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

/** The readme's toy: logits → with LoRA → loss → gradient in B. */
function readmeToy() {
  const x = input("x", { dtype: "f32", shape: ["T", 4] });
  const base = matmul(x, weight("lm_head", { dtype: "f32", shape: [11, 4] }), { transposeB: true });
  const a = input("a", { dtype: "f32", shape: [2, 4] });
  const b = input("b", { dtype: "f32", shape: [11, 2] });
  const lora = matmul(matmul(x, a, { transposeB: true }), b, { transposeB: true });
  const targets = input("targets", { dtype: "i64", shape: ["T"] });
  const S = reduceSum(tokenLogProbs(add(base, lora), targets), [0], false);
  const [g] = gradients([{ value: S, seed: scalar(1) }], [b]);
  return { S, g: g! };
}

it("prints the passes as the readme shows them", () => {
  const readme = readFileSync(new URL("../../../gpu-service/README.md", import.meta.url), "utf8");
  const shown = [...readme.matchAll(/^(%\d+ \w+\[.*|return S.*)$/gm)].map(([line]) => line);
  expect(shown.join("\n")).toBe(printGraph(readmeToy()));
});

it("becomes the ONNX nodes that the readme names", () => {
  const source = { file: "model.safetensors", offset: 0, length: 176 };
  const bytes = encodeOnnx(readmeToy(), () => source);
  // Nodes are named by type and number, in order.
  const names = [...new TextDecoder("latin1").decode(bytes).matchAll(/([A-Z]\w+)_\d+/g)];
  const types = names.map(([, type]) => type);
  expect(types.filter((type) => type === "FusedMatMul")).toHaveLength(4);
  expect(types.at(-1)).toBe("FusedMatMul");
  const loss = ["LogSoftmax", "Unsqueeze", "GatherElements", "Squeeze", "ReduceSum"];
  expect(types.slice(types.indexOf("LogSoftmax")).slice(0, 5)).toEqual(loss);
});
