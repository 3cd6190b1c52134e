/** The served model itself as rewriter, adapters off, asked in the one fixed form that the bundled model is trained on. */
import type { Message } from "@rosa2/shared/protocol";
import { rewritePrompt } from "@rosa2/shared/rewrite-prompt";
import type { Rewriter } from "./provider.ts";

/** One generation by the served model, without an adapter; the reply's text and its summed log-prob S. */
export type Generate = (
  messages: Message[],
  options: { temperature: number; maxTokens: number; signal: AbortSignal },
) => Promise<{ text: string; logprob: number }>;

const tokensMax = 512;

export function gpuRewriter(generate: Generate): Rewriter {
  return {
    name: "gpu",
    async propose({ request, attempts }, signal, fault) {
      // The repair attempt samples: the greedy answer would only come again.
      const temperature = fault === null ? 0 : 0.7;
      const { text, logprob } = await generate(rewritePrompt(request, attempts), {
        temperature,
        maxTokens: tokensMax,
        signal,
      });
      return { rewritten: text, confidence: Math.min(1, Math.exp(logprob)) };
    },
  };
}
