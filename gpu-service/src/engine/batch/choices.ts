/** Gives the tokens of a step to the replies of a row. It moves no slots: other rows of the step may still need theirs. */
import type { Spent } from "@rosa2/shared/protocol";
import type { NextToken } from "../../language-model.ts";
import type { ReplyPiece } from "./reply.ts";
import { type Sequence, spentBy, type Voice } from "./sequence.ts";

/** What one reply of a row chose. */
interface Chosen {
  voice: Voice;
  piece: ReplyPiece;
  spent: Spent;
}

/** What a row's replies chose; null if the row was cancelled. */
export type Choice = Chosen[] | { error: unknown } | null;

/**
 * Appends the tokens that a step fed, and gives the next ones to the row's replies, as long as all of them choose the
 * token that was fed next. Each position is drawn as it would be in a step of its own, so drafts change no reply.
 */
export function choose(
  sequence: Sequence,
  next: readonly NextToken[],
  fed: readonly number[],
  now: () => number,
): Choice {
  let chosen: Chosen[] | null = null;
  try {
    for (const [at, id] of fed.entries()) {
      sequence.slot.tokens.push(id);
      chosen = push(sequence, next[at]!, now);
      const isFedNext = ({ piece }: Chosen) => piece.finish === null && piece.id === fed[at + 1];
      if (chosen === null || !chosen.every(isFedNext)) break;
    }
    return chosen;
  } catch (error) {
    return { error };
  }
}

/** Gives one next token to the replies of a row. */
export function push(sequence: Sequence, next: NextToken, now: () => number): Chosen[] | null {
  if (sequence.isCancelled) return null;
  return sequence.voices.map((voice) => {
    const piece = voice.reply.push(next);
    const spent = spentBy(sequence, voice, now());
    voice.listener.piece(piece, spent);
    return { voice, piece, spent };
  });
}
