/** The states of a reply in the scheduler: requested, waiting, in service; and its events for the owner. */
import type { Spent } from "@rosa2/shared/protocol";
import type { AdapterWeights } from "../../language-model.ts";
import type { Queued } from "./fair-queue.ts";
import type { Reply, ReplyPiece } from "./reply.ts";
import type { Slot } from "./slots.ts";

export interface SequenceRequest {
  /** Identifies the sequence for `cancel`. */
  id: number;
  tenant: string;
  adapter: AdapterWeights | null;
  prompt: Int32Array;
  reply: Reply;
  /** More replies to the same prompt, under the same id. While they choose the same tokens they share one row of a step. */
  siblings?: readonly Voice[];
  /** Tokens that the reply is likely to repeat; drafts of its next ones come from here. */
  source?: Int32Array;
  /** Whether its tokens stay in the cache for a next turn; true by default. */
  parks?: boolean;
}

/** A reply and its listener. */
export interface Voice {
  reply: Reply;
  listener: SequenceListener;
}

/** Events of a sequence; `finish` or `fail` comes once and last. */
export interface SequenceListener {
  piece(piece: ReplyPiece, spent: Spent): void;
  finish(end: SequenceEnd): void;
  fail(error: unknown): void;
}

export interface SequenceEnd extends Spent {
  finish: "stop" | "length";
}

/** A sequence in the queue. */
export interface Waiting extends Queued {
  request: SequenceRequest;
  listener: SequenceListener;
  queuedAt: number;
}

/** A sequence in service. */
export interface Sequence extends Omit<SequenceRequest, "reply" | "siblings"> {
  ticket: Waiting;
  /** Replies that are identical so far; at least one. */
  voices: readonly Voice[];
  slot: Slot;
  isCancelled: boolean;
  /** Token to feed at the next decode step. */
  nextId: number;
  cachedTokens: number;
  /** Chunks that other prompts were given meanwhile. */
  passedOver: number;
  startedAt: number;
  firstTokenAt: number;
}

/** What a reply has cost so far. */
export function spentBy(sequence: Sequence, { reply }: Voice, now: number): Spent {
  const { prompt, cachedTokens, startedAt, firstTokenAt, ticket } = sequence;
  return {
    usage: {
      prompt_tokens: prompt.length,
      completion_tokens: reply.tokenCount,
      cached_tokens: cachedTokens,
    },
    ms: {
      queue: startedAt - ticket.queuedAt,
      prefill: firstTokenAt - startedAt,
      decode: now - firstTokenAt,
    },
  };
}
