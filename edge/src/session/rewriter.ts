/** The model that proposes wordings, chosen by session and configuration; null if remarks are only composed. */
import type { Usage } from "@rosa2/shared/protocol";
import { randomInt, seededRandom } from "@rosa2/shared/random";
import type { RewriterName } from "../contract/index.ts";
import { isTransient } from "../gpu-client/index.ts";
import { hostedModel } from "../inference/index.ts";
import type { Trace } from "../rpc.ts";
import {
  chatRewriter,
  type DrawnWordings,
  drawWordings,
  gpuRewriter,
  type Rewriter,
  type RewriteTask,
} from "../words/providers/index.ts";
import { callContext, type SessionContext } from "./context.ts";
import { type GpuTime, gpuMsOf } from "./store/meter.ts";
import { sessionRow } from "./store/rows.ts";

interface Asking {
  context: SessionContext;
  trace: Trace;
  gpuTime: GpuTime;
}

/**
 * The rewriter of this name: the served model is asked in the bundled model's own form or, if it is hosted, as any chat
 * model. Null if it proposes nothing, or the deployment is not set up for it.
 */
function rewriterOf(name: RewriterName, asking: Asking): Rewriter | null {
  const { config, env } = asking.context;
  const isServed = name === "gpu";
  const host = isServed ? config.inference : config.rewriter;
  if (isServed && host.name === "gpu") return gpuModel(asking);
  if (host.name === "gpu" || host.name === "compose" || (!isServed && host.name !== name))
    return null;
  const model = hostedModel(host, env, config.contextTokens, config.rewriterTimeoutMs);
  return chatRewriter(model, { isMetered: isServed });
}

export function rewriterName(context: SessionContext): RewriterName {
  return sessionRow(context).rewriter ?? context.config.rewriter.name;
}

/** Whether the words step works without the GPU service, because no model rewrites or a hosted one does. */
export function rewritesWithoutGpu(context: SessionContext): boolean {
  return rewriterName(context) !== "gpu" || context.gpu.fixedWeights !== null;
}

/** Valid wordings of a request from the session's rewriter; null if it has none. */
export async function askRewriter(
  asking: Asking,
  task: RewriteTask,
): Promise<(DrawnWordings & { name: string }) | null> {
  const { context } = asking;
  const rewriter = rewriterOf(rewriterName(context), asking);
  if (rewriter === null) return null;
  const drawn = await drawWordings(rewriter, task, {
    timeoutMs: context.config.rewriterTimeoutMs,
    signal: context.closing.signal,
  });
  return { ...drawn, name: rewriter.name };
}

function gpuModel({ context, trace, gpuTime }: Asking): Rewriter {
  return gpuRewriter(async (messages, { count, maxTokens, signal }) => {
    const result = await context.gpu
      .sample(
        {
          tenant: context.tenantId,
          adapter: null,
          messages,
          count,
          greedy_first: false,
          // Equal remarks draw equal wordings, so a step repeated after a crash changes nothing.
          sampling: { temperature: 1, max_tokens: maxTokens, seed: seedOf(messages) },
        },
        { ...callContext(context, trace), waitsForColdStart: false, signal },
      )
      .catch((error) => {
        throw isTransient(error) ? new Error("the GPU service is away") : error;
      });
    gpuTime.ms += gpuMsOf(result);
    return result;
  });
}

function seedOf(messages: unknown): number {
  return randomInt(seededRandom(JSON.stringify(messages)), 0, 2 ** 31);
}

/** Tokens of a drawing; zero if none of them are metered here. */
export function usageOf(drawn: DrawnWordings | null): Usage {
  return drawn?.usage ?? { prompt_tokens: 0, completion_tokens: 0, cached_tokens: 0 };
}
