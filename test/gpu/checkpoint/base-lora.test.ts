/** A team's own LoRA, merged into a checkpoint, against the unmerged model with the same matrices as an adapter. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { healthSchema } from "@rosa2/shared/health";
import { afterAll, describe, expect, it } from "vitest";
import { readAdapter, writeAdapter } from "../../../gpu-service/src/adapt/adapter-file.ts";
import { peftFiles } from "../../../gpu-service/src/adapt/peft.ts";
import { checkModel } from "../../../gpu-service/src/check/check.ts";
import { mergeLora } from "../../../gpu-service/src/checkpoint/base-lora.ts";
import { openCheckpoint } from "../../../gpu-service/src/checkpoint/checkpoint.ts";
import { openSafetensors } from "../../../gpu-service/src/checkpoint/safetensors.ts";
import { encodeSafetensors } from "../../../gpu-service/src/checkpoint/write-safetensors.ts";
import { readModelSettings } from "../../../gpu-service/src/config.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import { resolveLora } from "../../../gpu-service/src/hub/resolve-lora.ts";
import { loadRuntime } from "../../../gpu-service/src/load.ts";
import { loraLength } from "../../../gpu-service/src/lora/sites.ts";
import { fixtureFolder, largestDifference, loadGolden } from "../compiler/golden.ts";
import { errorOf } from "../support/error-of.ts";
import { HubServer } from "../support/hub-server.ts";
import { loadOptions } from "../support/load-options.ts";
import { writeRandomCheckpoint } from "../support/random-checkpoint.ts";
import { TestService } from "../support/service.ts";

const root = mkdtempSync(join(tmpdir(), "rosa2-lora-"));
process.env.ROSA2_CACHE = join(root, "cache");
afterAll(() => {
  delete process.env.ROSA2_CACHE;
  rmSync(root, { recursive: true });
});

let count = 0;
function write(files: Record<string, Uint8Array>): string {
  const directory = join(root, `lora-${count++}`);
  mkdirSync(directory);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(directory, name), bytes);
  return directory;
}

/** One adapter of rank `rank` on one linear layer. */
function small(module: string, { settings = {}, rank = 2, out = 64, width = 32 } = {}) {
  const fill = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i + 1));
  const [A, B] = [fill(rank * width), fill(out * rank)];
  const config = { peft_type: "LORA", r: rank, lora_alpha: 6, target_modules: "x", ...settings };
  const name = `base_model.model.${module}.lora_`;
  const directory = write({
    "adapter_config.json": new TextEncoder().encode(JSON.stringify(config)),
    "adapter_model.safetensors": encodeSafetensors([
      { name: `${name}A.weight`, dtype: "F32", shape: [rank, width], data: A },
      { name: `${name}B.weight`, dtype: "F32", shape: [out, rank], data: B },
    ]),
  });
  return { directory, A, B, rank, width };
}

describe.each(["llama", "llama-bf16", "phi3", "gemma3-multimodal"])("%s", (name) => {
  it("answers with a merged LoRA as PyTorch does with the same adapter, and exports both together", async () => {
    const golden = await loadGolden(name);
    const { model, adapter } = golden;
    const files = peftFiles(model, name, model.basis(adapter.rank), adapter);
    const lora = { directory: write(files), name: "acme/style" };
    const merged = await Model.load(fixtureFolder(name), { threads: 1, lora });
    expect(merged.digest).not.toBe(model.digest);
    expect(merged.lora?.name).toBe("acme/style");
    const found = await merged.score(golden.rows, null);
    for (const [row, logprobs] of golden.adapted.tokenLogprobs.entries())
      expect(largestDifference(found[row]!, logprobs)).toBeLessThan(1e-4);

    // A session's adapter is on top; the export belongs to the published weights.
    const rank = 3;
    const B = Float32Array.from({ length: merged.adapterLength(rank) }, (_, i) => Math.sin(i) / 20);
    const session = { digest: "session", rank, B };
    const both = await merged.score(golden.rows, session);
    const exported = peftFiles(merged, name, merged.basis(rank), session, merged.lora);
    const whole = { directory: write(exported), name: "both" };
    const together = await Model.load(fixtureFolder(name), { threads: 1, lora: whole });
    const again = await together.score(golden.rows, null);
    for (const [row, logprobs] of both.entries())
      expect(largestDifference(again[row]!, logprobs)).toBeLessThan(1e-4);
    for (const each of [model, merged, together]) await each.dispose();
  });
});

