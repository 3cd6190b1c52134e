/** Runs one block of the decoder on some rows, forward or backward, under an adapter. It does not know the rows' tokens. */
import { Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../../../checkpoint/checkpoint.ts";
import { layerKind } from "../../../compiler/decoder/layer-kinds.ts";
import type { Quantization } from "../../../compiler/decoder/quantize.ts";
import {
  type Attention,
  type BlockKind,
  blockGraph,
  blockKinds,
  blockSites,
  embedGraph,
} from "../../../compiler/graphs/blocks.ts";
import type { Target } from "../../../compiler/ops/rules.ts";
import type { AdapterWeights } from "../../../language-model.ts";
import type { Basis } from "../../../lora/basis.ts";
import { release } from "../../../release.ts";
import { type FedWeights, withWeights } from "../layer-weights.ts";
import { type Compile, Sessions } from "../sessions.ts";

type Feeds = Record<string, Tensor>;

export interface BlockRunOptions {
  config: ModelConfig;
  quantization: Quantization | null;
  target: Target;
  /** Weights that graphs take as inputs, so that one graph serves every layer; null if graphs map them. */
  weights: FedWeights | null;
  basis(rank: number): Basis;
  compile: Compile;
}

/** From this size of one row's scores [H, T, T] on, heads run one after the other. */
const scoreBytesMax = 2 * 1_048_576;
export interface Block {
  kind: BlockKind;
  layer: number;
  /** Offset of its sites in an adapter's flat vector of rank 1. */
  offset: number;
  sites: { module: string; out: number }[];
}

/** Every block in the order in which it runs forward. */
export function blocksOf(config: ModelConfig): Block[] {
  let offset = 0;
  return Array.from({ length: config.layerCount }, (_, layer) =>
    blockKinds.map((kind): Block => {
      const sites = blockSites(config, layer, kind);
      const block = { kind, layer, offset, sites };
      for (const { out } of sites) offset += out;
      return block;
    }),
  ).flat();
}

/** The base model: B = 0 of the smallest rank. */
export function noAdapter(blocks: readonly Block[]): AdapterWeights {
  const length = blocks.reduce(
    (total, { sites }) => sites.reduce((sum, { out }) => sum + out, total),
    0,
  );
  return { digest: "", rank: 1, B: new Float32Array(length) };
}

export class BlockRuns {
  readonly #options: BlockRunOptions;
  readonly #sessions: Sessions;

  constructor(options: BlockRunOptions) {
    this.#options = options;
    this.#sessions = new Sessions(options.compile);
  }

  /** Embeddings [R, T, C] of ids [R, T]. */
  async embed(ids: BigInt64Array, shape: [number, number]): Promise<Tensor> {
    const { config, quantization, weights } = this.#options;
    const session = await this.#sessions.get("embed", () => embedGraph(config, quantization));
    const feeds = { ids: new Tensor("int64", ids, shape) };
    const { out } = await session.run(await withWeights(session, feeds, weights));
    return out as Tensor;
  }

  /** One block's outputs under an adapter: `out`, or backward `cotangent` and one jacobian per site. */
  async run(
    { kind, layer, offset, sites }: Block,
    backward: boolean,
    { rank, B }: AdapterWeights,
    feeds: Feeds,
  ): Promise<Record<string, Tensor>> {
    const { config, weights, quantization, target } = this.#options;
    // With fed weights, layer 0's graph serves every layer.
    const built = weights ? 0 : layer;
    const attention = this.#attentionOf(layer, backward, feeds);
    const way = kind === "attention" ? JSON.stringify(attention) : "";
    const session = await this.#sessions.get(
      `${kind} ${built} ${backward ? "backward" : "forward"} ${way} ${target === "webgpu" ? rank : ""}`,
      () =>
        blockGraph(config, {
          kind,
          layer: built,
          backward,
          attention,
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

  /**
   * One way alone if a graph owns its weights, which a second graph would hold once more, and on a device. A tree's mask
   * is not causal.
   */
  #attentionOf(layer: number, backward: boolean, { h, last }: Feeds): Attention {
    const { config, weights, target } = this.#options;
    if (weights === null || target !== "cpu") return "together";
    const T = h!.dims[1]!;
    const scoreBytes = config.headCount * T * T * Float32Array.BYTES_PER_ELEMENT;
    if (scoreBytes > scoreBytesMax) return "byHead";
    return backward || last === undefined
      ? "together"
      : { window: layerKind(config, layer).window };
  }

  async dispose(): Promise<void> {
    await this.#sessions.dispose();
    this.#options.weights?.close();
  }
}

function inLayer(name: string, layer: number): string {
  return name.replace(/^model\.layers\.\d+/, `model.layers.${layer}`);
}

/**
 * Copies a block's jacobians [R, out, r] into the rows' flat gradients and frees them. Where a run held more of a row
 * whose gradient has begun, they are added.
 */
export function storeJacobians(
  { offset, sites }: Block,
  rank: number,
  jacobians: readonly Tensor[],
  gradients: readonly { into: Float32Array; isMore: boolean }[],
): void {
  let to = offset * rank;
  sites.forEach(({ out }, site) => {
    const length = out * rank;
    const data = jacobians[site]!.data as Float32Array;
    gradients.forEach(({ into, isMore }, row) => {
      const part = data.subarray(row * length, (row + 1) * length);
      if (!isMore) into.set(part, to);
      else for (let i = 0; i < length; i++) into[to + i] = into[to + i]! + part[i]!;
    });
    to += length;
    release(jacobians[site]!);
  });
}
