/** The model that proposes wordings beside the rules, as session and configuration name it; null where the rules rewrite alone. */
import { RosaError } from "@rosa2/shared/errors";
import type { Trace } from "../rpc.ts";
import {
  type AiBinding,
  gpuRewriter,
  openAiRewriter,
  type Rewriter,
  workersAiRewriter,
} from "../words/providers/index.ts";
import { callContext, type Desk, sessionRow } from "./context.ts";
import { type GpuTime, gpuMsOf } from "./store/meter.ts";

export function rewriterOf(
  desk: Desk,
  tenantId: string,
  trace: Trace,
  gpuTime: GpuTime,
): Rewriter | null {
  const { rewriter } = desk.config;
  const wanted = sessionRow(desk).rewriter ?? rewriter.name;
  if (wanted === "gpu") return servedModel(desk, tenantId, trace, gpuTime);
  // A session's choice that the deployment has since given up leaves the rules.
  if (wanted !== rewriter.name || rewriter.name === "rules") return null;
  return rewriter.name === "openai"
    ? openAiRewriter(rewriter)
    : workersAiRewriter(desk.env.AI as AiBinding | undefined, rewriter.model);
}

/** Whether a model of somebody else's rewrites, so that words go on while the GPU service is away. */
export function rewritesWithoutGpu(desk: Desk): boolean {
  const { rewriter } = desk.config;
  const wanted = sessionRow(desk).rewriter ?? rewriter.name;
  return wanted === rewriter.name && (wanted === "openai" || wanted === "workers-ai");
}

function servedModel(desk: Desk, tenantId: string, trace: Trace, gpuTime: GpuTime): Rewriter {
  return gpuRewriter(async (messages, { temperature, maxTokens, signal }) => {
    const events = desk.gpu.generate(
      {
        tenant: tenantId,
        adapter: null,
        messages,
        sampling: { temperature, max_tokens: maxTokens },
      },
      { ...callContext(desk, tenantId, trace), signal },
    );
    for await (const event of events) {
      if (event.type !== "done") continue;
      gpuTime.ms += gpuMsOf(event);
      return { text: event.text, logprob: event.logprob };
    }
    throw new RosaError("gpu_unavailable", "The rewriter's reply has no end");
  });
}
