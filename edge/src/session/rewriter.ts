/** The model that proposes wordings beside the rules, as the configuration names it; null where the rules rewrite alone. */
import { RosaError } from "@rosa2/shared/errors";
import {
  type AiBinding,
  gpuRewriter,
  openAiRewriter,
  type Rewriter,
  workersAiRewriter,
} from "../words/providers/index.ts";
import { callContext, type Desk, type Trace } from "./desk.ts";

export function rewriterOf(desk: Desk, tenantId: string, trace: Trace): Rewriter | null {
  const { rewriter } = desk.config;
  switch (rewriter?.name) {
    case undefined:
      return null;
    case "openai":
      return openAiRewriter(rewriter);
    case "workers-ai": {
      const { AI } = desk.env;
      if (AI === undefined) {
        throw new Error("Bad configuration: REWRITER is workers-ai, but there is no AI binding");
      }
      return workersAiRewriter(AI as AiBinding, rewriter.model);
    }
    case "gpu":
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
          if (event.type === "done") return { text: event.text, logprob: event.logprob };
        }
        throw new RosaError("gpu_unavailable", "The rewriter's reply has no end");
      });
  }
}
