/** Attention's inputs that depend on positions: positions, mask and rotary tables. */
import { Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../../../checkpoint/checkpoint.ts";
import { layerKind } from "../../../compiler/decoder/layer-kinds.ts";
import { causalMask, positionsOf } from "./rows.ts";

/** Rotary tables by the names of layer kinds, [positions, D/2]. */
export type Rope = Readonly<Record<string, Float32Array>>;

/** The inputs, made once for each size of a run. */
export class Places {
  readonly #config: ModelConfig;
  readonly #rope: Rope;
  readonly #made = new Map<string, Record<string, Tensor>>();

  constructor(config: ModelConfig, rope: Rope) {
    this.#config = config;
    this.#rope = rope;
  }

  feeds(layer: number, R: number, T: number): Record<string, Tensor> {
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
