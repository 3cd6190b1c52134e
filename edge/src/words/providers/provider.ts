/** What every rewriter offers: one proposal per call, as raw model output; checking and fallback are not its concern. */
import type { RejectedAttempt } from "@rosa2/shared/rewrite-prompt";

/** What a model is shown: the request as typed and every rejected reply with what was said about it. */
export interface RewriteTask {
  request: string;
  attempts: readonly RejectedAttempt[];
  /** Constraints that hold for this request, as sentences. */
  constraints: readonly string[];
}

/** A checked proposal. */
export interface Proposal {
  rewritten: string;
  diagnosis: "ambiguous" | "incapable" | "both" | "unclear_feedback";
  constraints: string[];
  ruledOut: string[];
  /** 0 … 1, the model's own. */
  confidence: number;
}

export interface Rewriter {
  name: "gpu" | "openai" | "workers-ai";
  /**
   * Asks once. `fault` says what was wrong with the first proposal, when this is the repair attempt.
   * Throws on failure; the caller bounds the time and aborts through `signal`.
   */
  propose: (task: RewriteTask, signal: AbortSignal, fault: string | null) => Promise<unknown>;
}
