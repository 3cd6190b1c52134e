/**
 * A training worker: the gradient of its share of a batch's rows, then the optimiser of its share of the
 * tensors. Weights, optimiser state and gradients lie in memory shared with the other workers.
 */
import { parentPort, workerData } from "node:worker_threads";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { type ModelConfig, tensorShapes } from "../src/checkpoint/checkpoint.ts";
import { ropeTables } from "../src/compiler/decoder/rope.ts";
import { type BatchSizes, trainingGraph } from "../src/compiler/graphs/training.ts";
import { input } from "../src/compiler/ir/functions.ts";
import type { Value } from "../src/compiler/ir/types.ts";
import { encodeOnnx } from "../src/compiler/onnx.ts";
import type { TrainingState } from "./checkpoints.ts";
import { rateInputs, stateNames, stepTensor } from "./optimizer.ts";

/** What a worker is started with. */
export interface ShardSetup {
  config: ModelConfig;
  /** Sizes of this worker's share of a batch. */
  sizes: BatchSizes;
  /** Threads of each operator; undefined leaves it to the runtime. */
  threads: number | undefined;
  /** Two copies of weights and optimiser state. A step reads one and writes the other; then they swap. */
  states: readonly [TrainingState, TrainingState];
  /** Gradients by tensor, of every worker in a fixed order. */
  gradients: readonly TrainingState[];
  /** This worker's place among them. */
  index: number;
  /** Tensors that this worker steps. */
  tensors: readonly string[];
}

/** Asks for the gradient of some rows at the weights of `states[from]`, or for a step from there. */
export type ShardRequest =
  | { kind: "gradient"; from: 0 | 1; rows: ShardRows }
  | { kind: "step"; from: 0 | 1; muonRate: number; adamRate: number };

/** A worker's rows of a batch as the training graph's inputs, see `trainingGraph`. */
export interface ShardRows {
  ids: BigInt64Array;
  positions: BigInt64Array;
  mask: Float32Array;
  chosen: BigInt64Array;
  targets: BigInt64Array;
  shares: Float32Array;
}

/** Loss of the rows (their share of the batch's mean, nats); 0 for a step. */
export type ShardReply = { loss: number } | { error: string };

const { config, sizes, threads, states, gradients, index, tensors } = workerData as ShardSetup;
const port = parentPort!;
const shapes = tensorShapes(config);
const { R, T, N } = sizes;
const half = config.headSize / 2;
const rope = ropeTables(config, T);
const options = {
  ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
  logSeverityLevel: 3,
} as const;
const gradientSession = await InferenceSession.create(
  encodeOnnx(trainingGraph(config, sizes)),
  options,
);
const stepSession = await InferenceSession.create(encodeOnnx(stepGraph()), options);

port.on("message", (request: ShardRequest) => {
  answer(request).then(
    (loss) => port.postMessage({ loss } satisfies ShardReply),
    (error: Error) => port.postMessage({ error: error.message } satisfies ShardReply),
  );
});
port.postMessage({ loss: 0 } satisfies ShardReply);

async function answer(request: ShardRequest): Promise<number> {
  if (request.kind === "gradient") return gradient(request.from, request.rows);
  await step(request.from, request.muonRate, request.adamRate);
  return 0;
}

async function gradient(from: 0 | 1, rows: ShardRows): Promise<number> {
  const feeds: Record<string, Tensor> = {
    ids: new Tensor("int64", rows.ids, [R, T]),
    positions: new Tensor("int64", rows.positions, [R, T]),
    mask: new Tensor("float32", rows.mask, [R, 1, 1, T, T]),
    cos: new Tensor("float32", rope.cos, [T, half]),
    sin: new Tensor("float32", rope.sin, [T, half]),
    chosen: new Tensor("int64", rows.chosen, [N]),
    targets: new Tensor("int64", rows.targets, [N]),
    shares: new Tensor("float32", rows.shares, [N]),
  };
  const fetches: Record<string, Tensor | null> = { loss: null };
  for (const name of shapes.keys()) {
    feeds[name] = shared(states[from], name);
    fetches[`gradient.${name}`] = shared(gradients[index]!, name);
  }
  const result = await gradientSession.run(feeds, fetches);
  return (result.loss!.data as Float32Array)[0]!;
}

async function step(from: 0 | 1, muonRate: number, adamRate: number): Promise<void> {
  const feeds: Record<string, Tensor> = {
    "rate.muon": new Tensor("float32", Float32Array.of(muonRate), []),
    "rate.adam": new Tensor("float32", Float32Array.of(adamRate), []),
  };
  const fetches: Record<string, Tensor> = {};
  for (const name of tensors) {
    const shape = shapes.get(name)!;
    feeds[`gradient.${name}`] = new Tensor("float32", summedGradient(name), [...shape]);
    for (const key of [name, ...stateNames(name, shape)]) {
      feeds[key] = new Tensor("float32", states[from].get(key)!, [...shape]);
      fetches[`next.${key}`] = new Tensor("float32", states[1 - from]!.get(key)!, [...shape]);
    }
  }
  await stepSession.run(feeds, fetches);
}

/** Summed in the workers' order, so that a run repeats to the last bit. */
function summedGradient(name: string): Float32Array {
  const [first, ...rest] = gradients.map((of) => of.get(name)!);
  const sum = Float32Array.from(first!);
  for (const part of rest) for (let i = 0; i < sum.length; i++) sum[i]! += part[i]!;
  return sum;
}

function stepGraph(): Record<string, Value> {
  const rates = rateInputs();
  const outputs: Record<string, Value> = {};
  for (const name of tensors) {
    const shape = [...shapes.get(name)!];
    const tensor = input(name, { dtype: "f32", shape });
    const gradient = input(`gradient.${name}`, { dtype: "f32", shape });
    for (const [key, value] of Object.entries(stepTensor(name, tensor, gradient, rates))) {
      outputs[`next.${key}`] = value;
    }
  }
  return outputs;
}

function shared(from: TrainingState, name: string): Tensor {
  return new Tensor("float32", from.get(name)!, [...shapes.get(name)!]);
}
