/**
 * Steps a model's weights: one compiled run computes the loss, every gradient and the optimiser. It knows
 * batches of token ids, not where they come from, schedules or files.
 */
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { type ModelConfig, tensorShapes } from "../src/compiler/checkpoint.ts";
import { trace, type Value } from "../src/compiler/graph.ts";
import { encodeOnnx } from "../src/compiler/onnx.ts";
import { ropeTables } from "../src/compiler/rope.ts";
import { type BatchSizes, trainingGraph } from "../src/compiler/training-graph.ts";
import type { Batch } from "./batches.ts";
import { adamRate, rateInputs, stateNames, stepTensor } from "./optimizer.ts";

export interface StepRates {
  muon: number;
  adam: number;
}

/** Weights and optimiser state by name. */
export type TrainingState = Map<string, Float32Array<ArrayBuffer>>;

const hidden = -1e9;

export class Trainer {
  readonly config: ModelConfig;
  readonly sizes: BatchSizes;
  /** Steps taken, over all runs. */
  step: number;
  readonly #session: InferenceSession;
  /** Two copies that swap roles: a run reads one and writes the other. */
  #state: TrainingState;
  #next: TrainingState;
  readonly #rope;

  private constructor(
    config: ModelConfig,
    sizes: BatchSizes,
    session: InferenceSession,
    state: TrainingState,
    step: number,
  ) {
    this.config = config;
    this.sizes = sizes;
    this.step = step;
    this.#session = session;
    this.#state = state;
    this.#next = new Map([...state].map(([name, data]) => [name, new Float32Array(data.length)]));
    this.#rope = ropeTables(config, sizes.T);
  }

  static async create(
    config: ModelConfig,
    sizes: BatchSizes,
    start: { state: TrainingState; step: number },
    threads?: number,
  ): Promise<Trainer> {
    const bytes = encodeOnnx(stepGraph(config, sizes));
    const session = await InferenceSession.create(bytes, {
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
      logSeverityLevel: 3,
    });
    return new Trainer(config, sizes, session, start.state, start.step);
  }

  /** Weights and optimiser state now; valid until the next step. */
  get state(): TrainingState {
    return this.#state;
  }

  /** Takes one step; returns the mean loss of the counted tokens (nats) before it. */
  async run(batch: Batch, rates: StepRates): Promise<number> {
    const { R, T, N } = this.sizes;
    const half = this.config.headSize / 2;
    const shapes = stateShapes(this.config);
    const feeds: Record<string, Tensor> = {};
    const fetches: Record<string, Tensor | null> = { loss: null };
    for (const [name, shape] of shapes) {
      feeds[name] = new Tensor("float32", this.#state.get(name)!, shape);
      fetches[`next.${name}`] = new Tensor("float32", this.#next.get(name)!, shape);
    }
    const { chosen, targets, shares } = chooseTargets(batch, this.sizes);
    const { positions, mask } = separateDocuments(batch.documents, R, T);
    const float = (value: number) => new Tensor("float32", Float32Array.of(value), []);
    this.step++;
    const result = await this.#session.run(
      {
        ...feeds,
        ids: new Tensor("int64", BigInt64Array.from(batch.inputs, BigInt), [R, T]),
        positions: new Tensor("int64", positions, [R, T]),
        mask: new Tensor("float32", mask, [R, 1, 1, T, T]),
        cos: new Tensor("float32", this.#rope.cos, [T, half]),
        sin: new Tensor("float32", this.#rope.sin, [T, half]),
        chosen: new Tensor("int64", chosen, [N]),
        targets: new Tensor("int64", targets, [N]),
        shares: new Tensor("float32", shares, [N]),
        "rate.muon": float(rates.muon),
        "rate.adam": float(adamRate(rates.adam, this.step)),
      },
      fetches,
    );
    [this.#state, this.#next] = [this.#next, this.#state];
    return (result.loss!.data as Float32Array)[0]!;
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }
}

/** Fresh weights and zero optimiser state: small normal matrices, residual outputs scaled by 1/√(2·layers). */
export function initialState(config: ModelConfig, seed: number): TrainingState {
  const random = seededRandom(seed);
  const state: TrainingState = new Map();
  for (const [name, shape] of tensorShapes(config)) {
    const length = shape.reduce((product, dim) => product * dim, 1);
    const std = name.startsWith("model.layers.")
      ? /(o_proj|down_proj)\.weight$/.test(name)
        ? 0.04 / Math.sqrt(2 * config.layerCount)
        : 0.04
      : 0.05;
    const isNorm = shape.length === 1 && name.endsWith("norm.weight");
    const isBias = name.endsWith(".bias");
    state.set(
      name,
      Float32Array.from({ length }, () => (isNorm ? 1 : isBias ? 0 : std * randomNormal(random))),
    );
    for (const slot of stateNames(name, shape)) state.set(slot, new Float32Array(length));
  }
  return state;
}

function stepGraph(config: ModelConfig, sizes: BatchSizes): Record<string, Value> {
  const outputs = trainingGraph(config, sizes);
  const rates = rateInputs();
  const tensors = inputsByName(outputs);
  const stepped: Record<string, Value> = { loss: outputs.loss! };
  for (const name of tensorShapes(config).keys()) {
    const next = stepTensor(name, tensors.get(name)!, outputs[`gradient.${name}`]!, rates);
    for (const [key, value] of Object.entries(next)) stepped[`next.${key}`] = value;
  }
  return stepped;
}

function inputsByName(outputs: Record<string, Value>): Map<string, Value> {
  const inputs = new Map<string, Value>();
  for (const { op, attributes, outputs: values } of trace(Object.values(outputs))) {
    if (op === "input") inputs.set((attributes as { name: string }).name, values[0]!);
  }
  return inputs;
}

function stateShapes(config: ModelConfig): Map<string, readonly number[]> {
  return new Map(
    [...tensorShapes(config)].flatMap(([name, shape]) =>
      [name, ...stateNames(name, shape)].map((key) => [key, shape] as const),
    ),
  );
}

/** Throws when the batch has more learnt tokens than the graph has room for. */
function chooseTargets(batch: Batch, { N }: BatchSizes) {
  const chosen = new BigInt64Array(N);
  const targets = new BigInt64Array(N);
  const shares = new Float32Array(N);
  let count = 0;
  batch.learn.forEach((learnt, at) => {
    if (!learnt) return;
    if (count === N) throw new Error(`Cannot train on more than ${N} tokens a batch`);
    chosen[count] = BigInt(at);
    targets[count] = BigInt(batch.targets[at]!);
    count++;
  });
  shares.fill(1 / Math.max(1, count), 0, count);
  return { chosen, targets, shares };
}

/** Positions that restart with each document, and a mask that keeps documents and the future apart. */
function separateDocuments(documents: Int32Array, R: number, T: number) {
  const positions = new BigInt64Array(R * T);
  const mask = new Float32Array(R * T * T).fill(hidden);
  for (let row = 0; row < R; row++) {
    let start = 0;
    for (let t = 0; t < T; t++) {
      const at = row * T + t;
      if (t > 0 && documents[at] !== documents[at - 1]) start = t;
      positions[at] = BigInt(t - start);
      mask.fill(0, at * T + start, at * T + t + 1);
    }
  }
  return { positions, mask };
}
