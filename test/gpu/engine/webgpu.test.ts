/** PROVIDER=webgpu on SwiftShader, a Vulkan driver without a GPU: right numbers, but slow. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { adaptPlanDefaults } from "@rosa2/shared/protocol";
import { Tensor } from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { adapt } from "../../../gpu-service/src/adapt/adapt.ts";
import { add, input, scalar, scatterRows } from "../../../gpu-service/src/compiler/ir/functions.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import { Device } from "../../../gpu-service/src/engine/model/webgpu/device.ts";
import type { AdapterWeights, NextToken } from "../../../gpu-service/src/language-model.ts";
import { withProbes } from "../../support/with-probes.ts";
import { fixtureFolder, largestDifference, loadGolden } from "../compiler/golden.ts";
import { useSwiftShader, vulkanHint } from "../support/vulkan.ts";

const hasVulkan = useSwiftShader();
const here = hasVulkan ? "" : ` (${vulkanHint})`;
if (!hasVulkan) console.warn(`Tests of PROVIDER=webgpu are skipped: ${vulkanHint}`);

describe.skipIf(!hasVulkan)(`tensors on the device${here}`, () => {
  const device = new Device();
  afterAll(() => device.dispose());
  const tensor = (...values: number[]) =>
    new Tensor("float32", Float32Array.from(values), [values.length / 2, 1, 1, 2]);

  it("stay there when rows are taken and joined and positions doubled", async () => {
    const rows = await device.takeRows([await device.upload(tensor(1, 2, 3, 4))], [1, 0]);
    const joined = await device.joinRows(rows, [tensor(5, 6)]);
    const [doubled] = await device.doublePositions(joined);
    expect(doubled!.location).toBe("gpu-buffer");
    expect(doubled!.dims).toEqual([3, 1, 2, 2]);
    const session = await device.compile({
      y: add(input("x", { dtype: "f32", shape: ["R", 1, "S", 2] }), scalar(0)),
    });
    const { y } = await session.run({ x: doubled! });
    expect([...(y!.data as Float32Array)]).toEqual([3, 4, 3, 4, 1, 2, 1, 2, 5, 6, 5, 6]);
    await session.release();
  });

  it("are not brought to the host silently: a graph with a node that the device lacks is refused", async () => {
    const f32 = (name: string, shape: (string | number)[]) => input(name, { dtype: "f32", shape });
    const ids = input("ids", { dtype: "i64", shape: ["N"] });
    const lacking = scatterRows(f32("rows", ["N", 2]), ids, f32("table", [4, 2]));
    await expect(device.compile({ lacking })).rejects.toMatchObject({
      code: "gpu_unavailable",
      message: expect.stringContaining("CPU EP"),
    });
  });
});

describe.skipIf(!hasVulkan)(`a small Qwen3 on the device${here}`, async () => {
  if (!hasVulkan) return;
  const golden = await loadGolden("qwen3");
  const folder = fixtureFolder("qwen3");
  let model: Model;
  beforeAll(async () => {
    model = await Model.load(folder, { threads: 1, provider: "webgpu" });
    const rank = golden.adapter.rank;
    for (const [name, rows] of golden.model.basis(rank)) model.basis(rank).get(name)!.set(rows);
  }, 60_000);
  afterAll(async () => {
    await model.dispose();
    await golden.model.dispose();
  });

  it("has the logits that PyTorch has, under an adapter and without", async () => {
    for (const [adapter, { lastLogits }] of [
      [null, golden.base],
      [golden.adapter, golden.adapted],
    ] as const) {
      const cache = model.allocateCache(1, 64);
      const next = await prefill(model, cache, 0, golden.prompts[0]!, adapter);
      expect(largestDifference(next.logits_V!, lastLogits[0]!)).toBeLessThan(1e-3);
      cache.dispose();
    }
  });

  it("gives every row of a batch what the CPU gives it, as rows join, leave and move", async () => {
    const [own, reference] = [await joinAndLeave(model), await joinAndLeave(golden.model)];
    expect(own.map(({ best }) => best)).toEqual(reference.map(({ best }) => best));
    own.forEach(({ peak, logZ }, i) => {
      expect(peak).toBeCloseTo(reference[i]!.peak, 3);
      expect(logZ).toBeCloseTo(reference[i]!.logZ, 3);
    });
  });

  it("has PyTorch's log-probs and gradients of a reply", async () => {
    const rows = golden.rows.slice(0, 1);
    const { logprobs, gradients } = await model.gradients(rows, golden.adapter);
    expect(largestDifference(logprobs[0]!, golden.adapted.tokenLogprobs[0]!)).toBeLessThan(1e-3);
    expect(largestDifference(gradients, golden.gradients[0]!)).toBeLessThan(1e-3);
  });

  /** Two prompts, a batch of both, a third joins, the first leaves and the last takes its place. */
  async function joinAndLeave(on: Model): Promise<NextToken[]> {
    const cache = on.allocateCache(4, 64);
    const adapters = [null, golden.adapter, golden.adapter];
    const said: NextToken[] = [];
    const past = [0, 0, 0];
    const ask = async (row: number) => {
      const prompt = golden.prompts[row]!.slice(0, 5 + 3 * row);
      said.push(await prefill(on, cache, row + 1, prompt, adapters[row]!));
      past[row] = prompt.length;
    };
    const step = async (slots: number[], of: number[]) => {
      const next = await on.step(
        {
          ids: Int32Array.from(of, (row) => 3 + row),
          rows: of.length,
          length: 1,
          past: Int32Array.from(of, (row) => past[row]!),
          cache,
          firstSlot: slots[0]!,
          adapters: of.map((row) => adapters[row]!),
        },
        false,
      );
      said.push(...next);
      for (const row of of) past[row] = past[row]! + 1;
    };
    await ask(0);
    await ask(1);
    await step([1, 2], [0, 1]);
    await ask(2);
    await step([1, 2, 3], [0, 1, 2]);
    cache.copySlot(3, 1, past[2]);
    await step([1, 2], [2, 1]);
    await step([2], [1]);
    cache.dispose();
    return said;
  }
});

