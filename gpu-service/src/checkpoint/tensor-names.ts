/** Finds the tensor of a file that holds a decoder's tensor: families name and join them differently. */
import type { ModelConfig } from "./decoder-config.ts";

export interface NamedPart {
  name: string;
  /** The rows of the file's tensor; null for all. */
  rows: { start: number; count: number; of: number } | null;
}

/** Where the text part of a larger model keeps its tensors. */
const prefixes: readonly [own: string, inFile: string][] = [
  ["model.", "language_model.model."],
  ["model.", "model.language_model."],
  ["lm_head.", "language_model.lm_head."],
];

/** Places where the tensor may lie, the likeliest first. */
export function partsOf(config: ModelConfig, name: string): NamedPart[] {
  const part = config.fusedProjections ? fusedPart(config, name) : { name, rows: null };
  const elsewhere = prefixes
    .filter(([own]) => part.name.startsWith(own))
    .map(([own, inFile]) => ({ ...part, name: inFile + part.name.slice(own.length) }));
  return [part, ...elsewhere];
}

/** Phi-3 keeps q, k and v one below the other, and gate above up. */
function fusedPart(config: ModelConfig, name: string): NamedPart {
  const match = /^(.*\.)(q_proj|k_proj|v_proj|gate_proj|up_proj)(\..*)$/s.exec(name);
  if (match === null) return { name, rows: null };
  const [, path, linear, rest] = match as unknown as [string, string, string, string];
  const queries = config.headCount * config.headSize;
  const keys = config.kvHeadCount * config.headSize;
  const F = config.intermediateSize;
  const parts: Record<string, [joint: string, start: number, count: number, of: number]> = {
    q_proj: ["qkv_proj", 0, queries, queries + 2 * keys],
    k_proj: ["qkv_proj", queries, keys, queries + 2 * keys],
    v_proj: ["qkv_proj", queries + keys, keys, queries + 2 * keys],
    gate_proj: ["gate_up_proj", 0, F, 2 * F],
    up_proj: ["gate_up_proj", F, F, 2 * F],
  };
  const [joint, start, count, of] = parts[linear]!;
  return { name: path + joint + rest, rows: { start, count, of } };
}

/** The module of the model's own class that holds a decoder's module. */
export function jointModule(config: ModelConfig, module: string): string {
  return config.fusedProjections ? fusedPart(config, `${module}.`).name.slice(0, -1) : module;
}
