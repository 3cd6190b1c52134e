/**
 * Rewriters behind one interface: a model proposes several wordings of a request, and what is sound among them comes back.
 *
 *   const drawn = await drawWordings(rewriter, task, { timeoutMs });
 *   const state = learnWordings(before, request, { by: rewriter.name, turnId, ...drawn });
 *
 * `drawWordings` never throws, and aborts a rewriter after `timeoutMs`: whatever goes wrong comes back as `failure`, and
 * what was said stands. A rewriter only proposes; the ledger judges (../gradient.ts).
 */
import type { Usage } from "@rosa2/shared/protocol";
import { checkWordings } from "./check.ts";
import type { Rewriter, RewriteTask } from "./provider.ts";

export { chatRewriter } from "./chat.ts";
export { gpuRewriter, rewriteTokensMax } from "./gpu.ts";
export { judgePlan, proposePlan, splitSteps } from "./plan.ts";
export type { Rewriter, RewriteTask } from "./provider.ts";

/** Wordings drawn at once, the first of them greedily. */
export const drawCount = 8;
/** A longer request is not reworded: no model writes it anew eight times while somebody waits. */
export const rewritableCharsMax = 4_096;
/** Wordings that a session draws for the same stretches of requests. */
export const drawsMax = 24;

export interface DrawnWordings {
  /** Valid ones; equal ones as often as they came. */
  wordings: string[];
  /** How many were drawn, and in how many calls. */
  drawn: number;
  calls: number;
  usage: Usage | null;
  /** Why there is none; null otherwise. */
  failure: string | null;
}

/** Valid wordings within the time, after a repair attempt if that may help and the first answer had none. */
export async function drawWordings(
  rewriter: Rewriter,
  task: RewriteTask,
  { timeoutMs, signal: outer }: { timeoutMs: number; signal?: AbortSignal },
): Promise<DrawnWordings> {
  const late = AbortSignal.timeout(timeoutMs);
  const signal = outer === undefined ? late : AbortSignal.any([late, outer]);
  const found: DrawnWordings = { wordings: [], drawn: 0, calls: 0, usage: null, failure: null };
  let fault: string | null = null;
  try {
    while (found.calls < (rewriter.repairs ? 2 : 1)) {
      found.calls++;
      const { wordings, usage } = await rewriter.propose(task, {
        count: drawCount,
        signal,
        fault,
      });
      found.drawn += wordings.length;
      found.usage = total(found.usage, usage);
      fault = "The answer does not fit the schema.";
      for (const checked of checkWordings(wordings, task)) {
        if (checked.ok) found.wordings.push(checked.wording);
        else fault = checked.fault;
      }
      if (found.wordings.length > 0) return found;
    }
    return { ...found, failure: `${rewriter.name}: ${fault}` };
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const reason = late.aborted ? `no answer within ${timeoutMs} ms` : said;
    return { ...found, failure: `${rewriter.name}: ${reason}` };
  }
}

function total(a: Usage | null, b: Usage | null): Usage | null {
  if (a === null || b === null) return a ?? b;
  return {
    prompt_tokens: a.prompt_tokens + b.prompt_tokens,
    completion_tokens: a.completion_tokens + b.completion_tokens,
    cached_tokens: a.cached_tokens + b.cached_tokens,
  };
}
