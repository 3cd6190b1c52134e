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
import { callContext, type SessionContext } from "./context.ts";
import { type GpuTime, gpuMsOf } from "./store/meter.ts";
import { sessionRow } from "./store/rows.ts";

export function rewriterOf(
  context: SessionContext,
  tenantId: string,
  trace: Trace,
  gpuTime: GpuTime,
): Rewriter | null {
  const { rewriter } = context.config;
  const wanted = sessionRow(context).rewriter ?? rewriter.name;
  if (wanted === "gpu") return servedModel(context, tenantId, trace, gpuTime);
  // A session's choice that the deployment has since given up leaves the rules.
  if (wanted !== rewriter.name || rewriter.name === "rules") return null;
  return rewriter.name === "openai"
    ? openAiRewriter(rewriter)
    : workersAiRewriter(context.env.AI as AiBinding | undefined, rewriter.model);
}

/** Whether a model of somebody else's rewrites, so that words go on while the GPU service is away. */
export function rewritesWithoutGpu(context: SessionContext): boolean {
  const { rewriter } = context.config;
  const wanted = sessionRow(context).rewriter ?? rewriter.name;
  return wanted === rewriter.name && (wanted === "openai" || wanted === "workers-ai");
}

function servedModel(
  context: SessionContext,
  tenantId: string,
  trace: Trace,
  gpuTime: GpuTime,
): Rewriter {
  return gpuRewriter(async (messages, { temperature, maxTokens, signal }) => {
    const events = context.gpu.generate(
      {
        tenant: tenantId,
        adapter: null,
        messages,
        sampling: { temperature, max_tokens: maxTokens },
      },
      { ...callContext(context, trace), signal },
    );
    for await (const event of events) {
      if (event.type !== "done") continue;
      gpuTime.ms += gpuMsOf(event);
      return { text: event.text, logprob: event.logprob };
    }
    throw new RosaError("gpu_unavailable", "The rewriter's reply has no end");
  });
}
