/**
 * Steps a model's weights: workers compute the gradients of a batch's rows, then the optimiser's step. It
 * knows batches of token ids, not where they come from, schedules or files.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { randomNormal, seededRandom } from "@rosa2/shared/random";
import { type ModelConfig, tensorShapes } from "../src/checkpoint/checkpoint.ts";
import type { BatchSizes } from "../src/compiler/graphs/training.ts";
import type { Batch } from "./batches.ts";
import type { TrainingState } from "./checkpoints.ts";
import { adamRate, stateNames, stepCost } from "./optimizer.ts";
import type { ShardReply, ShardRequest, ShardRows, ShardSetup } from "./shard-worker.ts";

export interface StepRates {
  muon: number;
  adam: number;
}

/** Rows and positions of a batch. */
export type RowSizes = Pick<BatchSizes, "R" | "T">;

/** How a step is spread over the machine. */
export interface Spread {
  /** Worker threads; each takes R / workers rows. */
  workers: number;
  /** Threads of each worker's operators; undefined leaves it to the runtime. */
  threads?: number | undefined;
}

const hidden = -1e9;
/** Room for learnt tokens. They are about a quarter of all; there is room for 40 %, and for one row of nothing else. */
const learntRoom = (R: number, T: number) => Math.min(R * T, Math.ceil(R * T * 0.4) + T);

export class Trainer {
  readonly config: ModelConfig;
  /** Steps taken, over all runs. */
  step: number;
  readonly #sizes: BatchSizes;
  readonly #workers: readonly Worker[];
  readonly #states: readonly [TrainingState, TrainingState];
  #current: 0 | 1 = 0;

  private constructor(
    config: ModelConfig,
    sizes: BatchSizes,
    workers: readonly Worker[],
    states: readonly [TrainingState, TrainingState],
    step: number,
  ) {
    this.config = config;
    this.step = step;
    this.#sizes = sizes;
    this.#workers = workers;
    this.#states = states;
  }

  /** @throws Error when the rows cannot be dealt out evenly. */
  static async create(
    config: ModelConfig,
    { R, T }: RowSizes,
    start: { state: TrainingState; step: number },
    { workers: count, threads }: Spread,
  ): Promise<Trainer> {
    if (R % count !== 0) throw new Error(`Cannot deal ${R} rows evenly to ${count} workers`);
    const sizes = { R: R / count, T, N: learntRoom(R / count, T) };
    const names = [...tensorShapes(config).keys()];
    const states = [sharedCopy(start.state), sharedCopy(start.state)] as const;
    const weights = new Map(names.map((name) => [name, start.state.get(name)!]));
    const gradients = Array.from({ length: count }, () => sharedCopy(weights));
    const shares = dealTensors(config, count);
    const workers = shares.map(
      (tensors, index) =>
        new Worker(new URL("shard-worker.ts", import.meta.url), {
          workerData: {
            config,
            sizes,
            threads,
            states,
            gradients,
            index,
            tensors,
          } satisfies ShardSetup,
        }),
    );
    await Promise.all(workers.map(reply));
    return new Trainer(config, sizes, workers, states, start.step);
  }

  /** Weights and optimiser state now; valid until the next step. */
  get state(): TrainingState {
    return this.#states[this.#current];
  }

  /** Takes one step; returns the mean loss of the counted tokens (nats) before it. */
  async run(batch: Batch, rates: StepRates): Promise<number> {
    const from = this.#current;
    this.step++;
    const losses = await this.#ask((index) => ({
      kind: "gradient",
      from,
      rows: shardRows(batch, this.#sizes, index),
    }));
    await this.#ask(() => ({
      kind: "step",
      from,
      muonRate: rates.muon,
      adamRate: adamRate(rates.adam, this.step),
    }));
    this.#current = from === 0 ? 1 : 0;
    return losses.reduce((sum, loss) => sum + loss, 0);
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  async #ask(request: (index: number) => ShardRequest): Promise<number[]> {
    return Promise.all(
      this.#workers.map((worker, index) => {
        const replied = reply(worker);
        worker.postMessage(request(index));
        return replied;
      }),
    );
  }
}

/** The loss in a worker's next answer. */
async function reply(worker: Worker): Promise<number> {
  const [message] = (await once(worker, "message")) as [ShardReply];
  if ("error" in message) throw new Error(`A training worker failed: ${message.error}`);
  return message.loss;
}

function sharedCopy(state: TrainingState): TrainingState {
  return new Map(
    [...state].map(([name, data]) => {
      const copy = new Float32Array(new SharedArrayBuffer(data.byteLength));
      copy.set(data);
      return [name, copy];
    }),
  );
}

/** The tensors that each worker steps, divided so that the workers' steps take about the same time. */
function dealTensors(config: ModelConfig, count: number): string[][] {
  const shares = Array.from({ length: count }, () => ({ cost: 0, names: [] as string[] }));
  const costs = [...tensorShapes(config)].map(
    ([name, shape]) => [name, stepCost(name, shape)] as const,
  );
  for (const [name, cost] of costs.sort(([, a], [, b]) => b - a)) {
    const least = shares.reduce((best, share) => (share.cost < best.cost ? share : best));
    least.cost += cost;
    least.names.push(name);
  }
  return shares.map(({ names }) => names);
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

/**
 * A worker's rows of a batch; shares are of the whole batch's mean.
 *
 * @throws Error when they have more learnt tokens than the graph has room for.
 */
function shardRows(batch: Batch, { R, T, N }: BatchSizes, index: number): ShardRows {
  const start = index * R * T;
  const end = start + R * T;
  const chosen = new BigInt64Array(N);
  const targets = new BigInt64Array(N);
  const shares = new Float32Array(N);
  let count = 0;
  batch.learn.subarray(start, end).forEach((learnt, at) => {
    if (!learnt) return;
    if (count === N) throw new Error(`Cannot train on more than ${N} tokens of ${R} rows`);
    chosen[count] = BigInt(at);
    targets[count] = BigInt(batch.targets[start + at]!);
    count++;
  });
  shares.fill(1 / Math.max(1, batch.learntCount), 0, count);
  const ids = BigInt64Array.from(batch.inputs.subarray(start, end), BigInt);
  return {
    ids,
    chosen,
    targets,
    shares,
    ...separateDocuments(batch.documents.subarray(start, end), R, T),
  };
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
