/**
 * Earlier states of the words: a patch from one state back to an earlier one holds only the differences, so that a long
 * history needs no more room than the remarks. Pure; the caller stores the patches.
 */
import type { WordsState } from "../../words/index.ts";

/** Parts of a state that are sequences, or records with ordered entries. */
const parts = ["ledgers", "senses", "constraints", "learnt", "draws", "undo"] as const;

/** Items [from, to) of the later sequence, or one that the later sequence lacks. */
type Piece = [from: number, to: number] | { item: unknown };

/** A patch from a state of the words to an earlier one; unchanged parts are left out. */
export interface WordsPatch {
  constraintCount: number;
  parts: Partial<Record<(typeof parts)[number], Piece[]>>;
}

/** The patch with which `goBack(later, patch)` is `earlier`. */
export function patchBack(later: WordsState, earlier: WordsState): WordsPatch {
  const patch: WordsPatch = { constraintCount: earlier.constraintCount, parts: {} };
  for (const part of parts) {
    const before = sequenceOf(earlier[part]);
    const now = sequenceOf(later[part]);
    const pieces = piecesOf(now, before);
    if (pieces.length === 0 && now.length === 0) continue;
    const isSame =
      pieces.length === 1 && isRange(pieces[0]) && pieces[0][1] - pieces[0][0] === now.length;
    if (!isSame) patch.parts[part] = pieces;
  }
  return patch;
}

/** The earlier state that a patch of `patchBack` leads to. */
export function goBack(later: WordsState, patch: WordsPatch): WordsState {
  const earlier = { ...later, constraintCount: patch.constraintCount };
  for (const part of parts) {
    const pieces = patch.parts[part];
    if (pieces === undefined) continue;
    const now = sequenceOf(later[part]);
    const items = pieces.flatMap((piece) =>
      isRange(piece) ? now.slice(piece[0], piece[1]) : [piece.item],
    );
    const value = Array.isArray(later[part])
      ? items
      : Object.fromEntries(items as [string, unknown][]);
    Object.assign(earlier, { [part]: value });
  }
  return earlier;
}

function piecesOf(now: readonly unknown[], before: readonly unknown[]): Piece[] {
  const places = new Map(now.map((item, index) => [JSON.stringify(item), index]));
  const pieces: Piece[] = [];
  for (const item of before) {
    const at = places.get(JSON.stringify(item));
    const last = pieces.at(-1);
    if (at === undefined) pieces.push({ item });
    else if (isRange(last) && last[1] === at) last[1] = at + 1;
    else pieces.push([at, at + 1]);
  }
  return pieces;
}

function isRange(piece: Piece | undefined): piece is [number, number] {
  return Array.isArray(piece);
}

function sequenceOf(part: object): readonly unknown[] {
  return Array.isArray(part) ? part : Object.entries(part);
}
