/** Chooses the source of inference from the configuration. */
import { configOf, type HostConfig } from "../config.ts";
import type { Region } from "../contract/sets.ts";
import { GpuClient } from "../gpu-client/index.ts";
import { HostedInference, type HostedModel } from "./hosted.ts";
import type { Inference } from "./inference.ts";
import { openAiModel } from "./openai.ts";
import { workersAiModel } from "./workers-ai.ts";

export type { AdaptInput, CallContext, Inference, ReplyEvent, ServedModel } from "./inference.ts";

/** `env` holds the variables, and the binding `AI` if it is used; `region` is the caller's, null if unknown. */
export function inferenceOf(env: object, region: Region | null): Inference {
  const { inference, gpu, contextTokens } = configOf(env);
  if (inference.name === "gpu") return new GpuClient(gpu, region);
  return new HostedInference(hostedModel(inference, env, contextTokens, gpu.timeoutMs));
}

/** The hosted model of a configuration. */
export function hostedModel(
  host: HostConfig,
  env: object,
  contextTokens: number,
  timeoutMs: number,
): HostedModel {
  const common = { contextTokens, timeoutMs };
  if (host.name === "openai") return openAiModel({ ...host, ...common });
  const { AI: ai } = env as { AI?: unknown };
  return workersAiModel({ ai, model: host.model, ...common });
}
