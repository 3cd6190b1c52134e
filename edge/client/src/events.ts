/** Events of streams, as one union to switch on by `type`. */
import type { FeedbackResult, RollBack, Turn, Weights, Words } from "./types.ts";

interface Event<Type extends string, Data> {
  /** Grows through a session; the value for `Last-Event-ID`. */
  id: number;
  type: Type;
  data: Data;
}

/** The turn as it begins; after feedback, the retry. */
export type TurnEvent = Event<"turn", Turn>;
/** More of the reply, or of a thinking model's thought before it; then `text` is empty. */
export type DeltaEvent = Event<"delta", { text: string; reasoning?: string }>;
/** Rare: the reply was interrupted and came out differently. The text shown so far is void. */
export type ResetEvent = Event<"reset", Record<string, never>>;
/** A reply on its way: the last event is `done` with the whole turn. */
export type ReplyEvent = TurnEvent | DeltaEvent | ResetEvent | Event<"done", Turn>;

/** The feedback was one rejection too many: an earlier generation is active again. */
export type RolledBackEvent = Event<"rolled_back", RollBack & { feedback_id: string }>;
export type WordsEvent = Event<"words", Words>;
export type WeightsEvent = Event<"weights", Weights>;
/** Events of feedback in this order: a roll-back if there was one, words, weights, the retry's reply if requested, done. */
export type FeedbackEvent =
  | RolledBackEvent
  | WordsEvent
  | WeightsEvent
  | TurnEvent
  | DeltaEvent
  | ResetEvent
  | Event<"done", FeedbackResult>;

/** Everything that happens to a turn: its reply, then feedback on it. */
export type LogEvent =
  | ReplyEvent
  | RolledBackEvent
  | WordsEvent
  | WeightsEvent
  | Event<"feedback", FeedbackResult>;
