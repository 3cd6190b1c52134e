/**
 * A checkpoint ready to run: compiles its graphs on first use and feeds them. It knows rows and slots, not
 * requests, sampling or targets.
 */
import { basename } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Anchors } from "../adapt/anchors.ts";
import { type Basis, makeBasis } from "../adapt/basis.ts";
import { type Checkpoint, type ModelConfig, openCheckpoint } from "../compiler/checkpoint.ts";
import { decodeGraph } from "../compiler/decode-graph.ts";
import type { Value } from "../compiler/graph.ts";
import { layerKinds, namedRopeTables } from "../compiler/layer-kinds.ts";
import { loraGroups, loraLength, loraSites } from "../compiler/lora.ts";
import { encodeOnnx } from "../compiler/onnx.ts";
import type { Quantization } from "../compiler/quantize.ts";
import { sequenceGraph } from "../compiler/sequence-graph.ts";
import { stepGraph } from "../compiler/step-graph.ts";
import { Cache } from "./cache.ts";
import { decodeMask } from "./decode-mask.ts";
import type {
  AdapterWeights,
  KvCache,
  LanguageModel,
  ModelShape,
  ScoreRow,
  StepInput,
} from "./model-types.ts";
import { causalMask, packRows, type RowBatch, splitRows } from "./rows.ts";
import { type MappedWeights, mapWeights } from "./weights.ts";

export interface ModelOptions {
  /** What the model is called; the directory's name by default. */
  id?: string;
  /** Threads of one run; the machine's cores by default. */
  threads?: number;
  provider?: "cpu" | "webgpu" | "cuda";
  /** Weight-only quantisation of the linears; null keeps fp32. */
  quantization?: Quantization | null;
  /** Longest context served, at most the checkpoint's own. */
  contextTokensMax?: number;
}

const contextTokensDefault = 4096;
/** Adapter sets of recent batches whose stacked matrices are kept. */
const stacksMax = 8;

type Feeds = Record<string, Tensor>;

export class Model implements LanguageModel {
  readonly id: string;
  readonly shape: ModelShape;
  readonly config: ModelConfig;
  /** Base skills that updates protect. */
  anchors: Anchors | null = null;
  readonly #checkpoint: Checkpoint;
  readonly #options: ModelOptions;
  readonly #weights: MappedWeights;
  /** Rotary tables of all positions, by the names that the graphs read. */
  readonly #ropeFeeds: Feeds;
  readonly #sessions = new Map<string, Promise<InferenceSession>>();
  readonly #bases = new Map<number, Basis>();
  readonly #stacks = new Map<string, Feeds>();

