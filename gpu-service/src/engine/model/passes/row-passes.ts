/**
 * Passes over whole rows: log-probs S of known replies and each row's gradient ∂S/∂B, block by block and in slices. It
 * knows token rows and numbers, but neither targets nor steps, which belong to the update.
 *
 * Forward keeps only the input of each block; backward computes the rest of a block again.
 */
import { Tensor } from "onnxruntime-node";
import type { AdapterWeights, GradientSink, ScoreRow, Slices } from "../../../language-model.ts";
import { release } from "../../../release.ts";
import {
  type Block,
  type BlockRunOptions,
  BlockRuns,
  blocksOf,
  noAdapter,
  storeJacobians,
} from "./block-runs.ts";
import type { HeadPass } from "./head-passes.ts";
import { join, pack, States, split, unpack, weighTokens } from "./hidden-states.ts";
import { Places, type Rope } from "./places.ts";
import { groupRows, lengthOf, packIds, predictsFrom } from "./rows.ts";
import { type Part, Tiles } from "./tiles.ts";
import { plantTrees, type Tree } from "./trees.ts";

export interface RowPassOptions extends BlockRunOptions {
  rope: Rope;
  head: HeadPass;
}

/** Token `y` of a row's reply, and where among hidden states [N, C] the one that predicts it stands. */
interface Predicted {
  row: number;
  y: number;
  states: Float32Array;
  place: number;
  target: number;
}

/** Positions of one run while others wait for tokens; bounds time and memory. */
const busyPositionsMax = 64;
/** Bytes of a tensor [positions, F] of one run while no sequence waits, and limits on its positions. */
const innerBytesMax = 2_097_152;
const alonePositions = { min: 128, max: 1024 };
/** Positions of a tree of rows, and the share of its rows' own positions up to which it is the quicker way. */
const treePositionsMax = 192;
const treeShareMax = 0.75;
/** Bytes of hidden states kept between forward and backward; a row that needs more runs alone. */
const keptBytesMax = 64 * 1_048_576;

export class RowPasses {
  readonly #options: RowPassOptions;
  readonly #blocks: Block[];
  readonly #runs: BlockRuns;
  /** Positions of a run while no sequence waits: threads gain from long runs, and memory bounds them. */
  readonly #positionsAlone: number;

