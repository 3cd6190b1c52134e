/**
 * Lets a model propose a rewrite beside the rules, and decides between the two; rules are the floor.
 *
 *   const proposed = await proposeRewrite(rewriter, rewriteTask(input, revision), { timeoutMs });
 *   const final = adopt(revision, proposed.proposal, scores);
 *
 * `proposeRewrite` never throws and never takes longer than `timeoutMs`: whatever goes wrong comes back as
 * `failure` and the rules' revision stands. Where a correction y* exists, score it (the session's adapter on) under
 * `revision.after` and `proposal.rewritten` and pass both log-probs to `adopt`.
 */
import type { GradientInput, Revision } from "../types.ts";
import { checkProposal } from "./check.ts";
import type { Proposal, Rewriter, RewriteTask } from "./provider.ts";

export { gpuRewriter } from "./gpu.ts";
export { openAiRewriter } from "./openai.ts";
export type { Proposal, Rewriter, RewriteTask } from "./provider.ts";
export { type AiBinding, workersAiRewriter } from "./workers-ai.ts";

/** How much likelier the correction must be under a model's wording than under the rules' (nats). */
const marginNats = 0.1;

/** What a rewriter is shown of one feedback. */
export function rewriteTask(
  { request, attempts, feedback }: GradientInput,
  revision: Revision,
  earlierFeedback: readonly string[] = [],
): RewriteTask {
  return {
    request,
    attempts: attempts.map(({ reply }, index) => ({
      reply,
      feedback:
        index === attempts.length - 1 ? (feedback.text ?? "") : (earlierFeedback[index] ?? ""),
    })),
    constraints: revision.constraints.map(({ text }) => text),
  };
}

/** A checked proposal within the time, after at most one repair attempt; else null and why. */
export async function proposeRewrite(
  rewriter: Rewriter,
  task: RewriteTask,
  { timeoutMs }: { timeoutMs: number },
): Promise<{ proposal: Proposal | null; failure: string | null; attempts: number }> {
  const abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${timeoutMs} ms`));
      abort.abort();
    }, timeoutMs);
  });
  let fault: string | null = null;
  let attempts = 0;
  try {
    while (attempts < 2) {
      attempts++;
      const raw = await Promise.race([rewriter.propose(task, abort.signal, fault), late]);
      const checked = checkProposal(raw, task);
      if (checked.ok) return { proposal: checked.proposal, failure: null, attempts };
      fault = checked.fault;
    }
    return { proposal: null, failure: `${rewriter.name}: ${fault}`, attempts };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { proposal: null, failure: `${rewriter.name}: ${reason}`, attempts };
  } finally {
    if (timer !== null) clearTimeout(timer);
    // A promise that lost the race may still reject.
    late.catch(() => {});
  }
}

/** Log-probs of the correction under the two wordings and the session's adapter (nats). */
export interface RivalScores {
  rules: number;
  proposal: number;
}

/**
 * The revision with the better wording. A correction decides by its likelihood. Without one the ledger
 * keeps the word where it knows the request's senses, and the model has it elsewhere, unless its wording
 * says nothing that the rules' does not say as well.
 */
export function adopt(
  revision: Revision,
  proposal: Proposal | null,
  scores: RivalScores | null = null,
): Revision {
  if (proposal === null || revision.diagnosis === "accepted") return revision;
  const ledgerKnows = revision.spans.some(({ said, reading }) => !said && reading !== null);
  const saysNoMore = revision.after.startsWith(proposal.rewritten);
  const isBetter =
    scores === null ? !ledgerKnows && !saysNoMore : scores.proposal > scores.rules + marginNats;
  if (!isBetter || proposal.rewritten === revision.after) return revision;
  const changed = proposal.rewritten !== revision.before;
  return {
    ...revision,
    changed,
    after: proposal.rewritten,
    diagnosis: proposal.diagnosis,
    ruledOut: [...new Set([...revision.ruledOut, ...proposal.ruledOut])],
    confidence: proposal.confidence,
    hinted: revision.hinted || (changed && proposal.diagnosis === "ambiguous"),
  };
}