describe.skipIf(!hasVulkan)(`rosa2-mini on the device${here}`, async () => {
  if (!hasVulkan) return;
  const directory = fileURLToPath(
    new URL("../../../gpu-service/models/rosa2-mini", import.meta.url),
  );
  const fixture = new URL("../fixtures/rosa2-mini/golden.json", import.meta.url);
  const { conversations } = JSON.parse(readFileSync(fixture, "utf8")) as {
    conversations: { promptIds: number[]; greedyIds: number[] }[];
  };
  const { promptIds, greedyIds } = conversations[0]!;
  let model: Model;
  beforeAll(async () => {
    model = await Model.load(directory, { threads: 1, provider: "webgpu" });
  }, 300_000);
  afterAll(() => model.dispose());

  it("begins its reply with the tokens that transformers gives", async () => {
    const cache = model.allocateCache(1, promptIds.length + greedyIds.length);
    const ids = [(await prefill(model, cache, 0, promptIds, null)).best];
    while (ids.length < Math.min(4, greedyIds.length)) {
      const past = Int32Array.of(promptIds.length + ids.length - 1);
      const at = { rows: 1, length: 1, past, cache, firstSlot: 0, adapters: [null] };
      const [next] = await model.step({ ids: Int32Array.of(ids.at(-1)!), ...at }, false);
      ids.push(next!.best);
    }
    expect(ids).toEqual(greedyIds.slice(0, ids.length));
    cache.dispose();
  }, 300_000);

  it("becomes likelier by an update about as far as that predicts, within a factor of two", async () => {
    const row = {
      prompt: Int32Array.from(promptIds.slice(-8)),
      reply: Int32Array.from(greedyIds.slice(0, 3).reverse()),
      kind: "corrected" as const,
      weight: 1,
    };
    const plan = { ...adaptPlanDefaults, iterations: 1, gate: 0, rank: 2 };
    const steps = adapt(withProbes(model), [row], plan, null);
    let result = await steps.next();
    while (!result.done) result = await steps.next();
    expect(result.value.decision).toBe("updated");
    const { predicted_shift, realised_shift } = result.value.rows[0]!;
    expect(predicted_shift).toBeGreaterThan(0);
    expect(realised_shift / predicted_shift).toBeGreaterThan(0.5);
    expect(realised_shift / predicted_shift).toBeLessThan(2);
  }, 300_000);
});

it.skipIf(!hasVulkan).each(["llama-gptq", "qwen2-awq"])(
  `multiplies integers on the device as they are saved${here} (%s)`,
  async (name) => {
    const golden = await loadGolden(name);
    const model = await Model.load(fixtureFolder(name), { threads: 1, provider: "webgpu" });
    for (const [group, rows] of golden.model.basis(golden.adapter.rank))
      model.basis(golden.adapter.rank).get(group)!.set(rows);
    const cache = model.allocateCache(1, 64);
    for (const [adapter, { lastLogits }] of [
      [null, golden.base],
      [golden.adapter, golden.adapted],
    ] as const) {
      const { logits_V } = await prefill(model, cache, 0, golden.prompts[1]!, adapter);
      expect(largestDifference(logits_V!, lastLogits[1]!)).toBeLessThan(1e-3);
    }
    cache.dispose();
    await model.dispose();
    await golden.model.dispose();
  },
  60_000,
);

it("refuses PROVIDER=webgpu for capped attention scores, which the device would leave uncapped", async () => {
  await expect(Model.load(fixtureFolder("gemma2"), { provider: "webgpu" })).rejects.toMatchObject({
    code: "checkpoint_unsupported",
    param: "attn_logit_softcapping",
  });
});

/** The logits after a prompt that is given to an empty slot at once. */
async function prefill(
  model: Model,
  cache: ReturnType<Model["allocateCache"]>,
  slot: number,
  prompt: readonly number[],
  adapter: AdapterWeights | null,
): Promise<NextToken> {
  const ids = Int32Array.from(prompt);
  const at = { rows: 1, past: Int32Array.of(0), cache, firstSlot: slot, adapters: [adapter] };
  const [next] = await model.step({ ids, length: ids.length, ...at }, true);
  return next!;
}
