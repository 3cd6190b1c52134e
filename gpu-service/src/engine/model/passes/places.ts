/**
 * Attention's inputs that depend on positions: rotary tables, positions and mask, and of ordinary rows what stands for
 * these in one kernel.
 */
import { Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../../../checkpoint/checkpoint.ts";
import { layerKind } from "../../../compiler/decoder/layer-kinds.ts";
import { causalMask, positionsOf } from "./rows.ts";
import { type Tree, treeMask } from "./trees.ts";

/** Rotary tables by the names of layer kinds, [positions, D/2]. */
export type Rope = Readonly<Record<string, Float32Array>>;

/** The inputs, made once for each size of a run. */
export class Places {
  readonly #config: ModelConfig;
  readonly #rope: Rope;
  readonly #tree: Tree | null;
  readonly #made = new Map<string, Record<string, Tensor>>();

  /** Of ordinary rows, or of the one row that a tree is. */
  constructor(config: ModelConfig, rope: Rope, tree: Tree | null = null) {
    this.#config = config;
    this.#rope = rope;
    this.#tree = tree;
  }

  feeds(layer: number, R: number, T: number): Record<string, Tensor> {
    const { window, cos, sin, mask } = layerKind(this.#config, layer);
    const half = this.#config.headSize / 2;
    const tree = this.#tree;
    const longest = tree === null ? T : tree.depths.reduce((a, b) => Math.max(a, b)) + 1;
    const table = (name: string) => {
      const values = this.#rope[name]!;
      if (longest * half > values.length) throw new Error(`Cannot run a row of ${longest} tokens`);
      // The operator wants as many places as there are positions, also where a tree has none so deep.
      const places = new Float32Array(T * half);
      places.set(values.subarray(0, longest * half));
      return new Tensor("float32", places, [T, half]);
    };
    const key = `${mask} ${cos} ${R} ${T}`;
    const feeds = this.#made.get(key) ?? {
      positions: new Tensor(
        "int64",
        tree ? BigInt64Array.from(tree.depths, BigInt) : positionsOf(R, T),
        [R, T],
      ),
      mask: new Tensor("float32", tree ? treeMask(tree, window) : causalMask(T, window), [T, T]),
      cos: table(cos),
      sin: table(sin),
      ...(tree === null ? this.#emptyCache(R, T) : {}),
    };
    this.#made.set(key, feeds);
    return feeds;
  }

  #emptyCache(R: number, T: number): Record<string, Tensor> {
    const { kvHeadCount, headSize } = this.#config;
    const none = new Tensor("float32", new Float32Array(0), [R, kvHeadCount, 0, headSize]);
    return {
      "past.key": none,
      "past.value": none,
      last: new Tensor("int32", new Int32Array(R).fill(T - 1), [R]),
      total: new Tensor("int32", Int32Array.of(T), []),
    };
  }
}
