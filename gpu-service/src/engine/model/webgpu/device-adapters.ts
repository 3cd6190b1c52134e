/**
 * Adapter matrices on the GPU: the A of each rank, and each adapter's B. A matrix is uploaded at its first use, and
 * batches are joined on the GPU. It knows digests, not slots.
 */
import { Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../../../checkpoint/checkpoint.ts";
import type { AdapterWeights } from "../../../language-model.ts";
import type { Basis } from "../../../lora/basis.ts";
import { type LoraGroup, loraGroups } from "../../../lora/sites.ts";
import type { Device } from "./device.ts";

/** Adapters and batches kept on the device besides those in use. */
const [adaptersMax, batchesMax] = [32, 4];

type Feeds = Record<string, Tensor>;

export class DeviceAdapters {
  readonly #device: Device;
  readonly #groups: LoraGroup[];
  readonly #basis: (rank: number) => Basis;
  readonly #as = new Map<number, Feeds>();
  /** By digest and rank: one row [1, r, Σ out] per group. The one used longest ago comes first. */
  readonly #rows = new Map<string, Tensor[]>();
  /** By the rows' digests: [R, r, Σ out] per group. */
  readonly #batches = new Map<string, Tensor[]>();
  #rank = 0;

  constructor(device: Device, config: ModelConfig, basis: (rank: number) => Basis) {
    this.#device = device;
    this.#groups = loraGroups(config);
    this.#basis = basis;
  }

  /** The rank r of all matrices for a step with these adapters: the largest so far; smaller ones are padded with zeros. */
  rankWith(adapters: readonly (AdapterWeights | null)[]): number {
    for (const adapter of adapters) this.#rank = Math.max(this.#rank, adapter?.rank ?? 0);
    return this.#rank;
  }

  /** `a.{group}` [r, in] and `b.{group}` [R, r, Σ out]. */
  async feeds(adapters: readonly (AdapterWeights | null)[]): Promise<Feeds> {
    this.rankWith(adapters);
    const batch = await this.#batch(adapters);
    const feeds = { ...(await this.#basisFeeds()) };
    this.#groups.forEach(({ name }, index) => {
      feeds[`b.${name}`] = batch[index]!;
    });
    return feeds;
  }

  dispose(): void {
    const groups = [...this.#as.values(), ...this.#rows.values(), ...this.#batches.values()];
    for (const group of groups) disposeAll(Object.values(group));
    for (const kept of [this.#as, this.#rows, this.#batches]) kept.clear();
  }

  async #batch(adapters: readonly (AdapterWeights | null)[]): Promise<Tensor[]> {
    if (adapters.length === 1) return this.#row(adapters[0]!);
    const key = JSON.stringify([this.#rank, ...adapters.map((adapter) => adapter?.digest ?? null)]);
    const known = this.#batches.get(key);
    if (known) return refresh(this.#batches, key, known);
    let batch = await this.#row(adapters[0]!);
    for (let row = 1; row < adapters.length; row++) {
      const before = batch;
      batch = await this.#device.joinRows(before, await this.#row(adapters[row]!));
      if (row > 1) disposeAll(before);
    }
    keep(this.#batches, key, batch, batchesMax);
    return batch;
  }

  async #row(adapter: AdapterWeights | null): Promise<Tensor[]> {
    const key = JSON.stringify([this.#rank, adapter?.digest ?? null]);
    const known = this.#rows.get(key);
    if (known) return refresh(this.#rows, key, known);
    const tensors: Tensor[] = [];
    let above = 0;
    for (const { out } of this.#groups) {
      const data = new Float32Array(this.#rank * out);
      if (adapter) writeTransposed(data, adapter, above, out);
      const dims = [1, this.#rank, out];
      tensors.push(await this.#device.upload(new Tensor("float32", data, dims)));
      above += out;
    }
    keep(this.#rows, key, tensors, adaptersMax);
    return tensors;
  }

  async #basisFeeds(): Promise<Feeds> {
    const known = this.#as.get(this.#rank);
    if (known) return known;
    const basis = this.#basis(this.#rank);
    const feeds: Feeds = {};
    for (const { name, in: width } of this.#groups) {
      const rows = new Tensor("float32", basis.get(name)!, [this.#rank, width]);
      feeds[`a.${name}`] = await this.#device.upload(rows);
    }
    this.#as.set(this.#rank, feeds);
    return feeds;
  }
}

/** Rows above … above + out − 1 of an adapter's B [Σ out, own rank], transposed into the first rows of [rank, out]. */
function writeTransposed(
  into: Float32Array,
  { rank, B }: AdapterWeights,
  above: number,
  out: number,
): void {
  for (let row = 0; row < out; row++) {
    for (let column = 0; column < rank; column++) {
      into[column * out + row] = B[(above + row) * rank + column]!;
    }
  }
}

/** Moves an entry to the end of the order of use. */
function refresh<T>(entries: Map<string, T>, key: string, value: T): T {
  entries.delete(key);
  entries.set(key, value);
  return value;
}

/** Adds an entry and drops the one used longest ago. */
function keep(
  entries: Map<string, Tensor[]>,
  key: string,
  tensors: Tensor[],
  countMax: number,
): void {
  entries.set(key, tensors);
  if (entries.size <= countMax) return;
  const [oldest, unused] = entries.entries().next().value!;
  entries.delete(oldest);
  disposeAll(unused);
}

function disposeAll(tensors: readonly Tensor[]): void {
  for (const tensor of tensors) tensor.dispose();
}
