import { expect, it } from "vitest";
import { peftFiles } from "../../../gpu-service/src/adapt/peft.ts";
import { openSafetensors } from "../../../gpu-service/src/checkpoint/safetensors.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import { loraGroups, loraSites } from "../../../gpu-service/src/lora/sites.ts";
import { fixtureFolder } from "../compiler/golden.ts";

const model = await Model.load(fixtureFolder("qwen2"), { threads: 1 });
const rank = 3;
const B = Float32Array.from({ length: model.adapterLength(rank) }, (_, i) => Math.sin(i));
const files = peftFiles(model, "qwen2", model.basis(rank), { digest: "", rank, B });

it("materialises both matrices of every module under PEFT's names", () => {
  const tensors = openSafetensors(files["adapter_model.safetensors"]);
  expect(tensors.names).toHaveLength(2 * loraSites(model.config).length);
  let offset = 0;
  for (const { module, group, in: width, out } of loraSites(model.config)) {
    const path = `base_model.model.${module}`;
    expect(tensors.info(`${path}.lora_A.weight`).shape).toEqual([rank, width]);
    expect(tensors.info(`${path}.lora_B.weight`).shape).toEqual([out, rank]);
    expect(tensors.readFloat32(`${path}.lora_A.weight`)).toEqual(model.basis(rank).get(group));
    const part = B.slice(offset, offset + out * rank);
    expect(tensors.readFloat32(`${path}.lora_B.weight`)).toEqual(part);
    offset += out * rank;
  }
});

it("states a scale of one and every adapted module", () => {
  const config = JSON.parse(new TextDecoder().decode(files["adapter_config.json"]));
  expect(config).toMatchObject({
    peft_type: "LORA",
    r: rank,
    lora_alpha: rank,
    target_modules: ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
  });
});

it("reads through orthonormal rows, so the norm of a shift is that of its B", () => {
  for (const { name, in: width } of loraGroups(model.config)) {
    const rows = model.basis(rank).get(name)!;
    for (let i = 0; i < rank; i++) {
      for (let j = 0; j <= i; j++) {
        let dot = 0;
        for (let k = 0; k < width; k++) dot += rows[i * width + k]! * rows[j * width + k]!;
        expect(dot).toBeCloseTo(i === j ? 1 : 0, 5);
      }
    }
  }
});

it("gives a smaller rank the first rows of a larger one", () => {
  const [small, large] = [model.basis(2), model.basis(5)];
  for (const [group, rows] of small) {
    expect(large.get(group)!.subarray(0, rows.length)).toEqual(rows);
  }
});

it.each([
  ["phi3", "model.layers.1.self_attn.qkv_proj", ["q_proj", "k_proj", "v_proj"]],
  ["phi3", "model.layers.0.mlp.gate_up_proj", ["gate_proj", "up_proj"]],
  ["gemma3-multimodal", "model.language_model.layers.1.self_attn.k_proj", ["k_proj"]],
])("names the modules of %s as its own class does: %s", async (name, module, parts) => {
  const other = await Model.load(fixtureFolder(name), { threads: 1 });
  const values = Float32Array.from({ length: other.adapterLength(rank) }, (_, i) => Math.sin(i));
  const made = peftFiles(other, name, other.basis(rank), { digest: "", rank, B: values });
  const tensors = openSafetensors(made["adapter_model.safetensors"]);
  const layer = /layers\.(\d+)/.exec(module)![1];
  let offset = 0;
  const expected = loraSites(other.config).flatMap((site) => {
    const part = values.subarray(offset, offset + site.out * rank);
    offset += site.out * rank;
    const [, at, linear] = /layers\.(\d+)\.\w+\.(\w+)$/.exec(site.module)!;
    return at === layer && parts.includes(linear!) ? [...part] : [];
  });
  const found = tensors.readFloat32(`base_model.model.${module}.lora_B.weight`);
  expect([...found]).toEqual(expected);
  expect(new TextDecoder().decode(made["adapter_config.json"])).toContain(module.split(".").at(-1));
  await other.dispose();
});
