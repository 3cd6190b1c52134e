/** The served model itself as rewriter, without adapters, asked in the fixed form that the bundled model is trained on. */
import type { Message, SampleResult } from "@rosa2/shared/protocol";
import { rewritePrompt } from "@rosa2/shared/rewrite-prompt";
import type { Rewriter } from "./provider.ts";

/** Several replies to one prompt in one batch, without an adapter. */
export type Sample = (
  messages: Message[],
  options: { count: number; maxTokens: number; signal: AbortSignal },
) => Promise<SampleResult>;

/** Tokens of a wording of at most twice the request's characters. */
export function rewriteTokensMax(request: string): number {
  return Math.min(512, 32 + request.length);
}

export function gpuRewriter(sample: Sample): Rewriter {
  return {
    name: "gpu",
    repairs: false,
    async propose({ request, attempts }, { count, signal }) {
      const maxTokens = rewriteTokensMax(request);
      const { samples, usage } = await sample(rewritePrompt(request, attempts), {
        count,
        maxTokens,
        signal,
      });
      const ended = samples.filter(({ finish_reason }) => finish_reason === "stop");
      return { wordings: ended.map(({ text }) => text), usage };
    },
  };
}
