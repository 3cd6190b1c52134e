/**
 * Rewriters behind one interface: a model proposes several wordings of a request, and what is sound among them comes back.
 *
 *   const drawn = await drawWordings(rewriter, task, { timeoutMs });
 *   const state = learnWordings(before, request, { by: rewriter.name, turnId, ...drawn });
 *
 * `drawWordings` never throws and never takes longer than `timeoutMs`: whatever goes wrong comes back as `failure`, and
 * what was said stands. A rewriter only proposes; the ledger judges (../gradient.ts).
 */
import type { Usage } from "@rosa2/shared/protocol";
import { checkWording } from "./check.ts";
import type { Rewriter, RewriteTask } from "./provider.ts";

export { type AiBinding, openAiRewriter, workersAiRewriter } from "./chat.ts";
export { gpuRewriter, rewriteTokensMax } from "./gpu.ts";
export { judgePlan, proposePlan, splitSteps } from "./plan.ts";
export type { Rewriter, RewriteTask } from "./provider.ts";

/** Wordings drawn at once, the first of them greedily. */
export const drawCount = 8;
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
  const abort = new AbortController();
  const signal = outer === undefined ? abort.signal : AbortSignal.any([abort.signal, outer]);
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${timeoutMs} ms`));
      abort.abort();
    }, timeoutMs);
  });
  const found: DrawnWordings = { wordings: [], drawn: 0, calls: 0, usage: null, failure: null };
  let fault: string | null = null;
  try {
    while (found.calls < (rewriter.repairs ? 2 : 1)) {
      found.calls++;
      const asked = rewriter.propose(task, { count: drawCount, signal, fault });
      const { wordings, usage } = await Promise.race([asked, late]);
      found.drawn += wordings.length;
      found.usage = total(found.usage, usage);
      fault = "The answer does not fit the schema.";
      for (const raw of wordings) {
        const checked = checkWording(raw, task);
        if (checked.ok) found.wordings.push(checked.wording);
        else fault = checked.fault;
      }
      if (found.wordings.length > 0) return found;
    }
    return { ...found, failure: `${rewriter.name}: ${fault}` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ...found, failure: `${rewriter.name}: ${reason}` };
  } finally {
    if (timer !== null) clearTimeout(timer);
    // A promise that lost the race may still reject.
    late.catch(() => {});
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
