/**
 * Steps with keys, values and adapters in host memory: prefill writes the cache in place, decode returns the new
 * entries. It knows rows and slots, not requests.
 */
import { type InferenceSession, Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../../checkpoint/checkpoint.ts";
import { layerKinds } from "../../compiler/decoder/layer-kinds.ts";
import type { Quantization } from "../../compiler/decoder/quantize.ts";
import { decodeGraph } from "../../compiler/graphs/decode.ts";
import { stepGraph } from "../../compiler/graphs/step.ts";
import type { NextToken, StepInput } from "../../language-model.ts";
import type { Basis } from "../../lora/basis.ts";
import { release } from "../../release.ts";
import { AdapterBank } from "./adapter-bank.ts";
import { Cache } from "./cache.ts";
import { decodeMask } from "./decode-mask.ts";
import { type Compile, Sessions } from "./sessions.ts";

type Feeds = Record<string, Tensor>;

const nextTokenOutputs = ["best", "peak", "normalizer"];

/** From this many rows on W·xᵀ is faster than x·Wᵀ, if W is read as it lies. */
const manyRowsMin = 2;

export interface HostStepOptions {
  config: ModelConfig;
  contextLength: number;
  quantization: Quantization | null;
  /** Rotary tables of all positions by the names that the graphs read, [positions, D/2]. */
  rope: Record<string, Float32Array>;
  basis(rank: number): Basis;
  /** Whether the runtime copies the weights into its own order, in which x·Wᵀ is fastest for all rows. */
  isPacked: boolean;
  compile: Compile;
}

export class HostSteps {
  readonly #options: HostStepOptions;
  readonly #ropeFeeds: Feeds;
  readonly #sessions: Sessions;
  readonly #adapters: AdapterBank;
  /** Whether the graphs have adapters: from the first use of one. */
  #adapted = false;

  constructor(options: HostStepOptions) {
    this.#options = options;
    this.#sessions = new Sessions(options.compile);
    this.#adapters = new AdapterBank(options.config, options.basis);
    const dims = [options.contextLength, options.config.headSize / 2];
    this.#ropeFeeds = mapValues(options.rope, (table) => new Tensor("float32", table, dims));
  }

  /** Compiles the graphs that the base model needs. */
  async prepare(): Promise<void> {
    await this.#prefillSession();
    await this.#decodeSession();
  }

  allocateCache(slots: number, tokensMax: number): Cache {
    return new Cache(this.#options.config, slots, tokensMax);
  }

  async step(input: StepInput, needsLogits: boolean): Promise<NextToken[]> {
    const { length, rows } = input;
    const { cache, total, wanted } = await this.#ready(input, needsLogits);
    const result =
      length === 1
        ? await this.#decode(input, cache, wanted)
        : await this.#prefill(input, cache, total, wanted);
    return nextTokens(result, rows);
  }

  /** The next token after each given one, by row. */
  async stepAhead(input: StepInput, needsLogits: boolean): Promise<NextToken[][]> {
    const { length, rows } = input;
    const { cache, wanted } = await this.#ready(input, needsLogits);
    const next = nextTokens(await this.#decode(input, cache, wanted), rows * length);
    return Array.from({ length: rows }, (_, row) => next.slice(row * length, (row + 1) * length));
  }

  async #ready({ cache, length, past, rows, adapters }: StepInput, needsLogits: boolean) {
    if (!(cache instanceof Cache)) throw new Error("Cannot step with another model's cache");
    let total = 0;
    for (let row = 0; row < rows; row++) total = Math.max(total, past[row]! + length);
    cache.reserve(total);
    if (!this.#adapted && adapters.some((adapter) => adapter !== null)) await this.#adapt();
    return {
      cache,
      total,
      wanted: needsLogits ? [...nextTokenOutputs, "logits"] : nextTokenOutputs,
    };
  }

  async #prefill(
    input: StepInput,
    cache: Cache,
    total: number,
    wanted: readonly string[],
  ): Promise<Feeds> {
    const { ids, rows, length, past, firstSlot, adapters } = input;
    const session = await this.#prefillSession();
    const { feeds, fetches } = cache.tensors(firstSlot, rows);
    const last = Int32Array.from({ length: rows }, (_, row) => past[row]! + length - 1);
    const result = await session.run(
      {
        ids: new Tensor("int64", BigInt64Array.from(ids, BigInt), [rows, length]),
        last: new Tensor("int32", last, [rows]),
        total: new Tensor("int32", Int32Array.of(total), []),
        ...feeds,
        ...(this.#adapted ? this.#adapters.feeds(firstSlot, adapters) : {}),
      },
      { ...Object.fromEntries(wanted.map((name) => [name, null])), ...fetches },
    );
    // The cache was written in place; the returned one is a copy.
    for (const name of Object.keys(fetches)) release(result[name]!);
    for (let row = 0; row < rows; row++) cache.hold(firstSlot + row, past[row]! + length);
    return result;
  }

  async #decode(input: StepInput, cache: Cache, wanted: readonly string[]): Promise<Feeds> {
    const { ids, rows, length, firstSlot, adapters } = input;
    const past = input.past.subarray(0, rows);
    const session = await this.#decodeSession(rows, length);
    const positions = BigInt64Array.from(ids, (_, i) =>
      BigInt(past[Math.floor(i / length)]! + (i % length)),
    );
    const { headCount, kvHeadCount } = this.#options.config;
    const size = { length, heads: length === 1 ? 1 : headCount / kvHeadCount };
    const result = await session.run(
      {
        ids: new Tensor("int64", BigInt64Array.from(ids, BigInt), [rows, length]),
        positions: new Tensor("int64", positions, [rows, length]),
        ...this.#masks((window) => decodeMask(past, cache.capacity, window, size)),
        ...this.#ropeFeeds,
        ...cache.tensors(firstSlot, rows).feeds,
        ...(this.#adapted ? this.#adapters.feeds(firstSlot, adapters) : {}),
      },
      [...wanted, "fresh"],
    );
    cache.write(result.fresh!.data as Float32Array, firstSlot, past, length);
    release(result.fresh!);
    return result;
  }

  async dispose(): Promise<void> {
    await this.#sessions.dispose();
  }

  /** The mask of every kind of layer. */
  #masks(make: (window: number | null) => Tensor): Feeds {
    return Object.fromEntries(
      layerKinds(this.#options.config).map(({ mask, window }) => [mask, make(window)]),
    );
  }

  /** Replaces the graphs without adapters by graphs with adapters: beside them the weights would be mapped once more. */
  async #adapt(): Promise<void> {
    this.#adapted = true;
    await this.#sessions.dispose();
  }

  #prefillSession(): Promise<InferenceSession> {
    const { config, contextLength, quantization } = this.#options;
    return this.#sessions.get("prefill", () =>
      stepGraph(config, { positions: contextLength, adapters: this.#adapted, quantization }),
    );
  }

  /** Batches have a graph of their own, made when the first one comes. Integer products have only one order. */
  #decodeSession(rows = 1, length = 1): Promise<InferenceSession> {
    const { config, quantization } = this.#options;
    const isMany = quantization === null && !this.#options.isPacked && rows >= manyRowsMin;
    const manyRows = isMany && length === 1;
    return this.#sessions.get(manyRows ? "decode many" : `decode ${length}`, () =>
      decodeGraph(config, { adapters: this.#adapted, quantization, manyRows, length }),
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
