/** The fixed form of asking a served model to rewrite a request; the bundled model is trained on exactly this form. */
import type { Message } from "./protocol.ts";

/** A reply that was rejected, and what the user said about it. */
export interface RejectedAttempt {
  reply: string;
  feedback: string;
}

export const rewriteInstruction = "Rewrite the request clearly.";

/** Stands for feedback without words, a thumb down. */
export const wordlessFeedback = "wrong";

/**
 * Messages that ask for the clear request: the instruction as the system message, then the
 * conversation as it went. The model's answer is the whole rewritten request as text, the list included.
 */
export function rewritePrompt(request: string, attempts: readonly RejectedAttempt[]): Message[] {
  return [
    { role: "system", content: rewriteInstruction },
    { role: "user", content: request },
    ...attempts.flatMap(({ reply, feedback }): Message[] => [
      { role: "assistant", content: reply },
      { role: "user", content: feedback.trim() === "" ? wordlessFeedback : feedback },
    ]),
  ];
}
