/** Makes what the engine serves from a checkpoint: the model, its tokenizer, its adapters and updates. */
import { statSync } from "node:fs";
import { RosaError } from "@rosa2/shared/errors";
import { adapt } from "../adapt/adapt.ts";
import { readAdapter, writeAdapter } from "../adapt/adapter-file.ts";
import { peftFiles } from "../adapt/peft.ts";
import { ChatTokenizer } from "../tokenizer.ts";
import { Model } from "./model.ts";
import type { Runtime } from "./requests.ts";

export interface LoadOptions {
  /** Checkpoint directory. */
  model: string;
  provider: "cpu" | "webgpu" | "cuda";
  quantize: "none" | "8" | "4";
  threads: number;
  contextTokensMax: number;
}

/** Throws the checkpoint's typed errors. */
export async function loadRuntime(options: LoadOptions): Promise<Runtime> {
  if (!statSync(options.model, { throwIfNoEntry: false })?.isDirectory()) {
    throw new RosaError("checkpoint_invalid", `MODEL="${options.model}" is not a directory`, {
      param: "MODEL",
    });
  }
  if (options.quantize !== "none") {
    throw new RosaError(
      "checkpoint_unsupported",
      `QUANTIZE=${options.quantize} is not supported by this build (supported: none)`,
      { param: "QUANTIZE" },
    );
  }
  const model = await Model.load(options.model, options);
  return {
    model,
    tokenizer: ChatTokenizer.load(options.model, model.shape.eosIds),
    readAdapter: (bytes) => readAdapter(model, bytes),
    peftFiles: (adapter) => peftFiles(model, model.id, model.basis(adapter.rank), adapter),
    adapt: async function* (rows, plan, parent) {
      const { B, ...result } = yield* adapt(model, rows, plan, parent);
      if (B === undefined) return { result, file: null };
      const { bytes, digest } = writeAdapter(model, {
        rank: result.rank,
        B,
        parent: parent?.digest ?? null,
      });
      return {
        result: { ...result, digest },
        file: { bytes, adapter: { digest, rank: result.rank, B } },
      };
    },
  };
}
