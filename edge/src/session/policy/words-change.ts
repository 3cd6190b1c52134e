/** The user's own hand on what the session has learnt about words: see it, take it back, change it. */
import { RosaError } from "@rosa2/shared/errors";
import type { ConstraintPatch, WordsStateBody } from "../../contract/index.ts";
import {
  deleteConstraint,
  editConstraint,
  forgetSense,
  undoRevision,
  type WordsState,
} from "../../words/index.ts";

export type WordsChange =
  | { kind: "undo" }
  | { kind: "edit"; constraintId: string; patch: ConstraintPatch }
  | { kind: "delete"; constraintId: string }
  | { kind: "forget"; senseId: string };

/** @throws RosaError `not_found`, `invalid_request`, or `conflict` when there is nothing to undo. */
export function changedWords(state: WordsState, change: WordsChange): WordsState {
  switch (change.kind) {
    case "undo": {
      const undone = undoRevision(state);
      if (undone === null) {
        throw new RosaError("conflict", "No revision of the words is left to take back");
      }
      return undone.state;
    }
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
      readings,
      failures,
    })),
    undoable: state.undo.length,
  };
}
