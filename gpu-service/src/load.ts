/** Loads everything that the engine serves from a checkpoint: the model, its tokenizer, its adapters and updates. */
import { availableParallelism } from "node:os";
import { adaptPlanDefaults } from "@rosa2/shared/protocol";
import { adapt } from "./adapt/adapt.ts";
import { readAdapter, writeAdapter } from "./adapt/adapter-file.ts";
import { loadAnchors } from "./adapt/anchors.ts";
import { peftFiles } from "./adapt/peft.ts";
import { adaptable } from "./adaptable-model.ts";
import { openCheckpoint } from "./checkpoint/checkpoint.ts";
import { ignoredNote } from "./checkpoint/generation-config.ts";
import { readModelSettings } from "./checkpoint/model-settings.ts";
import { servedBits } from "./checkpoint/quantization-config.ts";
import type { SavedIntegers } from "./checkpoint/saved-integers.ts";
import type { Quantization } from "./compiler/decoder/quantize.ts";
import { checkQuantization } from "./engine/model/golden-check.ts";
import { type LoraSource, Model } from "./engine/model/model.ts";
import type { Provider } from "./engine/model/provider.ts";
import type { Runtime } from "./engine/queue/runtime.ts";
import { countingReport, terminalReport } from "./hub/progress.ts";
import { resolveModel } from "./hub/resolve.ts";
import { resolveLora } from "./hub/resolve-lora.ts";
import { ChatTokenizer } from "./tokenizer/tokenizer.ts";

/** A model below this many parameters is small. */
const smallParameters = 16e6;

export interface LoadOptions {
  /** Checkpoint directory or hub id. */
  model: string;
  /** PEFT directory or hub id of a LoRA to merge; none by default. */
  lora?: string | null;
  hub: { endpoint: string; token?: string | undefined };
  provider: Provider;
  quantize: "none" | "8" | "4";
  /** Of one run. If undefined, the machine's cores, and one less for the steps of a small model. */
  threads: number | undefined;
  contextTokensMax: number;
}

/** Throws the typed errors of checkpoint and hub. */
export async function loadRuntime(options: LoadOptions): Promise<Runtime> {
  const { directory, id } = await resolveModel(options.model, {
    ...options.hub,
    report: terminalReport(),
  });
  const threads = options.threads ?? availableParallelism();
  const stepThreads = options.threads ?? stepThreadsOf(openCheckpoint(directory).parameterCount);
  const merged = { ...options, threads, stepThreads, lora: await findLora(options) };
  const quantized = await chooseQuantization(directory, merged);
  const quantization = quantized?.quantization ?? null;
  const model = await Model.load(directory, {
    ...merged,
    quantization,
    ...(id === null ? {} : { id }),
  });
  const tokenizer = ChatTokenizer.load(directory, model.shape.eosIds, model.shape.vocabSize);
  const settings = readModelSettings(directory);
  const ownPlan = { ...adaptPlanDefaults, ...settings.plan };
  const ignored = ignoredNote(model.config.ignoredGeneration);
  if (ignored !== null) process.stderr.write(`${ignored}\n`);
  const subject = adaptable(model, tokenizer, settings, {
    anchors: await loadAnchors(directory, model, threads),
    threads,
    noise: quantized?.noise ?? 0,
    progress: countingReport({
      samples: "Drawing the model's own replies",
      anchors: "Making the model's anchors",
    }),
  });
  return {
    model,
    tokenizer,
    tokenizerPlace: { directory, eosIds: model.shape.eosIds, vocabSize: model.shape.vocabSize },
    sampling: model.config.sampling,
    plan: ownPlan,
    contextPolicy: settings.context,
    lora: model.lora?.name,
    readAdapter: (bytes) => readAdapter(model, bytes),
    peftFiles: (adapter) => ({
      ...peftFiles(model, model.id, model.basis(adapter.rank), adapter, model.lora),
      ...(quantized === null ? {} : { "README.md": roundingNote(model.id, quantized) }),
    }),
    adapt: async function* (rows, plan, parent) {
      const { B, logprobs, ...result } = yield* adapt(
        subject,
        rows,
        { ...ownPlan, ...plan },
        parent,
      );
      if (B === undefined) return { result, file: null };
      const { bytes, digest } = writeAdapter(model, {
        rank: result.rank,
        B,
        parent: parent?.digest ?? null,
      });
      return {
        result: { ...result, digest },
        file: { bytes, adapter: { digest, rank: result.rank, B } },
        ...(logprobs === undefined ? {} : { logprobs }),
      };
    },
  };
}

/**
 * Threads of a decode step by default. A small model's step is over before the last thread has paid for itself, and
 * threads spin between steps. The core that is left alone serves the HTTP side and, on one machine, the edge.
 */
export function stepThreadsOf(parameterCount: number, cores = availableParallelism()): number {
  return parameterCount < smallParameters ? Math.max(1, cores - 1) : cores;
}

async function findLora({ lora = null, hub }: LoadOptions): Promise<LoraSource | null> {
  if (lora === null) return null;
  const report = terminalReport();
  return { directory: await resolveLora(lora, { ...hub, report }), name: lora };
}

/** The effect of integers in place of floats. */
interface Rounding {
  quantization: Quantization;
  /** The method, if the published weights are integers; null if they were rounded here. */
  method: SavedIntegers["method"] | null;
  /** Share of next tokens that stay equal. */
  equalShare: number;
  /** By how much rounded activations change a token's log-prob: root mean square, in nats. */
  noise: number;
}

/** Reports on standard error how often tokens agree with those before rounding. */
async function chooseQuantization(
  directory: string,
  options: Omit<LoadOptions, "lora"> & { lora: LoraSource | null },
): Promise<Rounding | null> {
  const { config } = openCheckpoint(directory);
  const bits = servedBits(config, options.quantize);
  if (bits === null) return null;
  const method = config.integers?.method ?? null;
  const { accuracyLevel, agreement, noise } = await checkQuantization(directory, bits, options);
  const shares = Object.entries(agreement).map(
    ([level, share]) => `${(100 * share).toFixed(1)} % at accuracy level ${level}`,
  );
  const what =
    method === null
      ? `Quantised to ${bits} bits: next tokens equal to fp32`
      : `Weights as saved (${method}, ${bits} bits): next tokens equal to those of activations in fp32`;
  process.stderr.write(
    `${what}: ${shares.join(", ")}; using level ${accuracyLevel}, whose rounding changes a token's log-prob by ${noise.toFixed(4)} nats\n`,
  );
  const equalShare = agreement[accuracyLevel] ?? 0;
  return { quantization: { bits, accuracyLevel }, method, equalShare, noise };
}

/** A note for users of an exported adapter: it was trained on weights other than the published ones. */
function roundingNote(model: string, rounding: Rounding): Uint8Array {
  const { quantization, method, equalShare, noise } = rounding;
  const { bits } = quantization;
  const share = `${(100 * equalShare).toFixed(1)} %`;
  const [belongs, equal] =
    method === null
      ? [
          `was trained on the weights of ${model} rounded to ${bits} bits`,
          `${share} of next tokens are equal to those of the published weights`,
        ]
      : [
          `belongs to the weights of ${model} as they are published, ${bits}-bit integers (${method}), and not to those before rounding`,
          `${share} of next tokens are equal to those of activations in fp32`,
        ];
  return new TextEncoder().encode(
    `This adapter ${belongs}. Without an adapter, ${equal}; a token's log-prob was known to ${noise.toFixed(4)} nats while it was trained.\n`,
  );
}
