/** The model that proposes wordings, as session and configuration name it; null where what was said is composed alone. */
import type { Usage } from "@rosa2/shared/protocol";
import { randomInt, seededRandom } from "@rosa2/shared/random";
import type { RewriterName } from "../contract/index.ts";
import { isTransient } from "../gpu-client/index.ts";
import type { Trace } from "../rpc.ts";
import {
  type AiBinding,
  type DrawnWordings,
  drawWordings,
  gpuRewriter,
  openAiRewriter,
  type Rewriter,
  type RewriteTask,
  workersAiRewriter,
} from "../words/providers/index.ts";
import { callContext, type SessionContext } from "./context.ts";
import { type GpuTime, gpuMsOf } from "./store/meter.ts";
import { sessionRow } from "./store/rows.ts";

interface Asking {
  context: SessionContext;
  trace: Trace;
  gpuTime: GpuTime;
}

/** Every rewriter by its name; null where it proposes nothing, or the deployment is not set up for it. */
const rewriters: Record<RewriterName, (asking: Asking) => Rewriter | null> = {
  compose: () => null,
  gpu: servedModel,
  openai: ({ context: { config } }) =>
    config.rewriter.name === "openai" ? openAiRewriter(config.rewriter) : null,
  "workers-ai": ({ context: { config, env } }) =>
    config.rewriter.name === "workers-ai"
      ? workersAiRewriter(env.AI as AiBinding | undefined, config.rewriter.model)
      : null,
};

/** The served model itself: asked in the bundled model's own form, or as any chat model where it is a hosted one. */
function servedModel(asking: Asking): Rewriter {
  const { config, env } = asking.context;
  const { inference } = config;
  if (inference.name === "openai") return openAiRewriter({ ...inference, isMetered: true });
  if (inference.name === "workers-ai") {
    return workersAiRewriter(env.AI as AiBinding | undefined, inference.model, { isMetered: true });
  }
  return gpuModel(asking);
}

export function rewriterName(context: SessionContext): RewriterName {
  return sessionRow(context).rewriter ?? context.config.rewriter.name;
}

/** Whether words go on while the GPU service is away, because nothing or a model of somebody else's rewrites. */
export function rewritesWithoutGpu(context: SessionContext): boolean {
  return rewriterName(context) !== "gpu" || context.gpu.fixedWeights !== null;
}

/** Sound wordings of a request, as the session's rewriter proposes them; null where it has none. */
export async function askRewriter(
  asking: Asking,
  task: RewriteTask,
): Promise<(DrawnWordings & { name: string }) | null> {
  const { context } = asking;
  const rewriter = rewriters[rewriterName(context)](asking);
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
          // The same things said draw the same wordings: a step that a crash repeats changes nothing.
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

/** Tokens that a drawing took, zero where it took none that are ours to meter. */
export function usageOf(drawn: DrawnWordings | null): Usage {
  return drawn?.usage ?? { prompt_tokens: 0, completion_tokens: 0, cached_tokens: 0 };
}
