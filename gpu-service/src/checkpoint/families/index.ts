/** The supported families by `model_type`, and multimodal models whose text part is one of them. */
import type { Family } from "./family.ts";
import { gemma, gemma2, gemma3 } from "./gemma.ts";
import { granite } from "./granite.ts";
import { llama } from "./llama.ts";
import { mistral } from "./mistral.ts";
import { olmo2, olmo3 } from "./olmo.ts";
import { phi3 } from "./phi3.ts";
import { qwen2, qwen3 } from "./qwen.ts";
import { smollm3 } from "./smollm3.ts";

export const families: ReadonlyMap<string, Family> = new Map(
  Object.entries({
    llama,
    qwen2,
    qwen3,
    mistral,
    smollm3,
    gemma,
    gemma2,
    gemma3_text: gemma3,
    phi3,
    granite,
    olmo2,
    olmo3,
  }),
);

/** Models that see images too: only their text part is read, from `text_config`. */
export const multimodal: ReadonlyMap<string, { className: string; text: string }> = new Map([
  ["gemma3", { className: "Gemma3ForConditionalGeneration", text: "gemma3_text" }],
  ["mistral3", { className: "Mistral3ForConditionalGeneration", text: "mistral" }],
]);
