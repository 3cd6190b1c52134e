/** Chooses the source of inference from the configuration. */
import { configOf } from "../config.ts";
import type { Region } from "../contract/sets.ts";
import { GpuClient } from "../gpu-client/index.ts";
import { HostedInference } from "./hosted.ts";
import type { Inference } from "./inference.ts";
import { openAiModel } from "./openai.ts";
import { workersAiModel } from "./workers-ai.ts";

export type { CallContext, Inference, ServedModel } from "./inference.ts";

/** `env` holds the variables, and the binding `AI` if it is used; `region` is the caller's, null if unknown. */
export function inferenceOf(env: object, region: Region | null): Inference {
  const { inference, gpu, contextTokens } = configOf(env);
  const common = { contextTokens, timeoutMs: gpu.timeoutMs };
  switch (inference.name) {
    case "gpu":
      return new GpuClient(gpu, region);
    case "openai":
      return new HostedInference(openAiModel({ ...inference, ...common }));
    case "workers-ai": {
      const { AI: ai } = env as { AI?: unknown };
      return new HostedInference(workersAiModel({ ai, model: inference.model, ...common }));
    }
  }
}
