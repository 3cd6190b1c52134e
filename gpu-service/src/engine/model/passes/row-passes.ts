/**
 * Passes over whole rows: log-probs S of known replies and each row's gradient ∂S/∂B, block by block and in
 * slices. It knows token rows and numbers, neither targets nor steps; those are the update's.
 *
 * Forward keeps the input of each block and nothing else; backward computes the rest of a block again.
 */
import { type InferenceSession, Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../../../checkpoint/checkpoint.ts";
import { layerKind } from "../../../compiler/decoder/layer-kinds.ts";
import type { Quantization } from "../../../compiler/decoder/quantize.ts";
import {
  type BlockKind,
  blockGraph,
  blockKinds,
  blockSites,
  embedGraph,
} from "../../../compiler/graphs/blocks.ts";
import type { Target } from "../../../compiler/ops/rules.ts";
import { release } from "../../../disk/release.ts";
import type { AdapterWeights, GradientSink, ScoreRow, Slices } from "../../../language-model.ts";
import type { Basis } from "../../../lora/basis.ts";
import { free } from "../free.ts";
import { type FedWeights, withWeights } from "../layer-weights.ts";
import { type Compile, Sessions } from "../sessions.ts";
import type { HeadPass } from "./head-passes.ts";
import { causalMask, packIds, positionsOf, takeRows } from "./rows.ts";

type Feeds = Record<string, Tensor>;

export interface RowPassOptions {
  config: ModelConfig;
  /** Rotary tables by the names that layer kinds give them, [positions, D/2]. */
  rope: Record<string, Float32Array>;
  quantization: Quantization | null;
  target: Target;
  /** Weights that graphs take as inputs, so that one graph serves every layer; null where graphs map them. */
  weights: FedWeights | null;
  basis(rank: number): Basis;
  head: HeadPass;
  compile: Compile;
}

/** Positions of one run while others wait for tokens. Bounds time and memory. */
const busyPositionsMax = 64;
/** And when nobody does: as many as keep a tensor [positions, F] within these bytes, within these limits. */
const innerBytesMax = 524_288;
const alonePositions = { min: 128, max: 1024 };
/** Scores of one row [H, T, T] from which on its heads are run one after the other. */
const scoreBytesMax = 2 * 1_048_576;
/** Hidden states that are kept between forward and backward; a row that needs more runs alone. */
const keptBytesMax = 64 * 1_048_576;

interface Block {
  kind: BlockKind;
  layer: number;
  /** Where its sites begin in an adapter's flat vector of rank 1. */
  offset: number;
  sites: { module: string; out: number }[];
}

export class RowPasses {
  readonly #options: RowPassOptions;
  readonly #blocks: Block[];
  readonly #sessions: Sessions;
  /** Positions of a run when nobody waits: threads gain from long runs, and memory bounds them. */
  readonly #positionsAlone: number;

  constructor(options: RowPassOptions) {
    const { config } = options;
    this.#options = options;
    this.#sessions = new Sessions(options.compile);
    const innerBytes = config.intermediateSize * Float32Array.BYTES_PER_ELEMENT;
    this.#positionsAlone = Math.max(
      alonePositions.min,
      Math.min(alonePositions.max, Math.floor(innerBytesMax / innerBytes)),
    );
    let offset = 0;
    this.#blocks = Array.from({ length: config.layerCount }, (_, layer) =>
      blockKinds.map((kind): Block => {
        const sites = blockSites(config, layer, kind);
        const block = { kind, layer, offset, sites };
        for (const { out } of sites) offset += out;
        return block;
      }),
    ).flat();
  }

  /**
   * Log-probs of each row's reply tokens; gradients go where `sink` says. Yields before each run of a block
   * and hears whether others wait for tokens.
   */
  async *run(
    rows: readonly ScoreRow[],
    adapter: AdapterWeights | null,
    sink?: GradientSink,
  ): Slices<Float32Array[]> {
    const logprobs: Float32Array[] = [];
    const states = sink ? this.#blocks.length + 1 : 1;
    const stateBytes = states * this.#options.config.hiddenSize * Float32Array.BYTES_PER_ELEMENT;
    for (const group of groupRows(rows, keptBytesMax / stateBytes)) {
      const found = yield* this.#runGroup(
        group.map((row) => rows[row]!),
        adapter ?? this.#noAdapter(),
        sink && ((row, S) => sink(group[row]!, S)),
      );
      found.forEach((values, row) => {
        logprobs[group[row]!] = values;
      });
    }
    return logprobs;
  }

  async dispose(): Promise<void> {
    await this.#sessions.dispose();
    await this.#options.head.dispose();
    this.#options.weights?.close();
  }

  /** Rows in order of length, block by block, so that a block's weights are read once for all of them. */
  async *#runGroup(
    rows: ScoreRow[],
    adapter: AdapterWeights,
    sink: GradientSink | undefined,
  ): Slices<Float32Array[]> {
    const { config } = this.#options;
    const places = new Places(config, this.#options.rope);
    const all = rows.map((_, row) => row);
    const states = rows.map(
      (row) => new States(lengthOf(row), config.hiddenSize, sink ? this.#blocks.length + 1 : 1),
    );
    const cotangents = rows.map(
      (row) => new Float32Array(sink ? lengthOf(row) * config.hiddenSize : 0),
    );
    try {
      yield* this.#inTiles(rows, all, async (tile, T) => {
        const { ids, shape } = packIds(
          tile.map((row) => rows[row]!),
          T,
        );
        const session = await this.#embed();
        const { out } = await session.run(
          await withWeights(
            session,
            { ids: new Tensor("int64", ids, shape) },
            this.#options.weights,
          ),
        );
        unpack(
          out as Tensor,
          tile.map((row) => states[row]!.at(0)),
        );
      });
      for (const [index, block] of this.#blocks.entries()) {
        yield* this.#inTiles(rows, all, async (tile, T) => {
          const h = pack(
            tile.map((row) => states[row]!.at(index)),
            T,
            config.hiddenSize,
          );
          const feeds = { h, ...places.feeds(block.layer, tile.length, T) };
          const { out } = await this.#runBlock(block, false, adapter, feeds);
          free(h);
          unpack(
            out!,
            tile.map((row) => states[row]!.at(index + 1)),
          );
        });
      }
      const logprobs = yield* this.#runHead(rows, states, sink ? cotangents : null);
      const sinks = logprobs.map((values, row) => sink?.(row, sum(values)) ?? null);
      const chosen = all.filter((row) => sinks[row] !== null);
      for (const [index, block] of chosen.length === 0
        ? []
        : [...this.#blocks.entries()].reverse()) {
        yield* this.#inTiles(rows, chosen, async (tile, T) => {
          const h = pack(
            tile.map((row) => states[row]!.at(index)),
            T,
            config.hiddenSize,
          );
          const g = pack(
            tile.map((row) => cotangents[row]!),
            T,
            config.hiddenSize,
          );
          const feeds = { h, g, ...places.feeds(block.layer, tile.length, T) };
          const { cotangent, ...jacobians } = await this.#runBlock(block, true, adapter, feeds);
          free(h);
          free(g);
          unpack(
            cotangent!,
            tile.map((row) => cotangents[row]!),
          );
          store(
            block,
            adapter.rank,
            Object.values(jacobians),
            tile.map((row) => sinks[row]!),
          );
        });
      }
      return logprobs;
    } finally {
      for (const state of states) state.free();
      for (const { buffer } of cotangents) release(buffer);
    }
  }

  /** Runs `use` on as many of the next rows at a time as may run together now; T is the longest one's length. */
  async *#inTiles(
    rows: readonly ScoreRow[],
    chosen: readonly number[],
    use: (tile: number[], T: number) => Promise<void>,
  ): Slices<void> {
    for (let from = 0; from < chosen.length; ) {
      const isBusy = yield;
      const lengths = chosen.slice(from).map((row) => lengthOf(rows[row]!));
      // A device's products need all but one of the leading axes known: one row at a time.
      const isSingle = this.#options.target === "webgpu";
      const most = isBusy ? busyPositionsMax : this.#positionsAlone;
      const count = isSingle ? 1 : takeRows(lengths, most);
      await use(chosen.slice(from, from + count), lengths[count - 1]!);
      from += count;
    }
  }

  #embed(): Promise<InferenceSession> {
    const { config, quantization } = this.#options;
    return this.#sessions.get("embed", () => embedGraph(config, quantization));
  }

  async #runBlock(
    { kind, layer, offset, sites }: Block,
    backward: boolean,
    { rank, B }: AdapterWeights,
    feeds: Feeds,
  ): Promise<Record<string, Tensor>> {
    const { config, weights, quantization, target } = this.#options;
    // Fed with weights, the graph of layer 0 is that of every layer.
    const built = weights ? 0 : layer;
    const byHead = kind === "attention" && this.#runsByHead(feeds.h!.dims[1]!);
    const session = await this.#sessions.get(
      `${kind} ${built} ${backward ? "backward" : "forward"} ${byHead ? "by head" : ""} ${target === "webgpu" ? rank : ""}`,
      () =>
        blockGraph(config, {
          kind,
          layer: built,
          backward,
          byHead,
          weights: weights ? "fed" : "mapped",
          quantization,
          ...(target === "webgpu" ? { rows: 1, rank } : {}),
        }),
    );
    const basis = this.#options.basis(rank);
    const parts = new Map<string, Float32Array>();
    let from = offset * rank;
    for (const { module, out } of sites) {
      parts.set(module, B.subarray(from, from + out * rank));
      from += out * rank;
    }
    const used: Feeds = {};
    for (const name of session.inputNames) {
      if (name in feeds) used[name] = feeds[name]!;
      else if (name.startsWith("a.")) {
        const rows = basis.get(name.slice(2).replace(/^\d+/, String(layer)))!;
        used[name] = new Tensor("float32", rows, [rank, rows.length / rank]);
      } else if (name.startsWith("b.")) {
        const part = parts.get(inLayer(name.slice(2), layer))!;
        used[name] = new Tensor("float32", part, [part.length / rank, rank]);
      } else used[name] = await weights!.read(session, name, inLayer(name, layer));
    }
    return (await session.run(used)) as Record<string, Tensor>;
  }

  /** Not where a graph owns its weights, which a second graph would hold once more, and not on a device. */
  #runsByHead(T: number): boolean {
    const { config, weights, target } = this.#options;
    const scoreBytes = config.headCount * T * T * Float32Array.BYTES_PER_ELEMENT;
    return weights !== null && target === "cpu" && scoreBytes > scoreBytesMax;
  }

  /** Log-probs by row; each row's cotangent [length, C] of the hidden states after the last block goes where asked. */
  async *#runHead(
    rows: readonly ScoreRow[],
    states: readonly States[],
    cotangents: readonly Float32Array[] | null,
  ): Slices<Float32Array[]> {
    const { config, head } = this.#options;
    const C = config.hiddenSize;
    const logprobs = rows.map(({ reply }) => new Float32Array(reply.length));
    const tokens = rows.flatMap(({ prompt, reply }, row) =>
      Array.from(reply, (target, y) => ({ row, y, at: (prompt.length - 1 + y) * C, target })),
    );
    for (let from = 0; from < tokens.length; from += head.positionsMax) {
      const chunk = tokens.slice(from, from + head.positionsMax);
      const h = new Float32Array(chunk.length * C);
      chunk.forEach(({ row, at }, n) => {
        h.set(states[row]!.last.subarray(at, at + C), n * C);
      });
      const found = yield* head.run(
        new Tensor("float32", h, [chunk.length, C]),
        Int32Array.from(chunk, ({ target }) => target),
        cotangents !== null,
      );
      chunk.forEach(({ row, y, at }, n) => {
        logprobs[row]![y] = found.logprobs[n]!;
        if (found.cotangents) {
          cotangents![row]!.set(found.cotangents.subarray(n * C, (n + 1) * C), at);
        }
      });
      if (found.cotangents) release(found.cotangents.buffer as ArrayBuffer);
    }
    return logprobs;
  }

  /** The base model: B = 0 of the smallest rank. */
  #noAdapter(): AdapterWeights {
    const length = this.#blocks.reduce(
      (total, { sites }) => sites.reduce((sum, { out }) => sum + out, total),
      0,
    );
    return { digest: "", rank: 1, B: new Float32Array(length) };
  }
}

