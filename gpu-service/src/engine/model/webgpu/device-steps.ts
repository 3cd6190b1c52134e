/**
 * Steps on the GPU: weights, adapters, keys and values stay there; ids go in, next tokens come out. It knows rows and
 * slots, not requests.
 */
import { type InferenceSession, Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../../../checkpoint/checkpoint.ts";
import type { Quantization } from "../../../compiler/decoder/quantize.ts";
import { deviceStepGraph } from "../../../compiler/graphs/step.ts";
import type { AdapterWeights, NextToken, StepInput } from "../../../language-model.ts";
import type { Basis } from "../../../lora/basis.ts";
import type { Device } from "./device.ts";
import { DeviceAdapters } from "./device-adapters.ts";
import { type Block, DeviceCache } from "./device-cache.ts";
import type { DeviceWeights } from "./device-weights.ts";

type Feeds = Record<string, Tensor>;

/** The longest prompt for which onnxruntime uses its kernel for short prompts. */
const shortPromptMax = 31;
/** Relative to the largest logit: another order of sums differs by 1e-5 or so, wrong ones by 1e-2. */
const agreement = 1e-3;

export interface DeviceStepOptions {
  config: ModelConfig;
  quantization: Quantization | null;
  /** Rotary tables by the names that the graphs read, [positions, D/2]. */
  rope: Record<string, Float32Array>;
  basis(rank: number): Basis;
}

/** A compiled graph with its constant inputs. */
interface Ready {
  session: InferenceSession;
  feeds: Feeds;
}

export class DeviceSteps {
  readonly #device: Device;
  readonly #weights: DeviceWeights;
  readonly #options: DeviceStepOptions;
  readonly #adapters: DeviceAdapters;
  readonly #graphs = new Map<string, Promise<Ready>>();
  readonly #tables: Feeds = {};
  /** Prompt tokens of one run. */
  #promptMax = Number.POSITIVE_INFINITY;

  constructor(device: Device, weights: DeviceWeights, options: DeviceStepOptions) {
    this.#device = device;
    this.#weights = weights;
    this.#options = options;
    this.#adapters = new DeviceAdapters(device, options.config, options.basis);
  }

  /** Uploads weights and compiles the base model's graphs. */
  async prepare(): Promise<void> {
    for (const [name, table] of Object.entries(this.#options.rope)) {
      const half = this.#options.config.headSize / 2;
      const tensor = new Tensor("float32", table, [table.length / half, half]);
      this.#tables[name] = await this.#device.upload(tensor);
    }
    for (const tokens of ["one", "many"] as const) await this.#graph(tokens, null);
    await this.#checkLongPrompts();
  }

  allocateCache(slots: number, tokensMax: number): DeviceCache {
    return new DeviceCache(this.#device, this.#options.config, slots, tokensMax);
  }

  async step(input: StepInput, needsLogits: boolean): Promise<NextToken[]> {
    const { ids, length } = input;
    for (let from = 0; from + this.#promptMax < length; from += this.#promptMax) {
      const chunk = ids.subarray(from, from + this.#promptMax);
      await this.#run({ ...input, ids: chunk, length: chunk.length }, from, false);
    }
    const from = length - (length % this.#promptMax || Math.min(length, this.#promptMax));
    return this.#run(
      { ...input, ids: ids.subarray(from), length: length - from },
      from,
      needsLogits,
    );
  }

  async dispose(): Promise<void> {
    const graphs = [...this.#graphs.values()];
    this.#graphs.clear();
    this.#adapters.dispose();
    for (const table of Object.values(this.#tables)) table.dispose();
    for (const graph of graphs) await (await graph).session.release();
  }

  /** A part of a step, whose tokens come `after` so many of the same call. */
  async #run(input: StepInput, after: number, needsLogits: boolean): Promise<NextToken[]> {
    const { rows, length, firstSlot, adapters } = input;
    if (!(input.cache instanceof DeviceCache)) throw new Error("Cannot step with another cache");
    const past = input.past.subarray(0, rows).map((tokens) => tokens + after);
    const slots = Array.from({ length: rows }, (_, row) => firstSlot + row);
    const total = Math.max(...past) + length;
    const fresh = slots.filter((_, row) => past[row] === 0);
    const block = await input.cache.arrange(slots, fresh, total);
    // Rows of a block keep the order in which they came; this maps each to the caller's row:
    const order = block.slots.map((slot) => slot! - firstSlot);
    const adapted = adapters.some((adapter) => adapter !== null);
    const rank = adapted ? this.#adapters.rankWith(adapters) : null;
    const { session, feeds } = await this.#graph(length === 1 ? "one" : "many", rank);
    const ordered = order.map((row) => adapters[row] as AdapterWeights | null);
    const ids = order.flatMap((row) => [...input.ids.subarray(row * length, (row + 1) * length)]);
    const result = await session.run(
      {
        ...feeds,
        ...(adapted ? await this.#adapters.feeds(ordered) : {}),
        ...cacheTensors("past", block),
        ids: new Tensor("int64", BigInt64Array.from(ids, BigInt), [rows, length]),
        last: new Tensor(
          "int32",
          Int32Array.from(order, (row) => past[row]! + length - 1),
          [rows],
        ),
        total: new Tensor("int32", Int32Array.of(total), []),
      },
      { next: null, ...(needsLogits ? { logits: null } : {}), ...cacheTensors("present", block) },
    );
    return nextTokens(result as Feeds, order);
  }

  #graph(tokens: "one" | "many", rank: number | null): Promise<Ready> {
    const key = `${tokens} ${rank}`;
    const known = this.#graphs.get(key);
    if (known) return known;
    const graph = this.#make(tokens, rank);
    this.#graphs.set(key, graph);
    // A failed compilation may be tried again.
    graph.catch(() => this.#graphs.delete(key));
    return graph;
  }

  async #make(tokens: "one" | "many", rank: number | null): Promise<Ready> {
    const { config, quantization } = this.#options;
    const session = await this.#device.compile(
      deviceStepGraph(config, { rank, quantization, tokens }),
    );
    return { session, feeds: { ...this.#tables, ...(await this.#weights.feeds(session)) } };
  }

  /**
   * For longer prompts onnxruntime uses another attention kernel, which is wrong on some devices (SwiftShader is one).
   * If one run and several short ones disagree on the logits, prompts are computed in short runs.
   */
  async #checkLongPrompts(): Promise<void> {
    const { contextLength, vocabSize } = this.#options.config;
    const length = Math.min(2 * shortPromptMax, contextLength);
    const ids = Int32Array.from({ length }, (_, i) => (i * i + 7 * i + 3) % vocabSize);
    const logits: Float32Array[] = [];
    for (const promptMax of [Number.POSITIVE_INFINITY, shortPromptMax]) {
      this.#promptMax = promptMax;
      const cache = this.allocateCache(1, length);
      const at = { rows: 1, past: Int32Array.of(0), firstSlot: 0, adapters: [null] };
      const [next] = await this.step({ ids, length, cache, ...at }, true);
      logits.push(next!.logits_V!);
      cache.dispose();
    }
    const [one, several] = logits as [Float32Array, Float32Array];
    const size = several.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const isSame = several.every((value, id) => Math.abs(value - one[id]!) < agreement * size);
    if (isSame) this.#promptMax = Number.POSITIVE_INFINITY;
    else {
      process.stderr.write(
        `webgpu: attention to long prompts is wrong on this device; they run ${shortPromptMax} tokens at a time\n`,
      );
    }
  }
}

function cacheTensors(prefix: "past" | "present", { tensors }: Block): Feeds {
  return Object.fromEntries(
    tensors.map((tensor, index) => [
      `${prefix}.${index >> 1}.${index % 2 === 0 ? "key" : "value"}`,
      tensor,
    ]),
  );
}

/** The next tokens of the caller's rows; logits are views of one array. */
function nextTokens({ next, logits }: Feeds, order: readonly number[]): NextToken[] {
  const values = next!.data as Float32Array;
  const all = logits?.data as Float32Array | undefined;
  const width = (all?.length ?? 0) / order.length;
  const found: NextToken[] = [];
  order.forEach((row, at) => {
    const [best, peak, logZ] = values.subarray(3 * at, 3 * at + 3) as unknown as number[];
    const logits_V = all?.subarray(at * width, (at + 1) * width) ?? null;
    found[row] = { best: best!, peak: peak!, logZ: logZ!, logits_V };
  });
  return found;
}
