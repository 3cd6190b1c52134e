/**
 * An adapter as PEFT and vLLM read it: both matrices of every module, with the shared A repeated for each module. It
 * knows names and shapes, not archives.
 */

import type { BaseLora } from "../checkpoint/checkpoint.ts";
import type { ModelConfig } from "../checkpoint/decoder-config.ts";
import { jointModule } from "../checkpoint/tensor-names.ts";
import { encodeSafetensors } from "../checkpoint/write-safetensors.ts";
import { joined } from "../joined.ts";
import type { AdapterWeights } from "../language-model.ts";
import type { Basis } from "../lora/basis.ts";
import { loraSites } from "../lora/sites.ts";
import type { AdapterBase } from "./adapter-file.ts";

/**
 * The files of a PEFT adapter directory by name. `modelId` is PEFT's name for the base model. A LoRA merged into the
 * model is included, so that both together fit the weights as published.
 */
export function peftFiles(
  { config }: Pick<AdapterBase, "config">,
  modelId: string,
  basis: Basis,
  { rank: ownRank, B }: AdapterWeights,
  lora: BaseLora | null = null,
): Record<"adapter_config.json" | "adapter_model.safetensors", Uint8Array> {
  const baseRank = Math.max(0, ...[...(lora?.deltas.values() ?? [])].map(({ rank }) => rank));
  const rank = baseRank + ownRank;
  const modules = peftModules(config, ownRank, B, { lora, baseRank });
  const tensors = modules.flatMap(({ module, group, in: width, out, A, B: parts }) => {
    const path = `base_model.model.${module}`;
    const rows = new Float32Array(rank * width);
    if (A !== null) rows.set(A);
    if (group !== null) rows.set(basis.get(group)!, baseRank * width);
    return [
      tensor(`${path}.lora_A.weight`, [rank, width], rows),
      tensor(`${path}.lora_B.weight`, [out, rank], joined(parts)),
    ];
  });
  const settings = {
    peft_type: "LORA",
    task_type: "CAUSAL_LM",
    base_model_name_or_path: modelId,
    r: rank,
    // PEFT scales B·A by lora_alpha / r.
    lora_alpha: rank,
    lora_dropout: 0,
    bias: "none",
    fan_in_fan_out: false,
    inference_mode: true,
    target_modules: [...new Set(modules.map(({ module }) => module.split(".").at(-1)!))],
  };
  return {
    "adapter_config.json": new TextEncoder().encode(`${JSON.stringify(settings, null, 2)}\n`),
    "adapter_model.safetensors": encodeSafetensors(tensors, { format: "pt" }),
  };
}

interface PeftModule {
  module: string;
  /** Which A of the session's adapters it reads through; null for none. */
  group: string | null;
  in: number;
  out: number;
  /** Of the merged LoRA. */
  A: Float32Array | null;
  /** [out, rank] of each part, the merged LoRA's columns first. */
  B: Float32Array[];
}

/** The modules of the model's own class. Sites of one joint matrix follow each other, in its own order of rows. */
function peftModules(
  config: ModelConfig,
  rank: number,
  B: Float32Array,
  { lora, baseRank }: { lora: BaseLora | null; baseRank: number },
): PeftModule[] {
  const modules: PeftModule[] = [];
  let offset = 0;
  for (const { module, group, in: width, out } of loraSites(config)) {
    const path = jointModule(config, module).replace(/^model\b/, config.modulePath);
    const delta = lora?.deltas.get(module) ?? null;
    const own = B.subarray(offset, offset + out * rank);
    const rows = sideBySide(out, [delta?.B ?? null, delta?.rank ?? 0, baseRank], [own, rank, rank]);
    offset += out * rank;
    const last = modules.at(-1);
    if (last?.module === path) {
      last.out += out;
      last.B.push(rows);
    } else modules.push({ module: path, group, in: width, out, A: delta?.A ?? null, B: [rows] });
  }
  const sites = new Set(loraSites(config).map(({ module }) => module));
  for (const [module, { A, B: base, rank: own }] of lora?.deltas ?? []) {
    if (sites.has(module)) continue;
    const out = base.length / own;
    const rows = sideBySide(out, [base, own, baseRank], [null, 0, rank]);
    modules.push({ module, group: null, in: A.length / own, out, A, B: [rows] });
  }
  return modules;
}

/** Two matrices of `out` rows, or zeros, each with its columns and the columns that it gets, in one. */
function sideBySide(
  out: number,
  ...matrices: [values: Float32Array | null, columns: number, width: number][]
): Float32Array {
  const total = matrices.reduce((sum, [, , width]) => sum + width, 0);
  const joined = new Float32Array(out * total);
  let from = 0;
  for (const [values, columns, width] of matrices) {
    for (let row = 0; row < out && values !== null; row++)
      joined.set(values.subarray(row * columns, (row + 1) * columns), row * total + from);
    from += width;
  }
  return joined;
}

function tensor(name: string, shape: number[], values: Float32Array) {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, dtype: "F32" as const, shape, data };
}