function inLayer(name: string, layer: number): string {
  return name.replace(/^model\.layers\.\d+/, `model.layers.${layer}`);
}

function lengthOf({ prompt, reply }: ScoreRow): number {
  return prompt.length + reply.length - 1;
}

/** Rows by length, in groups that keep at most so many positions; a longer row is a group of its own. */
function groupRows(rows: readonly ScoreRow[], positionsKept: number): number[][] {
  const order = rows.map((_, row) => row);
  order.sort((a, b) => lengthOf(rows[a]!) - lengthOf(rows[b]!));
  const groups: number[][] = [];
  let kept = 0;
  for (const row of order) {
    const length = lengthOf(rows[row]!);
    if (groups.length > 0 && kept + length <= positionsKept) groups.at(-1)!.push(row);
    else {
      groups.push([row]);
      kept = 0;
    }
    kept += length;
  }
  return groups;
}

/** One row's hidden states: the inputs of all blocks and the last one's output, or only the newest of them. */
class States {
  readonly #all: Float32Array<ArrayBuffer>;
  readonly #size: number;

  constructor(length: number, width: number, count: number) {
    this.#size = length * width;
    this.#all = new Float32Array(count * this.#size);
  }

  /** [length, C]. With one state kept, every index is that one. */
  at(index: number): Float32Array {
    const from = Math.min(index * this.#size, this.#all.length - this.#size);
    return this.#all.subarray(from, from + this.#size);
  }

  get last(): Float32Array {
    return this.at(Number.MAX_SAFE_INTEGER);
  }

  free(): void {
    release(this.#all.buffer);
  }
}

/** What attention needs to know of places, made once for each size of a run. */
class Places {
  readonly #config: ModelConfig;
  readonly #rope: RowPassOptions["rope"];
  readonly #made = new Map<string, Feeds>();

  constructor(config: ModelConfig, rope: RowPassOptions["rope"]) {
    this.#config = config;
    this.#rope = rope;
  }

  feeds(layer: number, R: number, T: number): Feeds {
    const { window, cos, sin, mask } = layerKind(this.#config, layer);
    const half = this.#config.headSize / 2;
    const table = (name: string) => {
      const values = this.#rope[name]!;
      if (T * half > values.length) throw new Error(`Cannot run a row of ${T} tokens`);
      return new Tensor("float32", values.subarray(0, T * half), [T, half]);
    };
    const key = `${mask} ${cos} ${R} ${T}`;
    const feeds = this.#made.get(key) ?? {
      positions: new Tensor("int64", positionsOf(R, T), [R, T]),
      mask: new Tensor("float32", causalMask(T, window), [T, T]),
      cos: table(cos),
      sin: table(sin),
    };
    this.#made.set(key, feeds);
    return feeds;
  }
}

/** Rows [length, C] as one [R, T, C], zero beyond each row's end. */
function pack(rows: readonly Float32Array[], T: number, C: number): Tensor {
  const packed = new Float32Array(rows.length * T * C);
  rows.forEach((row, index) => {
    packed.set(row, index * T * C);
  });
  return new Tensor("float32", packed, [rows.length, T, C]);
}

/** Copies each row of a result [R, T, C] to its place, and frees the result. */
function unpack(result: Tensor, places: readonly Float32Array[]): void {
  const data = result.data as Float32Array;
  const length = data.length / places.length;
  places.forEach((place, index) => {
    place.set(data.subarray(index * length, index * length + place.length));
  });
  free(result);
}

/** Copies a block's jacobians [R, out, r] into the rows' flat gradients, and frees them. */
function store(
  { offset, sites }: Block,
  rank: number,
  jacobians: readonly Tensor[],
  gradients: readonly Float32Array[],
): void {
  let to = offset * rank;
  sites.forEach(({ out }, site) => {
    const length = out * rank;
    const data = jacobians[site]!.data as Float32Array;
    gradients.forEach((gradient, row) => {
      gradient.set(data.subarray(row * length, (row + 1) * length), to);
    });
    to += length;
    free(jacobians[site]!);
  });
}

function sum(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
