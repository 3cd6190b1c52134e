/** A loaded model and everything that belongs to it. It knows no requests. */

import type { ContextPolicy } from "@rosa2/shared/health";
import type { AdaptPlan, AdaptRequest, AdaptResult } from "@rosa2/shared/protocol";
import type { SamplingDefaults } from "../../checkpoint/model-config.ts";
import type {
  AdapterWeights,
  LanguageModel,
  RowLogprobs,
  Slices,
  TokenRow,
} from "../../language-model.ts";
import type { TokenizerPlace } from "../../tokenizer/thread.ts";
import type { ChatTokenizer } from "../../tokenizer/tokenizer.ts";

export interface Runtime {
  model: LanguageModel;
  tokenizer: ChatTokenizer;
  /** Place of the tokenizer's files, for long texts; absent if nothing takes long. */
  tokenizerPlace?: TokenizerPlace;
  /** Sampling where a request says nothing. */
  sampling: SamplingDefaults;
  /** This model's update plan; the defaults unless given. */
  plan?: AdaptPlan;
  /** Context policy from the checkpoint's rosa2.json. */
  contextPolicy?: ContextPolicy | undefined;
  /** Name of the LoRA merged into the model. */
  lora?: string | undefined;
  /** Throws `adapter_invalid` when the file does not fit this model. */
  readAdapter(bytes: Uint8Array): AdapterWeights;
  /** One update in slices; a successful one returns the new adapter and its file. */
  adapt(
    rows: TokenRow[],
    plan: AdaptRequest["plan"],
    parent: AdapterWeights | null,
  ): Slices<Update>;
  /** An adapter as the files of a PEFT directory. */
  peftFiles(adapter: AdapterWeights): Record<string, Uint8Array>;
}

/** The outcome of an update. */
export interface Update {
  result: Omit<AdaptResult, "ms" | "watched">;
  file: { bytes: Uint8Array; adapter: AdapterWeights } | null;
  /** What the update measured of its rows; absent where it made no adapter, or measured otherwise. */
  logprobs?: RowLogprobs;
}
