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
import { loraGroups, loraLength } from "../compiler/lora.ts";
import { encodeOnnx } from "../compiler/onnx.ts";
import type { Quantization } from "../compiler/quantize.ts";
import { stepGraph } from "../compiler/step-graph.ts";
import { finish, type Slices } from "./background.ts";
import { Cache } from "./cache.ts";
import { decodeMask } from "./decode-mask.ts";
import type {
  AdapterWeights,
  GradientSink,
  KvCache,
  LanguageModel,
  ModelShape,
  NextToken,
  ScoreRow,
  StepInput,
} from "./model-types.ts";
import { type Provider, providerError } from "./provider.ts";
import { RowPasses } from "./row-passes.ts";
import { type MappedWeights, mapWeights } from "./weights.ts";

export interface ModelOptions {
  /** What the model is called; the directory's name by default. */
  id?: string;
  /** Threads of one run; the machine's cores by default. */
  threads?: number;
  provider?: Provider;
  /** Weight-only quantisation of the linears; null keeps fp32. */
  quantization?: Quantization | null;
  /** Longest context served, at most the checkpoint's own. */
  contextTokensMax?: number;
}

const contextTokensDefault = 4096;

type Feeds = Record<string, Tensor>;

const nextTokenOutputs = ["best", "peak", "normalizer"];

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
  readonly #passes: RowPasses;
  readonly #sessions = new Map<string, Promise<InferenceSession>>();
  readonly #bases = new Map<number, Basis>();
  readonly #basisTensors = new Map<number, Feeds>();

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
    const rope = namedRopeTables(config, contextLength);
    const dims = [contextLength, config.headSize / 2];
    this.#ropeFeeds = mapValues(rope, (table) => new Tensor("float32", table, dims));
    const { quantization = null, provider = "cpu" } = options;
    this.#passes = new RowPasses({
      config,
      rope,
      quantization,
      // Integer weights are packed by the session that owns them, and a device keeps its own copy.
      weights: quantization === null && provider === "cpu" ? "fed" : "mapped",
      locate: this.#weights.locate,
      basis: (rank) => this.basis(rank),
      compile: (outputs) => this.#compile(outputs, { isPass: true }),
    });
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

  async step(input: StepInput, needsLogits: boolean): Promise<NextToken[]> {
    const { cache, length, past, rows } = input;
    if (!(cache instanceof Cache)) throw new Error("Cannot step with another model's cache");
    let total = 0;
    for (let row = 0; row < rows; row++) total = Math.max(total, past[row]! + length);
    cache.reserve(total);
    const wanted = needsLogits ? [...nextTokenOutputs, "logits"] : nextTokenOutputs;
    const result =
      length === 1
        ? await this.#decode(input, cache, wanted)
        : await this.#prefill(input, cache, total, wanted);
    return nextTokens(result, rows);
  }

  async #prefill(
    input: StepInput,
    cache: Cache,
    total: number,
    wanted: readonly string[],
  ): Promise<Feeds> {
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
        ...(adapted ? this.#adapterFeedsAt(cache, firstSlot, adapters) : {}),
      },
      { ...Object.fromEntries(wanted.map((name) => [name, null])), ...fetches },
    );
    for (let row = 0; row < rows; row++) cache.hold(firstSlot + row, past[row]! + length);
    return result;
  }

  async #decode(input: StepInput, cache: Cache, wanted: readonly string[]): Promise<Feeds> {
    const { ids, rows, past, firstSlot, adapters } = input;
    const adapted = adapters.some((adapter) => adapter !== null);
    const session = await this.#session(adapted ? "decode+lora" : "decode", () =>
      this.#decodeGraph(adapted),
    );
    const positions = BigInt64Array.from({ length: rows }, (_, row) => BigInt(past[row]!));
    const result = await session.run(
      {
        ids: new Tensor("int64", BigInt64Array.from(ids, BigInt), [rows, 1]),
        positions: new Tensor("int64", positions, [rows, 1]),
        ...this.#masks((window) => decodeMask(past.subarray(0, rows), cache.capacity, window)),
        ...this.#ropeFeeds,
        ...cache.tensors(firstSlot, rows).feeds,
        ...(adapted ? this.#adapterFeedsAt(cache, firstSlot, adapters) : {}),
      },
      [...wanted, "fresh"],
    );
    cache.write(result.fresh!.data as Float32Array, firstSlot, past.subarray(0, rows));
    return result;
  }

  /** Log-probs of each reply token, and gradients where `sink` says; see RowPasses. */
  passRows(
    rows: readonly ScoreRow[],
    adapter: AdapterWeights | null,
    sink?: GradientSink,
  ): Slices<Float32Array[]> {
    return this.#passes.run(rows, adapter, sink);
  }

  /** `passRows` in one go. */
  score(rows: readonly ScoreRow[], adapter: AdapterWeights | null): Promise<Float32Array[]> {
    return finish(this.passRows(rows, adapter));
  }

  /** `passRows` in one go: log-probs and gradients ∂S/∂B of every row, [rows, B.length]. */
  async gradients(rows: readonly ScoreRow[], adapter: AdapterWeights) {
    const width = adapter.B.length;
    const gradients = new Float32Array(rows.length * width);
    const sink = (row: number) => gradients.subarray(row * width, (row + 1) * width);
    return { logprobs: await finish(this.passRows(rows, adapter, sink)), gradients };
  }

  async dispose(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) await (await session).release();
    await this.#passes.dispose();
  }

  /** The mask of every kind of layer. */
  #masks(make: (window: number | null) => Tensor): Feeds {
    return Object.fromEntries(
      layerKinds(this.config).map(({ mask, window }) => [mask, make(window)]),
    );
  }

  #basisFeeds(rank: number): Feeds {
    const known = this.#basisTensors.get(rank);
    if (known) return known;
    const basis = this.basis(rank);
    const feeds = Object.fromEntries(
      loraGroups(this.config).map(({ name, in: width }) => [
        `a.${name}`,
        new Tensor("float32", basis.get(name)!, [rank, width]),
      ]),
    );
    this.#basisTensors.set(rank, feeds);
    return feeds;
  }

  /** A, and each row's B at its slot. */
  #adapterFeedsAt(cache: Cache, firstSlot: number, adapters: StepInput["adapters"]): Feeds {
    const feeds = cache.adapters.feeds(firstSlot, adapters);
    return { ...this.#basisFeeds(cache.adapters.rank), ...feeds };
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

  #compile(outputs: Record<string, Value>, { isPass = false } = {}): Promise<InferenceSession> {
    const { threads, provider = "cpu", quantization } = this.#options;
    return this.#weights.withModel(encodeOnnx(outputs, this.#weights.find), (path) =>
      InferenceSession.create(path, {
        executionProviders: [provider],
        graphOptimizationLevel: "all",
        ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
        logSeverityLevel: 3,
        // Prepacking would copy the mapped fp32 weights into every session. Quantised products need it: only
        // packed weights are multiplied as integers.
        extra: {
          session: {
            disable_prepacking: quantization ? "0" : "1",
            // The threads of one graph must not spin while another runs: a pass changes graphs all the time.
            ...(isPass ? { "intra_op.allow_spinning": "0" } : {}),
          },
        },
        // Each graph's arena would keep the largest run's memory for good.
        enableCpuMemArena: !isPass,
      }).catch((cause) => {
        throw provider === "cpu" ? cause : providerError(provider, cause);
      }),
    );
  }
}

function mapValues<T, U>(record: Record<string, T>, map: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));
}

/** Rows of a run's outputs; logits are views of one array. */
function nextTokens({ best, peak, normalizer, logits }: Feeds, rows: number): NextToken[] {
  const all = logits?.data as Float32Array | undefined;
  const width = (all?.length ?? 0) / rows;
  return Array.from({ length: rows }, (_, row) => ({
    best: Number(best!.data[row]),
    peak: peak!.data[row] as number,
    logZ: normalizer!.data[row] as number,
    logits_V: all?.subarray(row * width, (row + 1) * width) ?? null,
  }));
}
