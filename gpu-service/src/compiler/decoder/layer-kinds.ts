/**
 * The mask and rotary tables of each layer. Some models alternate layers with and without a window, so a graph has one
 * set of these inputs for each kind of layer that occurs.
 */
import type { ModelConfig } from "../../checkpoint/checkpoint.ts";
import type { Rope } from "../../checkpoint/decoder-config.ts";
import { input } from "../ir/functions.ts";
import type { Dim, Value } from "../ir/types.ts";
import { type RopeTables, ropeTables, unrotatedTables } from "./rope.ts";

/** A kind of layer: the suffix of its inputs' names, and its window. */
export interface LayerKind {
  /** Names of the inputs. Kinds with the same rotation share tables. */
  mask: string;
  cos: string;
  sin: string;
  /** Visible positions, the own one included; null means all. */
  window: number | null;
  /** Null leaves queries and keys as they are. */
  rope: Rope | null;
}

export function layerKind(config: ModelConfig, layer: number): LayerKind {
  const isWindowed = config.windowedLayers[layer] === true;
  const isUnrotated = config.unrotatedLayers[layer] === true;
  const own = isWindowed ? config.windowRope : null;
  const tables = isUnrotated ? ".none" : own ? ".window" : "";
  return {
    mask: isWindowed ? "mask.window" : "mask",
    cos: `cos${tables}`,
    sin: `sin${tables}`,
    window: isWindowed ? config.slidingWindow : null,
    rope: isUnrotated ? null : (own ?? config.rope),
  };
}

/** The kinds that occur. */
export function layerKinds(config: ModelConfig): LayerKind[] {
  const kinds = new Map(
    config.windowedLayers.map((_, layer) => {
      const kind = layerKind(config, layer);
      return [`${kind.mask} ${kind.cos}`, kind];
    }),
  );
  return [...kinds.values()];
}

/** Rotary tables by the names that the graphs read. */
export function namedRopeTables(
  config: ModelConfig,
  positions: number,
): Record<string, Float32Array> {
  const named: Record<string, Float32Array> = {};
  const { headSize, rotarySize } = config;
  for (const { cos, sin, rope } of layerKinds(config)) {
    if (named[cos]) continue;
    const tables: RopeTables = rope
      ? ropeTables({ headSize, rotarySize, rope }, positions)
      : unrotatedTables(headSize, positions);
    named[cos] = tables.cos;
    named[sin] = tables.sin;
  }
  return named;
}

/** A layer's mask and tables as graph inputs, made once, with shapes `maskShape` and [positions, D/2]. */
export function layerInputs(
  config: ModelConfig,
  { maskShape, positions }: { maskShape: readonly Dim[]; positions: Dim },
): (layer: number) => { mask: Value; cos: Value; sin: Value; window: number | null } {
  const made = new Map<string, Value>();
  const once = (name: string, shape: readonly Dim[]) => {
    const value = made.get(name) ?? input(name, { dtype: "f32", shape });
    made.set(name, value);
    return value;
  };
  const table = [positions, config.headSize / 2];
  return (layer) => {
    const { mask, cos, sin, window } = layerKind(config, layer);
    return {
      mask: once(mask, maskShape),
      cos: once(cos, table),
      sin: once(sin, table),
      window,
    };
  };
}