  constructor(options: RowPassOptions) {
    const { config } = options;
    this.#options = options;
    this.#runs = new BlockRuns(options);
    this.#blocks = blocksOf(config);
    const innerBytes = config.intermediateSize * Float32Array.BYTES_PER_ELEMENT;
    this.#positionsAlone = Math.max(
      alonePositions.min,
      Math.min(alonePositions.max, Math.floor(innerBytesMax / innerBytes)),
    );
  }

  /**
   * Log-probs of each row's reply tokens; gradients go where `sink` says. Yields before each run of a block. While
   * sequences wait for tokens the runs are shorter. Without a sink, rows that share much are run as trees.
   */
  async *run(
    rows: readonly ScoreRow[],
    adapter: AdapterWeights | null,
    sink?: GradientSink,
  ): Slices<Float32Array[]> {
    const length = rows.reduce((sum, row) => sum + lengthOf(row), 0);
    const trees = sink === undefined ? plantTrees(rows, treePositionsMax) : [];
    const planted = trees.reduce((sum, { ids }) => sum + ids.length, 0);
    const plantedBytes = planted * this.#options.config.hiddenSize * Float32Array.BYTES_PER_ELEMENT;
    const isShared = planted <= treeShareMax * length && plantedBytes <= keptBytesMax;
    if (sink === undefined && isShared) {
      return yield* this.#runTrees(trees, rows, adapter ?? noAdapter(this.#blocks));
    }
    const logprobs: Float32Array[] = [];
    const states = sink ? this.#blocks.length + 1 : 1;
    const stateBytes = states * this.#options.config.hiddenSize * Float32Array.BYTES_PER_ELEMENT;
    for (const group of groupRows(rows, keptBytesMax / stateBytes)) {
      const found = yield* this.#runGroup(
        group.map((row) => rows[row]!),
        adapter ?? noAdapter(this.#blocks),
        sink && ((row, logprobs) => sink(group[row]!, logprobs)),
      );
      found.forEach((values, row) => {
        logprobs[group[row]!] = values;
      });
    }
    return logprobs;
  }

  /** Log-probs alone, tree by tree. */
  async *#runTrees(
    trees: readonly Tree[],
    rows: readonly ScoreRow[],
    adapter: AdapterWeights,
  ): Slices<Float32Array[]> {
    const { config, rope } = this.#options;
    const logprobs = rows.map(({ reply }) => new Float32Array(reply.length));
    // Block by block, so that a block's weights are read once for all of them.
    const C = config.hiddenSize;
    const planted: { h: Tensor; places: Places }[] = [];
    for (const tree of trees) {
      yield;
      const ids = BigInt64Array.from(tree.ids, BigInt);
      const h = await this.#runs.embed(ids, [1, ids.length]);
      planted.push({ h, places: new Places(config, rope, tree) });
    }
    for (const block of this.#blocks) {
      for (const [t, one] of planted.entries()) {
        if (this.#isLastMlp(block)) {
          const wanted = new Set(trees[t]!.rows.flatMap(({ places }) => places));
          const h = one.h.data as Float32Array;
          const parts = Array.from(wanted, (at) => h.subarray(at * C, (at + 1) * C));
          yield* this.#runMlp(block, adapter, parts, parts);
          continue;
        }
        yield;
        const feeds = { h: one.h, ...one.places.feeds(block.layer, 1, one.h.dims[1]!) };
        const { out } = await this.#runs.run(block, false, adapter, feeds);
        release(one.h);
        one.h = out!;
      }
    }
    const tokens = trees.flatMap((tree, t) =>
      tree.rows.flatMap(({ row, places }) => {
        const states = planted[t]!.h.data as Float32Array;
        const { reply } = rows[row]!;
        return places.map((place, y) => ({ row, y, states, place, target: reply[y]! }));
      }),
    );
    yield* this.#runHead(tokens, logprobs, null);
    for (const { h } of planted) release(h);
    return logprobs;
  }

  /** Hidden states [N, C] after the last block at the N positions that predict the rows' reply tokens, in order. */
  async *hiddenStates(
    rows: readonly ScoreRow[],
    adapter: AdapterWeights | null,
  ): Slices<Float32Array<ArrayBuffer>> {
    const { config } = this.#options;
    const C = config.hiddenSize;
    const places = new Places(config, this.#options.rope);
    const order = rows.map((_, row) => row);
    order.sort((a, b) => lengthOf(rows[a]!) - lengthOf(rows[b]!));
    const sorted = order.map((row) => rows[row]!);
    const states = new States(sorted.map(lengthOf), C, 1);
    try {
      yield* this.#forward(sorted, states, adapter ?? noAdapter(this.#blocks), places);
      const found = new Float32Array(rows.reduce((sum, { reply }) => sum + reply.length, 0) * C);
      let to = 0;
      rows.forEach(({ prompt, reply }, row) => {
        const last = states.last(order.indexOf(row));
        found.set(
          last.subarray((prompt.length - 1) * C, (prompt.length - 1 + reply.length) * C),
          to,
        );
        to += reply.length * C;
      });
      return found;
    } finally {
      states.release();
    }
  }

  /** KL(new ‖ old) in nats at each of N positions, from hidden states [N, C] of both policies. */
  async *divergence(hNew: Float32Array, hOld: Float32Array): Slices<Float32Array> {
    const { config, head } = this.#options;
    const C = config.hiddenSize;
    const N = hNew.length / C;
    const found = new Float32Array(N);
    for (let from = 0; from < N; from += head.positionsMax) {
      const to = Math.min(N, from + head.positionsMax);
      const part = (h: Float32Array) =>
        new Tensor("float32", h.slice(from * C, to * C), [to - from, C]);
      found.set(yield* head.divergence(part(hNew), part(hOld)), from);
    }
    return found;
  }

  async dispose(): Promise<void> {
    await this.#runs.dispose();
    await this.#options.head.dispose();
  }

  /** Runs rows in order of length, block by block, so that a block's weights are read once for all of them. */
  async *#runGroup(
    rows: ScoreRow[],
    adapter: AdapterWeights,
    sink: GradientSink | undefined,
  ): Slices<Float32Array[]> {
    const { config } = this.#options;
    const places = new Places(config, this.#options.rope);
    const all = rows.map((_, row) => row);
    const lengths = rows.map(lengthOf);
    const states = new States(lengths, config.hiddenSize, sink ? this.#blocks.length + 1 : 1);
    const cotangents = rows.map(
      (row) => new Float32Array(sink ? lengthOf(row) * config.hiddenSize : 0),
    );
    try {
      yield* this.#forward(rows, states, adapter, places);
      const logprobs = rows.map(({ reply }) => new Float32Array(reply.length));
      const tokens = rows.flatMap(({ prompt, reply }, row) =>
        Array.from(reply, (target, y) => {
          const place = prompt.length - 1 + y;
          return { row, y, states: states.last(row), place, target };
        }),
      );
      yield* this.#runHead(tokens, logprobs, sink ? cotangents : null);
      const sinks = logprobs.map((values, row) => sink?.(row, values) ?? null);
      for (const [row, gradient] of sinks.entries()) {
        if (gradient?.weights) {
          const from = predictsFrom(rows[row]!) * config.hiddenSize;
          weighTokens(cotangents[row]!.subarray(from), gradient.weights);
        }
      }
      const chosen = all.filter((row) => sinks[row] !== null);
      for (const [index, block] of chosen.length === 0
        ? []
        : [...this.#blocks.entries()].reverse()) {
        const isCut = block.kind === "mlp";
        const first = this.#isLastMlp(block) && !this.#isSingle ? predictsFrom : () => 0;
        yield* this.#inTiles(
          rows,
          chosen,
          isCut,
          async (tile, T) => {
            const C = config.hiddenSize;
            const parts = tile.map(({ row, from, to }) =>
              cotangents[row]!.subarray(from * C, to * C),
            );
            const h = pack(
              tile.map(({ row, from, to }) => states.at(index, row).subarray(from * C, to * C)),
              T,
              C,
            );
            const g = pack(parts, T, C);
            // Only attention reads masks and rotary tables.
            const placed = isCut ? {} : places.feeds(block.layer, tile.length, T);
            const feeds = { h, g, ...placed };
            const { cotangent, ...jacobians } = await this.#runs.run(block, true, adapter, feeds);
            release(h);
            release(g);
            unpack(cotangent!, parts);
            const gradients = tile.map(({ row, isMore }) => ({ into: sinks[row]!.into, isMore }));
            storeJacobians(block, adapter.rank, Object.values(jacobians), gradients);
          },
          first,
        );
      }
      return logprobs;
    } finally {
      states.release();
      for (const cotangent of cotangents) release(cotangent);
    }
  }

  /** Embedding and blocks; fills in the rows' states. */
  async *#forward(
    rows: readonly ScoreRow[],
    states: States,
    adapter: AdapterWeights,
    places: Places,
  ): Slices<void> {
    const { config } = this.#options;
    const C = config.hiddenSize;
    const all = rows.map((_, row) => row);
    yield* this.#inTiles(rows, all, false, async (tile, T) => {
      const { ids, shape } = packIds(
        tile.map(({ row }) => rows[row]!),
        T,
      );
      const out = await this.#runs.embed(ids, shape);
      unpack(
        out,
        tile.map(({ row }) => states.at(0, row)),
      );
    });
    for (const [index, block] of this.#blocks.entries()) {
      if (block.kind === "mlp" && !this.#isSingle) {
        const parts = (at: number) =>
          this.#isLastMlp(block)
            ? rows.map((row, r) => states.at(at, r).subarray(predictsFrom(row) * C))
            : [states.between(at, 0, states.positions)];
        yield* this.#runMlp(block, adapter, parts(index), parts(index + 1));
        continue;
      }
      yield* this.#inTiles(rows, all, false, async (tile, T) => {
        const h = pack(
          tile.map(({ row }) => states.at(index, row)),
          T,
          config.hiddenSize,
        );
        const feeds = { h, ...places.feeds(block.layer, tile.length, T) };
        const { out } = await this.#runs.run(block, false, adapter, feeds);
        release(h);
        unpack(
          out!,
          tile.map(({ row }) => states.at(index + 1, row)),
        );
      });
    }
  }

  /**
   * An MLP sees each position alone: parts of rows run as one long row, in runs of any length, and without padding.
   * Results go to `into`.
   */
  async *#runMlp(
    block: Block,
    adapter: AdapterWeights,
    parts: readonly Float32Array[],
    into: readonly Float32Array[],
  ): Slices<void> {
    const C = this.#options.config.hiddenSize;
    for (let at = 0, from = 0; at < parts.length; ) {
      const isBusy = yield;
      let room = (isBusy ? busyPositionsMax : this.#positionsAlone) * C;
      const run: { h: Float32Array; out: Float32Array }[] = [];
      while (room > 0 && at < parts.length) {
        const to = Math.min(parts[at]!.length, from + room);
        run.push({ h: parts[at]!.subarray(from, to), out: into[at]!.subarray(from, to) });
        room -= to - from;
        from = to;
        if (from < parts[at]!.length) continue;
        at++;
        from = 0;
      }
      const h = join(
        run.map((one) => one.h),
        C,
      );
      const { out } = await this.#runs.run(block, false, adapter, { h });
      if (run.length > 1) release(h);
      split(
        out!,
        run.map((one) => one.out),
      );
    }
  }

  /** Only the positions that predict a token need the last MLP: nothing attends to what comes after it. */
  #isLastMlp(block: Block): boolean {
    return block.kind === "mlp" && block === this.#blocks.at(-1);
  }

  /** A device's products need all but one of the leading axes known, so rows run one at a time. */
  get #isSingle(): boolean {
    return this.#options.target === "webgpu";
  }

  /**
   * Runs `use` on one tile of the chosen rows after the other, from each row's `first` position on; T is the length of
   * its longest part.
   */
  async *#inTiles(
    rows: readonly ScoreRow[],
    chosen: readonly number[],
    isCut: boolean,
    use: (tile: Part[], T: number) => Promise<void>,
    first: (row: ScoreRow) => number = () => 0,
  ): Slices<void> {
    const tiles = new Tiles(
      chosen.map((row) => ({ row, from: first(rows[row]!), to: lengthOf(rows[row]!) })),
      isCut && !this.#isSingle,
    );
    while (!tiles.areDone) {
      const isBusy = yield;
      const most = isBusy ? busyPositionsMax : this.#positionsAlone;
      const tile = tiles.take(this.#isSingle ? 1 : most);
      await use(tile, Math.max(...tile.map(({ from, to }) => to - from)));
    }
  }

  /**
   * Fills in log-probs by row, each token's predicted from the state at its place; each row's cotangent [length, C] of
   * the hidden states after the last block goes where asked.
   */
  async *#runHead(
    tokens: readonly Predicted[],
    logprobs: readonly Float32Array[],
    cotangents: readonly Float32Array[] | null,
  ): Slices<void> {
    const { config, head } = this.#options;
    const C = config.hiddenSize;
    for (let from = 0; from < tokens.length; from += head.positionsMax) {
      const chunk = tokens.slice(from, from + head.positionsMax);
      const h = new Float32Array(chunk.length * C);
      chunk.forEach(({ states, place }, n) => {
        h.set(states.subarray(place * C, (place + 1) * C), n * C);
      });
      const found = yield* head.run(
        new Tensor("float32", h, [chunk.length, C]),
        Int32Array.from(chunk, ({ target }) => target),
        cotangents !== null,
      );
      chunk.forEach(({ row, y, place }, n) => {
        logprobs[row]![y] = found.logprobs[n]!;
        if (found.cotangents) {
          cotangents![row]!.set(found.cotangents.subarray(n * C, (n + 1) * C), place * C);
        }
      });
      if (found.cotangents) release(found.cotangents);
    }
  }
}
