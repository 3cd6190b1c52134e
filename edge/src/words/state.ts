/** The words axis's memory of a session, and the user's changes of it. */
import { RosaError } from "@rosa2/shared/errors";
import type { Draft } from "./remarks/plain.ts";
import { ownSentence, remarkCharsMax, settles } from "./remarks/read.ts";
import type { Constraint, WordsState } from "./types.ts";

/** Standing constraints of a session, remarks on single turns and their characters; beyond these the oldest are dropped. */
const standingMax = 24;
const remarksMax = 64;
const remarksCharsMax = 32_768;

export function emptyWords(): WordsState {
  return {
    version: 1,
    ledgers: {},
    senses: {},
    constraints: [],
    constraintCount: 0,
    learnt: [],
    draws: {},
    undo: [],
  };
}

/**
 * The state with a constraint added. It replaces what it contradicts in its own scope: a positive one replaces its
 * topic (unless the topic stacks) and lifts "not that"; a negated one lifts "that".
 */
export function addConstraint(
  state: WordsState,
  turnId: string,
  draft: Draft,
): { state: WordsState; constraint: Constraint } {
  const id = `con_${state.constraintCount + 1}`;
  const constraint = { ...draft, id, text: draft.text.slice(0, remarkCharsMax), turnId };
  const { scope } = draft;
  const kept = state.constraints.filter(
    (old) =>
      old.scope !== scope ||
      (scope === "turn" && old.turnId !== turnId) ||
      !givesWay(old, constraint),
  );
  return {
    state: {
      ...state,
      constraints: bounded([...kept, constraint]),
      constraintCount: state.constraintCount + 1,
    },
    constraint,
  };
}

function bounded(constraints: readonly Constraint[]): Constraint[] {
  let standing = 0;
  let remarks = 0;
  let chars = 0;
  return constraints
    .toReversed()
    .filter(({ scope, text }) => {
      if (scope === "session") return ++standing <= standingMax;
      chars += text.length;
      return ++remarks <= remarksMax && chars <= remarksCharsMax;
    })
    .reverse();
}

/** The state without the last remark on a turn, which the user took back. */
export function withdrawRemark(state: WordsState, turnId: string): WordsState {
  const last = state.constraints.findLast((one) => one.turnId === turnId);
  return { ...state, constraints: state.constraints.filter((one) => one !== last) };
}

function givesWay(old: Constraint, added: Constraint): boolean {
  if (old.text === added.text) return true;
  if (old.topic !== added.topic) return false;
  if (old.value === added.value) return true;
  // Several notes can hold at once.
  return added.topic !== "note" && !old.negated && !added.negated;
}

/**
 * Constraints for a request of turn `turnId`, oldest first: the session's, unless the turn has its own on the topic or
 * the request itself mentions it.
 */
export function constraintsFor(
  state: WordsState,
  turnId: string | null,
  request: string,
): Constraint[] {
  const ofTurn = state.constraints.filter((c) => c.scope === "turn" && c.turnId === turnId);
  const ofSession = state.constraints.filter(
    (c) =>
      c.scope === "session" &&
      (c.turnId === turnId || !settles(request, c.topic)) &&
      !ofTurn.some((own) => givesWay(c, own)),
  );
  return [...ofSession, ...ofTurn];
}

/** The user changes a constraint's text or scope. Throws `not_found` or `invalid_request`. */
export function editConstraint(
  state: WordsState,
  id: string,
  change: { text?: string; scope?: Constraint["scope"] },
): WordsState {
  requireConstraint(state, id);
  const text = change.text === undefined ? undefined : ownSentence(change.text, remarkCharsMax);
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
  return { ...state, senses, ledgers, learnt: state.learnt.filter(({ id }) => id !== sense) };
}

function requireConstraint(state: WordsState, id: string): void {
  if (!state.constraints.some((c) => c.id === id)) {
    throw new RosaError("not_found", `Cannot find the constraint "${id}" in this session's words`);
  }
}

/** The newest items within a count and a number of bytes as JSON; always at least the newest one. */
export function newestWithin<T>(items: readonly T[], countMax: number, bytesMax: number): T[] {
  let bytes = 0;
  const kept: T[] = [];
  for (const item of items.toReversed()) {
    bytes += new TextEncoder().encode(JSON.stringify(item)).byteLength;
    if (kept.length > 0 && (kept.length >= countMax || bytes > bytesMax)) break;
    kept.unshift(item);
  }
  return kept;
}
