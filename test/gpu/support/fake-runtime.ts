/** What the engine's worker thread loads in tests: the fake model, a byte tokenizer and a pretended update. */
import { createHash } from "node:crypto";
import { RosaError } from "@rosa2/shared/errors";
import type { SamplingDefaults } from "../../../gpu-service/src/checkpoint/model-config.ts";
import type { Runtime } from "../../../gpu-service/src/engine/queue/runtime.ts";
import type { AdapterWeights } from "../../../gpu-service/src/language-model.ts";
import { byteTokenizer } from "./byte-tokenizer.ts";
import { FakeModel, type FakeModelOptions } from "./fake-model.ts";
import { greedy } from "./greedy.ts";

export interface FakeRuntimeOptions extends FakeModelOptions {
  /** Slices of one update, each as long as a run of the model. */
  updateSlices?: number;
  /** Sampling where a request sets nothing; greedy by default. */
  sampling?: Partial<SamplingDefaults>;
  /** Makes loading fail. */
  unloadable?: boolean;
}

/** URL for `WorkerOptions.runtime.module`. */
export const fakeRuntimeModule = import.meta.url;

/** An adapter file of the fake model. */
export function fakeAdapter(values: number[]): { bytes: Uint8Array<ArrayBuffer>; digest: string } {
  const bytes = new TextEncoder().encode(JSON.stringify(values));
  return { bytes, digest: createHash("sha256").update(bytes).digest("hex") };
}

function readFakeAdapter(bytes: Uint8Array): AdapterWeights {
  const digest = createHash("sha256").update(bytes).digest("hex");
  try {
    const values: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (Array.isArray(values)) return { digest, rank: 1, B: Float32Array.from(values) };
  } catch {}
  throw new RosaError("adapter_invalid", "Cannot use adapter: not a list of numbers");
}

/** @public The worker imports this module by its URL. */
export async function loadRuntime(options: FakeRuntimeOptions): Promise<Runtime> {
  if (options.unloadable) throw new RosaError("checkpoint_invalid", "Cannot load: told so");
  const model = new FakeModel(options);
  const tokenizer = byteTokenizer();
  const step = model.step.bind(model);
  model.step = async (input) => {
    const said = tokenizer.decode([...input.ids]);
    if (said.includes("crash now")) {
      setImmediate(() => {
        throw new Error("The engine was told to crash");
      });
    }
    if (said.includes("fail now")) throw new Error("a secret detail of the model");
    return step(input);
  };
  return {
    model,
    tokenizer,
    sampling: { ...greedy, ...options.sampling },
    readAdapter: readFakeAdapter,
    peftFiles: ({ B }) => ({
      "adapter_config.json": new TextEncoder().encode("{}"),
      "adapter_model.safetensors": new Uint8Array(Float32Array.from(B).buffer),
    }),
    adapt: async function* (rows, plan, parent) {
      for (let slice = 0; slice < (options.updateSlices ?? 2); slice++) {
        yield;
        await model.score(rows.slice(0, 1), parent);
      }
      const { bytes, digest } = fakeAdapter([1, rows.length, (parent?.B[2] ?? 0) + 1]);
      return {
        result: {
          decision: "updated",
          reason: "fake",
          digest,
          rank: plan.rank ?? 8,
          stopped_by: "reached",
          steps: 1,
          step_norm: 1,
          shift_norm: 1,
          kl: 0,
          kl_base: 0,
          objective: { before: 0, after: 0 },
          rows: [],
        },
        file: { bytes, adapter: readFakeAdapter(bytes) },
      };
    },
  };
}