  private constructor(checkpoint: Checkpoint, options: ModelOptions) {
    const { config } = checkpoint;
    this.#checkpoint = checkpoint;
    this.#options = options;
    this.#weights = mapWeights(checkpoint, options.quantization?.bits ?? null);
    this.config = config;
    this.id = options.id ?? basename(checkpoint.directory);
    const contextLength = Math.min(
      config.contextLength,
      options.contextTokensMax ?? contextTokensDefault,
    );
    this.shape = { ...config, contextLength, eosIds: [...config.eosIds] };
    const dims = [contextLength, config.headSize / 2];
    this.#ropeFeeds = mapValues(
      namedRopeTables(config, contextLength),
      (table) => new Tensor("float32", table, dims),
    );
  }

  /** Opens the checkpoint and compiles its generation graphs. Throws the checkpoint's typed errors. */
  static async load(directory: string, options: ModelOptions = {}): Promise<Model> {
    const model = new Model(openCheckpoint(directory), options);
    await model.#session("step", () => model.#stepGraph(false));
    await model.#session("decode", () => model.#decodeGraph(false));
    return model;
  }

  get digest(): string {
    return this.#checkpoint.digest;
  }

  get parameterCount(): number {
    return this.#checkpoint.parameterCount;
  }

  /** Length of an adapter's flat B. */
  adapterLength(rank: number): number {
    return loraLength(this.config, rank);
  }

  /** The frozen A matrices that go with adapters of this rank. */
  basis(rank: number): Basis {
    const basis = this.#bases.get(rank) ?? makeBasis(loraGroups(this.config), rank);
    this.#bases.set(rank, basis);
    return basis;
  }

  allocateCache(slots: number, tokensMax: number): KvCache {
    return new Cache(this.config, slots, Math.min(tokensMax, this.shape.contextLength));
  }

  async step(input: StepInput): Promise<Float32Array> {
    const { cache, length, past, rows } = input;
    if (!(cache instanceof Cache)) throw new Error("Cannot step with another model's cache");
    let total = 0;
    for (let row = 0; row < rows; row++) total = Math.max(total, past[row]! + length);
    cache.reserve(total);
    return length === 1 ? this.#decode(input, cache) : this.#prefill(input, cache, total);
  }

  async #prefill(input: StepInput, cache: Cache, total: number): Promise<Float32Array> {
    const { ids, rows, length, past, firstSlot, adapters } = input;
    const adapted = adapters.some((adapter) => adapter !== null);
    const session = await this.#session(adapted ? "step+lora" : "step", () =>
      this.#stepGraph(adapted),
    );
    const { feeds, fetches } = cache.tensors(firstSlot, rows);
    const last = Int32Array.from({ length: rows }, (_, row) => past[row]! + length - 1);
    const result = await session.run(
      {
        ids: new Tensor("int64", BigInt64Array.from(ids, BigInt), [rows, length]),
        last: new Tensor("int32", last, [rows]),
        total: new Tensor("int32", Int32Array.of(total), []),
        ...feeds,
        ...(adapted ? this.#stackAdapters(adapters) : {}),
      },
      { logits: null, ...fetches },
    );
    for (let row = 0; row < rows; row++) cache.hold(firstSlot + row, past[row]! + length);
    return result.logits!.data as Float32Array;
  }

  async #decode(input: StepInput, cache: Cache): Promise<Float32Array> {
    const { ids, rows, past, firstSlot, adapters } = input;
    const adapted = adapters.some((adapter) => adapter !== null);
    const session = await this.#session(adapted ? "decode+lora" : "decode", () =>
      this.#decodeGraph(adapted),
    );
    const positions = BigInt64Array.from({ length: rows }, (_, row) => BigInt(past[row]!));
    const result = await session.run({
      ids: new Tensor("int64", BigInt64Array.from(ids, BigInt), [rows, 1]),
      positions: new Tensor("int64", positions, [rows, 1]),
      ...this.#masks((window) => decodeMask(past.subarray(0, rows), cache.capacity, window)),
      ...this.#ropeFeeds,
      ...cache.tensors(firstSlot, rows).feeds,
      ...(adapted ? this.#stackAdapters(adapters) : {}),
    });
    cache.write(result.fresh!.data as Float32Array, firstSlot, past.subarray(0, rows));
    return result.logits!.data as Float32Array;
  }

  async score(rows: ScoreRow[], adapter: AdapterWeights | null): Promise<Float32Array[]> {
    const out: Float32Array[] = [];
    for (const batch of splitRows(rows)) {
      out.push(...(await this.#runRows(batch, adapter, false)).logprobs);
    }
    return out;
  }

  async gradients(rows: ScoreRow[], adapter: AdapterWeights) {
    const width = adapter.B.length;
    const all = {
      logprobs: [] as Float32Array[],
      gradients: new Float32Array(rows.length * width),
    };
    for (const batch of splitRows(rows)) {
      const { logprobs, jacobian } = await this.#runRows(batch, adapter, true);
      all.gradients.set(jacobian!, all.logprobs.length * width);
      all.logprobs.push(...logprobs);
    }
    return all;
  }

  async dispose(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) await (await session).release();
  }

  async #runRows(rows: ScoreRow[], adapter: AdapterWeights | null, gradients: boolean) {
    const rank = adapter?.rank ?? 0;
    const session = await this.#session(`rows r${rank}${gradients ? " gradients" : ""}`, () =>
      sequenceGraph(this.config, { rank, gradients, quantization: this.#options.quantization }),
    );
    const batch = packRows(rows);
    const result = await session.run({
      ...this.#rowFeeds(batch),
      ...(adapter ? this.#adapterFeeds(adapter, rows.length) : {}),
    });
    const logprobs = result.logprobs!.data as Float32Array;
    return {
      logprobs: rows.map(({ reply }, row) =>
        logprobs.slice(row * batch.Y, row * batch.Y + reply.length),
      ),
      jacobian: result.jacobian?.data as Float32Array | undefined,
    };
  }

  #rowFeeds({ R, T, Y, ...batch }: RowBatch): Feeds {
    const half = this.config.headSize / 2;
    const firstRows = ({ data }: Tensor) =>
      new Tensor("float32", (data as Float32Array).subarray(0, T * half), [T, half]);
    if (T > this.shape.contextLength) throw new Error(`Cannot run a row of ${T} tokens`);
    return {
      ids: new Tensor("int64", batch.ids, [R, T]),
      positions: new Tensor("int64", batch.positions, [R, T]),
      ...this.#masks((window) => new Tensor("float32", causalMask(T, window), [T, T])),
      ...mapValues(this.#ropeFeeds, firstRows),
      select: new Tensor("float32", batch.select, [R, Y, T]),
      targets: new Tensor("int64", batch.targets, [R, Y]),
      counted: new Tensor("float32", batch.counted, [R, Y]),
    };
  }

  /** The mask of every kind of layer. */
  #masks(make: (window: number | null) => Tensor): Feeds {
    return Object.fromEntries(
      layerKinds(this.config).map(({ mask, window }) => [mask, make(window)]),
    );
  }

  #adapterFeeds({ rank, B }: AdapterWeights, R: number): Feeds {
    const feeds: Feeds = {
      ...this.#basisFeeds(rank),
      rows: new Tensor("float32", new Float32Array(R).fill(1), [R, 1, 1]),
    };
    let offset = 0;
    for (const { module, out } of loraSites(this.config)) {
      const part = B.subarray(offset, offset + out * rank);
      feeds[`b.${module}`] = new Tensor("float32", part, [out, rank]);
      offset += out * rank;
    }
    return feeds;
  }

  #basisFeeds(rank: number): Feeds {
    const basis = this.basis(rank);
    return Object.fromEntries(
      loraGroups(this.config).map(({ name, in: width }) => [
        `a.${name}`,
        new Tensor("float32", basis.get(name)!, [rank, width]),
      ]),
    );
  }

  /** B of each row stacked per site, padded with zeros to the largest rank; kept while the batch stays. */
  #stackAdapters(adapters: readonly (AdapterWeights | null)[]): Feeds {
    const key = adapters.map((adapter) => adapter?.digest ?? "").join();
    const kept = this.#stacks.get(key);
    if (kept) return kept;
    const rank = Math.max(...adapters.map((adapter) => adapter?.rank ?? 0));
    const feeds = this.#basisFeeds(rank);
    let before = 0;
    for (const { module, out } of loraSites(this.config)) {
      const stack = new Float32Array(adapters.length * out * rank);
      adapters.forEach((adapter, row) => {
        if (!adapter) return;
        const own = adapter.rank;
        for (let i = 0; i < out; i++) {
          const from = before * own + i * own;
          stack.set(adapter.B.subarray(from, from + own), (row * out + i) * rank);
        }
      });
      feeds[`b.${module}`] = new Tensor("float32", stack, [adapters.length, out, rank]);
      before += out;
    }
    this.#stacks.set(key, feeds);
    if (this.#stacks.size > stacksMax) {
      const [oldest] = this.#stacks.keys();
      this.#stacks.delete(oldest!);
    }
    return feeds;
  }

  #stepGraph(adapters: boolean): Record<string, Value> {
    const { quantization } = this.#options;
    return stepGraph(this.config, { positions: this.shape.contextLength, adapters, quantization });
  }

  #decodeGraph(adapters: boolean): Record<string, Value> {
    return decodeGraph(this.config, { adapters, quantization: this.#options.quantization });
  }

  #session(key: string, build: () => Record<string, Value>): Promise<InferenceSession> {
    let session = this.#sessions.get(key);
    if (!session) {
      session = this.#compile(build());
      this.#sessions.set(key, session);
      // A failed compilation may be tried again.
      session.catch(() => this.#sessions.delete(key));
    }
    return session;
  }

  #compile(outputs: Record<string, Value>): Promise<InferenceSession> {
    const { threads, provider = "cpu", quantization } = this.#options;
    return this.#weights.withModel(encodeOnnx(outputs, this.#weights.find), (path) =>
      InferenceSession.create(path, {
        executionProviders: [provider],
        graphOptimizationLevel: "all",
        ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
        logSeverityLevel: 3,
        // Prepacking would copy the mapped fp32 weights into every session. Quantised products need it: only
        // packed weights are multiplied as integers.
        extra: { session: { disable_prepacking: quantization ? "0" : "1" } },
      }),
    );
  }
}

function mapValues<T, U>(record: Record<string, T>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}
