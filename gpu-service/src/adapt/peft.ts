/**
 * An adapter as PEFT and vLLM read it: both matrices of every module, the shared A repeated for each module
 * that reads through it. It knows names and shapes, not archives.
 */

import type { ModelConfig } from "../checkpoint/decoder-config.ts";
import { jointModule } from "../checkpoint/tensor-names.ts";
import { encodeSafetensors } from "../checkpoint/write-safetensors.ts";
import type { AdapterWeights } from "../language-model.ts";
import type { Basis } from "../lora/basis.ts";
import { loraSites } from "../lora/sites.ts";
import type { AdapterBase } from "./adapter-file.ts";

/** The files of a PEFT adapter directory by name. `modelId` is what PEFT will call the base model. */
export function peftFiles(
  { config }: Pick<AdapterBase, "config">,
  modelId: string,
  basis: Basis,
  { rank, B }: AdapterWeights,
): Record<"adapter_config.json" | "adapter_model.safetensors", Uint8Array> {
  const modules = peftModules(config, rank, B);
  const tensors = modules.flatMap(({ module, group, in: width, out, B: parts }) => {
    const path = `base_model.model.${module}`;
    return [
      tensor(`${path}.lora_A.weight`, [rank, width], basis.get(group)!),
      tensor(`${path}.lora_B.weight`, [out, rank], parts),
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
  group: string;
  in: number;
  out: number;
  B: Float32Array;
}

/** The modules of the model's own class. Sites of one joint matrix follow each other, in its own order of rows. */
function peftModules(config: ModelConfig, rank: number, B: Float32Array): PeftModule[] {
  const modules: PeftModule[] = [];
  let offset = 0;
  for (const { module, group, in: width, out } of loraSites(config)) {
    const path = jointModule(config, module).replace(/^model\b/, config.modulePath);
    const last = modules.at(-1);
    const start = offset;
    offset += out * rank;
    if (last?.module === path) {
      last.out += out;
      last.B = B.subarray(start - (last.out - out) * rank, offset);
    } else modules.push({ module: path, group, in: width, out, B: B.subarray(start, offset) });
  }
  return modules;
}

function tensor(name: string, shape: number[], values: Float32Array) {
  const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, dtype: "F32" as const, shape, data };
}
