/** The user's view of the words that a session has learnt, and changes of them. */
import type { ConstraintPatch, WordsStateBody } from "../../contract/index.ts";
import {
  deleteConstraint,
  editConstraint,
  forgetSense,
  phraseOf,
  type WordsState,
} from "../../words/index.ts";

export type WordsChange =
  | { kind: "undo" }
  | { kind: "edit"; constraintId: string; patch: ConstraintPatch }
  | { kind: "delete"; constraintId: string }
  | { kind: "forget"; senseId: string };

/** @throws RosaError `not_found`, `invalid_request`. */
export function changedWords(
  state: WordsState,
  change: Exclude<WordsChange, { kind: "undo" }>,
): WordsState {
  switch (change.kind) {
    case "edit":
      return editConstraint(state, change.constraintId, change.patch);
    case "delete":
      return deleteConstraint(state, change.constraintId);
    case "forget":
      return forgetSense(state, change.senseId);
  }
}

export function wordsBody(state: WordsState): WordsStateBody {
  return {
    object: "words",
    constraints: state.constraints.map(({ id, topic, text, scope, turnId }) => ({
      id,
      topic,
      text,
      scope,
      turn_id: turnId,
    })),
    senses: Object.entries(state.senses).map(([id, { readings, failures }]) => ({
      id,
      readings: Object.fromEntries(
        Object.entries(readings).map(([reading, share]) => [phraseOf(state, id, reading), share]),
      ),
      failures,
    })),
    undoable: state.undo.length,
  };
}
