/** The interface of every rewriter: several wordings of one request in one call, as raw model output. It checks nothing. */

import type { Usage } from "@rosa2/shared/protocol";
import type { RejectedAttempt } from "@rosa2/shared/rewrite-prompt";
import type { RewriterName } from "../../contract/sets.ts";

/** What a model is shown: the request as typed, and every rejected reply with the remarks on it. */
export interface RewriteTask {
  request: string;
  attempts: readonly RejectedAttempt[];
}

/** One answer of a model: wordings, equal ones as often as they came. */
export interface Drawn {
  wordings: readonly string[];
  /** Tokens, if we meter the model. */
  usage: Usage | null;
}

export interface Rewriter {
  name: Exclude<RewriterName, "compose">;
  /** Whether a second call with the fault of the first may help: not if several were drawn already. */
  repairs: boolean;
  /**
   * Asks once for `count` wordings. In a repair attempt `fault` says what was wrong with the first answer. Throws on
   * failure; the caller bounds the time and aborts through `signal`.
   */
  propose: (
    task: RewriteTask,
    options: { count: number; signal: AbortSignal; fault: string | null },
  ) => Promise<Drawn>;
}
