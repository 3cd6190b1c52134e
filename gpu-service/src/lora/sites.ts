/**
 * Where an adapter's matrices sit and how they are laid out flat. It knows no numbers.
 *
 * y = Wx + B·A·x at every linear layer of the blocks. A [rank, in] is frozen and shared by the linears that read the
 * same input (q, k and v; gate and up), so A·x is computed once for them. Only B [out, rank] is trained.
 */
import type { ModelConfig } from "../checkpoint/checkpoint.ts";

/** One adapted linear layer. */
export interface LoraSite {
  /** Module path in the checkpoint, e.g. `model.layers.0.self_attn.q_proj`. */
  module: string;
  /** The A that it reads through, e.g. `0.attn_in`. */
  group: string;
  in: number;
  out: number;
}

/** One shared A. */
export interface LoraGroup {
  name: string;
  in: number;
  /** Outputs of all its sites, in order. */
  out: number;
}

/** Sites in the order of their B matrices in an adapter's flat vector. */
export function loraSites(config: ModelConfig): LoraSite[] {
  const { hiddenSize, intermediateSize, headCount, kvHeadCount, headSize } = config;
  const width = headCount * headSize;
  const kvWidth = kvHeadCount * headSize;
  return Array.from({ length: config.layerCount }, (_, layer): LoraSite[] => {
    const path = `model.layers.${layer}`;
    const attention = { in: hiddenSize, group: `${layer}.attn_in` };
    const mlp = { in: hiddenSize, out: intermediateSize, group: `${layer}.mlp_in` };
    return [
      { module: `${path}.self_attn.q_proj`, out: width, ...attention },
      { module: `${path}.self_attn.k_proj`, out: kvWidth, ...attention },
      { module: `${path}.self_attn.v_proj`, out: kvWidth, ...attention },
      {
        module: `${path}.self_attn.o_proj`,
        in: width,
        out: hiddenSize,
        group: `${layer}.attn_out`,
      },
      { module: `${path}.mlp.gate_proj`, ...mlp },
      { module: `${path}.mlp.up_proj`, ...mlp },
      {
        module: `${path}.mlp.down_proj`,
        in: intermediateSize,
        out: hiddenSize,
        group: `${layer}.mlp_out`,
      },
    ];
  }).flat();
}

/** Groups in the order of their first site. */
export function loraGroups(config: ModelConfig): LoraGroup[] {
  const groups = new Map<string, LoraGroup>();
  for (const { group, in: width, out } of loraSites(config)) {
    const before = groups.get(group)?.out ?? 0;
    groups.set(group, { name: group, in: width, out: before + out });
  }
  return [...groups.values()];
}

/** Length of an adapter's flat B of this rank. */
export function loraLength(config: ModelConfig, rank: number): number {
  return loraSites(config).reduce((sum, site) => sum + site.out * rank, 0);
}