describe("merging", () => {
  const module = "model.layers.1.self_attn.q_proj";
  const base = openCheckpoint(fixtureFolder("llama"));

  it.each([
    ["alpha over rank", {}, 6 / 2],
    ["alpha over its root", { use_rslora: true }, 6 / Math.sqrt(2)],
    ["an alpha of the module's own", { alpha_pattern: { q_proj: 4 } }, 4 / 2],
  ])("scales by %s, in parts of any size", (_, settings, scale) => {
    const { directory, A, B, rank, width } = small(module, { settings });
    const merged = mergeLora(base, directory, "x");
    const weight = base.tensor(`${module}.weight`);
    const expected = weight.map((value, at) => {
      const [row, column] = [Math.floor(at / width), at % width];
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += B[row * rank + r]! * A[r * width + column]!;
      return value + scale * sum;
    });
    expect(largestDifference(merged.tensor(`${module}.weight`), expected)).toBeLessThan(1e-5);
    const part = merged.tensor(`${module}.weight`, { start: 45, count: 101 });
    expect(largestDifference(part, expected.slice(45, 146))).toBeLessThan(1e-5);
    expect(merged.tensor("model.norm.weight")).toEqual(base.tensor("model.norm.weight"));
  });

  it.each([
    ["bias", { bias: "all" }],
    ["peft_type", { peft_type: "LOHA" }],
    ["use_dora", { use_dora: true }],
    ["modules_to_save", { modules_to_save: ["lm_head"] }],
  ])("refuses %s by name", (param, settings) => {
    const { directory } = small(module, { settings });
    expect(errorOf(() => mergeLora(base, directory, "x"))).toMatchObject({
      code: "checkpoint_unsupported",
      param,
    });
  });

  it("refuses a LoRA of another model", () => {
    const elsewhere = small("model.layers.9.self_attn.q_proj").directory;
    expect(errorOf(() => mergeLora(base, elsewhere, "x"))).toMatchObject({
      code: "checkpoint_unsupported",
      message: expect.stringContaining("belongs to no linear layer of this model"),
    });
    const wide = small(module, { width: 48 }).directory;
    expect(errorOf(() => mergeLora(base, wide, "x")).message).toContain("expected [2,32]");
    expect(errorOf(() => mergeLora(base, root, "x")).message).toContain(
      "adapter_config.json is not",
    );
  });

  it("exports a head that was trained as well", async () => {
    const { directory } = small("lm_head");
    const lora = { directory, name: "head" };
    const model = await Model.load(fixtureFolder("llama"), { threads: 1, lora });
    const B = new Float32Array(model.adapterLength(1));
    const files = peftFiles(model, "x", model.basis(1), { digest: "", rank: 1, B }, model.lora);
    const tensors = openSafetensors(files["adapter_model.safetensors"]);
    expect(tensors.info("base_model.model.lm_head.lora_B.weight").shape).toEqual([64, 3]);
    expect(mergeLora(base, write(files), "x").tensor("lm_head.weight")).toEqual(
      mergeLora(base, directory, "x").tensor("lm_head.weight"),
    );
    await model.dispose();
  });
});

it("is reported by the check", () => {
  const model = writeRandomCheckpoint();
  const problems = (LORA: string) => checkModel(model, readModelSettings({ LORA })).problems;
  expect(problems(small("lm_head", { out: 261, width: 64 }).directory)).toEqual([]);
  expect(problems(small("lm_head", { out: 7, width: 64 }).directory)[0]?.message).toContain(
    "Cannot merge LORA",
  );
  const elsewhere = checkModel(model, readModelSettings({ LORA: "acme/style" }));
  expect(elsewhere).toMatchObject({ runs: true });
  expect(elsewhere.warnings.join()).toContain('LORA="acme/style" was not looked at');
  rmSync(model, { recursive: true });
});

it("is named by a running service, and adapters then fit the merged weights alone", async () => {
  const model = writeRandomCheckpoint();
  const { directory } = small("model.layers.0.mlp.down_proj", { out: 64, width: 128 });
  const merged = mergeLora(openCheckpoint(model), directory, directory);
  const service = await TestService.start({ model: loadOptions(model, { lora: directory }) });
  const health = healthSchema.parse(await (await fetch(`${service.url}/health`)).json());
  await service.stop();
  expect(health.model).toMatchObject({ lora: directory, digest: merged.digest });
  const B = new Float32Array(loraLength(merged.config, 1));
  const { bytes } = writeAdapter(merged, { rank: 1, B, parent: null });
  expect(readAdapter(merged, bytes).rank).toBe(1);
  expect(errorOf(() => readAdapter(openCheckpoint(model), bytes)).code).toBe("adapter_invalid");
  rmSync(model, { recursive: true });
});

describe("an export", () => {
  const exportOf = async (quantize: "none" | "8") => {
    const model = writeRandomCheckpoint();
    const { directory } = small("model.layers.0.mlp.down_proj", { out: 64, width: 128 });
    const runtime = await loadRuntime(loadOptions(model, { lora: directory, quantize }));
    expect(runtime.lora).toBe(directory);
    const B = new Float32Array((runtime.model as Model).adapterLength(1));
    const files = runtime.peftFiles({ digest: "", rank: 1, B });
    await runtime.model.dispose();
    rmSync(model, { recursive: true });
    return files;
  };

  it("says of rounded weights that it belongs to them, and how much they differ", async () => {
    expect(Object.keys(await exportOf("none")).sort()).toEqual([
      "adapter_config.json",
      "adapter_model.safetensors",
    ]);
    const note = new TextDecoder().decode((await exportOf("8"))["README.md"]);
    expect(note).toMatch(
      /rounded to 8 bits.* \d+\.\d % of next tokens are equal.* known to \d\.\d+ nats/,
    );
  });
});

describe("a LoRA on a hub", () => {
  it("is downloaded once", async () => {
    const hub = await new HubServer().listen();
    const { directory } = small("lm_head");
    const names = ["adapter_config.json", "adapter_model.safetensors"];
    const files = Object.fromEntries(
      names.map((name) => [name, readFileSync(join(directory, name))]),
    );
    hub.commit("acme/style", { ...files, "README.md": new Uint8Array(3) });
    const options = { endpoint: hub.endpoint, cache: join(root, "hub"), retryDelayMs: 1 };
    const found = await resolveLora("acme/style", options);
    expect(openSafetensors(join(found, names[1]!)).names).toHaveLength(2);
    await resolveLora("acme/style", options);
    expect(hub.contentRequests(names[1]!)).toHaveLength(1);
    hub.commit("acme/none", { "README.md": new Uint8Array(3) });
    await expect(resolveLora("acme/none", options)).rejects.toMatchObject({
      code: "checkpoint_invalid",
      param: "adapter_config.json",
    });
    await hub.close();
  });
});
