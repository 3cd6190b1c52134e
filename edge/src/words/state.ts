/** What the words axis remembers of a session, and what the user may do with that memory. */
import { RosaError } from "@rosa2/shared/errors";
import { neutraliseNote } from "./neutralise.ts";
import type { Constraint, ConstraintFamily, Snapshot, WordsState } from "./types.ts";

/** Characters of one constraint, and constraints that one session keeps. */
export const constraintCharsMax = 240;
export const constraintsMax = 24;
const undoMax = 8;

export function emptyWords(): WordsState {
  return { version: 1, ledgers: {}, senses: {}, constraints: [], constraintCount: 0, undo: [] };
}

/** The state with a constraint added (its text already neutral); an older one of the same family and scope gives way unless families stack. */
export function addConstraint(
  state: WordsState,
  draft: Omit<Constraint, "id">,
): { state: WordsState; constraint: Constraint } {
  const { text } = draft;
  const same = state.constraints.find((c) => c.text === text && c.scope === draft.scope);
  if (same !== undefined) return { state, constraint: same };
  const constraint: Constraint = { ...draft, text, id: `con_${state.constraintCount + 1}` };
  const kept = stacks(draft.family)
    ? state.constraints
    : state.constraints.filter((c) => c.family !== draft.family);
  return {
    state: {
      ...state,
      constraints: [...kept, constraint].slice(-constraintsMax),
      constraintCount: state.constraintCount + 1,
    },
    constraint,
  };
}

/** Families of which several can hold at once. */
function stacks(family: ConstraintFamily): boolean {
  return family === "content" || family === "note" || family === "value" || family === "format";
}

/** The user changes a constraint's words or scope. Throws `not_found` or `invalid_request`. */
export function editConstraint(
  state: WordsState,
  id: string,
  change: { text?: string; scope?: Constraint["scope"] },
): WordsState {
  requireConstraint(state, id);
  const text =
    change.text === undefined ? undefined : neutraliseNote(change.text, constraintCharsMax);
  if (text === "") {
    throw new RosaError("invalid_request", "Cannot make a constraint empty; delete it instead", {
      param: "text",
    });
  }
  return {
    ...state,
    constraints: state.constraints.map((c) =>
      c.id === id ? { ...c, text: text ?? c.text, scope: change.scope ?? c.scope } : c,
    ),
  };
}

/** The user withdraws a constraint. Throws `not_found`. */
export function deleteConstraint(state: WordsState, id: string): WordsState {
  requireConstraint(state, id);
  return { ...state, constraints: state.constraints.filter((c) => c.id !== id) };
}

/** Forgets what was learnt of one sense. Throws `not_found`. */
export function forgetSense(state: WordsState, sense: string): WordsState {
  if (state.senses[sense] === undefined) {
    throw new RosaError("not_found", `Cannot find the sense "${sense}" in this session's words`);
  }
  const { [sense]: _, ...senses } = state.senses;
  const ledgers = Object.fromEntries(
    Object.entries(state.ledgers).filter(([, ledger]) => !ledger.senses.includes(sense)),
  );
  return { ...state, senses, ledgers };
}

function requireConstraint(state: WordsState, id: string): void {
  if (!state.constraints.some((c) => c.id === id)) {
    throw new RosaError("not_found", `Cannot find the constraint "${id}" in this session's words`);
  }
}

/** Remembers the state before a revision of turn `turnId`, whose words were `prompt`. */
export function rememberForUndo(state: WordsState, turnId: string, prompt: string): WordsState {
  const { ledgers, senses, constraints } = state;
  const snapshot: Snapshot = { turnId, prompt, ledgers, senses, constraints };
  return { ...state, undo: [...state.undo, snapshot].slice(-undoMax) };
}

/** Takes back the last revision: what was learnt from it is forgotten. Null when there is none. */
export function undoRevision(
  state: WordsState,
): { state: WordsState; turnId: string; prompt: string } | null {
  const snapshot = state.undo.at(-1);
  if (snapshot === undefined) return null;
  const { turnId, prompt, ledgers, senses, constraints } = snapshot;
  return {
    state: { ...state, ledgers, senses, constraints, undo: state.undo.slice(0, -1) },
    turnId,
    prompt,
  };
}
