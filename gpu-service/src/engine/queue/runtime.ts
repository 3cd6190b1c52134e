/** A model with what belongs to it, as a checkpoint is loaded; it knows no requests. */

import type { ContextPolicy } from "@rosa2/shared/health";
import type { AdaptPlan, AdaptRequest, AdaptResult } from "@rosa2/shared/protocol";
import type { SamplingDefaults } from "../../checkpoint/model-config.ts";
import type { AdapterWeights, LanguageModel, Slices, TokenRow } from "../../language-model.ts";
import type { TokenizerPlace } from "../../tokenizer/thread.ts";
import type { ChatTokenizer } from "../../tokenizer/tokenizer.ts";

export interface Runtime {
  model: LanguageModel;
  tokenizer: ChatTokenizer;
  /** Its files, for what takes long; absent where nothing does. */
  tokenizerPlace?: TokenizerPlace;
  /** How to sample where a request does not say. */
  sampling: SamplingDefaults;
  /** This model's update plan; the defaults unless given. */
  plan?: AdaptPlan;
  /** What the checkpoint's rosa2.json says about it. */
  contextPolicy?: ContextPolicy | undefined;
  /** What the LoRA merged into the model is called. */
  lora?: string | undefined;
  /** Throws `adapter_invalid` when the file does not fit this model. */
  readAdapter(bytes: Uint8Array): AdapterWeights;
  /** One update in slices; an accepted one comes with the new adapter and its file. */
  adapt(
    rows: TokenRow[],
    plan: AdaptRequest["plan"],
    parent: AdapterWeights | null,
  ): Slices<Update>;
  /** An adapter as the files of a PEFT directory. */
  peftFiles(adapter: AdapterWeights): Record<string, Uint8Array>;
}

/** What an update came to. */
export interface Update {
  result: Omit<AdaptResult, "ms" | "watched">;
  file: { bytes: Uint8Array; adapter: AdapterWeights } | null;
}
