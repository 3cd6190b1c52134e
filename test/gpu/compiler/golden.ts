/** Loads a golden fixture (see ../fixtures/README.md) together with the model under test. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openSafetensors } from "../../../gpu-service/src/checkpoint/safetensors.ts";
import { Model } from "../../../gpu-service/src/engine/model/model.ts";
import type { AdapterWeights, ScoreRow } from "../../../gpu-service/src/language-model.ts";
import { loraGroups, loraSites } from "../../../gpu-service/src/lora/sites.ts";

export const fixtureNames = [
  "llama",
  "llama-tied",
  "qwen2",
  "qwen3",
  "mistral",
  "smollm3",
  "llama-bf16",
  "gemma",
  "gemma2",
  "gemma3",
  "llama-yarn",
  "phi3",
  "mistral3",
  "gemma3-multimodal",
  "phi4-mini",
  "granite",
  "olmo2",
  "olmo3",
  "llama-fp8",
  "llama-gptq",
  "qwen2-awq",
];

export const fixtureFolder = (name: string): string =>
  join(import.meta.dirname, "../fixtures", name);

/** PyTorch's figures without (`base`) or with (`adapted`) the fixture's adapter. */
export interface GoldenOutputs {
  /** [prompts][V]. */
  lastLogits: number[][];
  /** [prompts][32]. */
  greedy: number[][];
  /** [rows][reply tokens]. */
  tokenLogprobs: number[][];
}

export interface Golden {
  model: Model;
  prompts: number[][];
  rows: ScoreRow[];
  /** `allLogits`: every position of the first prompt, [positions][V]. */
  base: GoldenOutputs & { allLogits: number[][] };
  adapted: GoldenOutputs;
  /** 140 tokens, and the base model's logits after some of the positions, [positions.length][V]. */
  decode: { tokens: number[]; positions: number[]; logits: number[][] };
  /** A prompt close to the context length, and the base model's logits after it, [V]. */
  long: { prompt: number[]; lastLogits: number[] };
  adapter: AdapterWeights;
  /** dS/dB of each row, in the layout of `adapter.B`. */
  gradients: Float32Array[];
}

/** Replaces the loaded model's frozen A, which is seeded, by the fixture's. */
export async function loadGolden(name: string): Promise<Golden> {
  const folder = fixtureFolder(name);
  const model = await Model.load(folder, { threads: 1 });
  const golden = JSON.parse(readFileSync(join(folder, "golden.json"), "utf8"));
  const tensors = openSafetensors(join(folder, "lora.safetensors"));
  const rank = Number(tensors.metadata.rank);

  const basis = model.basis(rank);
  for (const group of loraGroups(model.config))
    basis.get(group.name)!.set(tensors.readFloat32(`A.${group.name}`));
  const flat = (prefix: string): Float32Array => {
    const parts = loraSites(model.config).map(({ module }) => {
      const [, layer, linear] = /^model\.layers\.(\d+)\.\w+\.(\w+)$/.exec(module)!;
      return tensors.readFloat32(`${prefix}B.${layer}.${linear}`);
    });
    return Float32Array.from(parts.flatMap((part) => [...part]));
  };

  return {
    model,
    prompts: golden.prompts,
    rows: golden.rows.map(({ prompt, reply }: Record<keyof ScoreRow, number[]>) => ({
      prompt: Int32Array.from(prompt),
      reply: Int32Array.from(reply),
    })),
    base: golden.base,
    adapted: golden.adapted,
    decode: golden.decode,
    long: golden.long,
    adapter: { digest: `golden/${name}`, rank, B: flat("") },
    gradients: golden.rows.map((_: unknown, row: number) => flat(`dS${row}.d`)),
  };
}

/** Largest absolute difference of two vectors of the same length; NaN where a number is missing. */
export function largestDifference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return Number.NaN;
  return Array.from(expected, (value, i) => Math.abs(found[i]! - value)).reduce(
    (most, difference) => Math.max(most, difference),
    0,
  );
}
