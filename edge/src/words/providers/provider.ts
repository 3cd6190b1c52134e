/** What every rewriter offers: several wordings of one request in one call, as raw model output; checking is not its concern. */

import type { Usage } from "@rosa2/shared/protocol";
import type { RejectedAttempt } from "@rosa2/shared/rewrite-prompt";

/** What a model is shown: the request as typed and every rejected reply with what was said about it. */
export interface RewriteTask {
  request: string;
  attempts: readonly RejectedAttempt[];
}

/** One answer of a model: wordings, equal ones as often as they came. */
export interface Drawn {
  wordings: readonly string[];
  /** Tokens, where the model is ours to meter. */
  usage: Usage | null;
}

export interface Rewriter {
  name: "gpu" | "openai" | "workers-ai";
  /** Whether asking again, told what was wrong, may help: not where several were drawn already. */
  repairs: boolean;
  /**
   * Asks once for `count` wordings. `fault` says what was wrong with the first answer, when this is the repair attempt.
   * Throws on failure; the caller bounds the time and aborts through `signal`.
   */
  propose: (
    task: RewriteTask,
    options: { count: number; signal: AbortSignal; fault: string | null },
  ) => Promise<Drawn>;
}
