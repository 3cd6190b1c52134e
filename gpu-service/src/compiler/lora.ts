/**
 * Where an adapter's matrices sit and how they are laid out flat; it knows no numbers.
 *
 * y = Wx + B·A·x at every linear layer of the blocks. A [rank, in] is frozen and shared by the linears that
 * read the same input (q, k and v; gate and up), so A·x is computed once for them; only B [out, rank] moves.
 */
import type { ModelConfig } from "./checkpoint.ts";
import type { DecoderParts } from "./decoder.ts";
import { input, matmul } from "./functions.ts";
import type { Dim } from "./graph.ts";

/** One adapted linear layer. */
export interface LoraSite {
  /** Module path in the checkpoint, e.g. `model.layers.0.self_attn.q_proj`. */
  module: string;
  /** Which A it reads through, e.g. `0.attn_in`. */
  group: string;
  in: number;
  out: number;
}

/** One shared A. */
export interface LoraGroup {
  name: string;
  in: number;
  /** Outputs of all its sites, which follow each other. */
  out: number;
}

/** Sites in the order in which their B matrices follow each other in an adapter's flat vector. */
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

/**
 * Adapter matrices of serving graphs as inputs, each made once: `a.{group}` [r, in] and `b.{group}` [R, Σ out, r],
 * the group's B matrices one below the other, as they follow each other in an adapter's flat vector. With
 * `transposed` a `b.{group}` is [R, r, Σ out].
 */
export function adapterInputs(
  config: ModelConfig,
  {
    rows = "R",
    rank = "r",
    transposed = false,
  }: { rows?: Dim; rank?: Dim; transposed?: boolean } = {},
): NonNullable<DecoderParts["lora"]> {
  const inputs = new Map(
    loraGroups(config).map(({ name, in: width, out }) => {
      const a = input(`a.${name}`, { dtype: "f32", shape: [rank, width] });
      const shape = transposed ? [rows, rank, out] : [rows, out, rank];
      return [name, { a, b: input(`b.${name}`, { dtype: "f32", shape }) }];
    }),
  );
  return {
    a: (group) => inputs.get(group)!.a,
    joinedUp: (group, low) => matmul(low, inputs.get(group)!.b, { transposeB: !transposed }),
  };
}
