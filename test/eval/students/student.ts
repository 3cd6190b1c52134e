/** What a protocol needs from a student: a model behind the API, with the memory of its condition. */

import type { FeedbackAnswer } from "../api.ts";
import type { Problem } from "../problem.ts";

export interface Student {
  /** Asks a new request. Only a student that may know more than the user says reads more than the request. */
  ask(problem: Problem): Promise<Reply>;
  /** The last reply was wrong; another try at the same request. */
  retry(comment: string): Promise<Reply>;
  /** The last reply was right. */
  accept(): Promise<void>;
  /** The last reply was wrong and there are no tries left. */
  giveUp(comment: string, correction: string | null): Promise<void>;
  /** A request from outside the session's stream, which leaves no trace in what the student learns. */
  probe(request: string): Promise<string>;
  /** The session's cost so far. */
  readonly spent: Spent;
  close(): Promise<void>;
}

export interface Reply {
  text: string;
  /** ‖Δθ‖ of the adapter that made the reply; null where no weights move. */
  shift: number | null;
}

export interface Spent {
  /** Wall time (ms) of each plain request, as the client sees it. */
  replyMs: number[];
  /** Time (ms) of each accepted weights update, as the service reports it. */
  updateMs: number[];
  /** Updates that the service computed and threw away. */
  updatesRejected: number;
  wordsChanged: number;
  /** Wordings that a model proposed and the API took. */
  proposalsAdopted: number;
  /** Wordings that were drawn from the model, and the tokens that it wrote for them. */
  wordingsDrawn: number;
  wordingTokens: number;
  /** Replies that were rejected while words adapted; a rewriter that is always asked draws wordings for each. */
  rejections: number;
  promptTokens: number;
  completionTokens: number;
  costUsd: number;
}

export function nothingSpent(): Spent {
  return {
    replyMs: [],
    updateMs: [],
    updatesRejected: 0,
    wordsChanged: 0,
    proposalsAdopted: 0,
    wordingsDrawn: 0,
    wordingTokens: 0,
    rejections: 0,
    promptTokens: 0,
    completionTokens: 0,
    costUsd: 0,
  };
}

/** What a feedback answer says of the words. */
export function countWords(
  spent: Spent,
  { changed, rewriter }: FeedbackAnswer["words"],
  isRejection: boolean,
): void {
  if (changed) spent.wordsChanged++;
  if (isRejection) spent.rejections++;
  if (!rewriter) return;
  if (rewriter.adopted) spent.proposalsAdopted++;
  spent.wordingsDrawn += rewriter.drawn ?? 0;
  spent.wordingTokens += rewriter.completion_tokens ?? 0;
}
