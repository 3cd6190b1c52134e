/**
 * Rows with a common beginning as one run: a tree of tokens, each of which sees the earlier tokens of its own row only.
 * Fifteen wordings of one request share its beginning and all of the dialogue before it.
 */
import type { ScoreRow } from "../../../language-model.ts";
import { hidden } from "./rows.ts";

export interface Tree {
  /** Ids of its N tokens, parents before children. */
  ids: number[];
  /** The token before each (−1 for a row's first), and the number of tokens before it. */
  parents: number[];
  depths: number[];
  /** Its rows, with the places of the tokens that predict each row's reply tokens. */
  rows: { row: number; places: number[] }[];
}

/**
 * Rows as trees with a bound on positions; others may join a longer row until its tree is twice as long. Throws if a
 * prompt or reply is empty.
 */
export function plantTrees(rows: readonly ScoreRow[], positionsMax: number): Tree[] {
  const paths = rows.map(({ prompt, reply }, row) => {
    if (prompt.length === 0 || reply.length === 0) {
      throw new Error(`Cannot score row ${row}: ${prompt.length} + ${reply.length} tokens`);
    }
    // Nothing is predicted from the last token.
    return { row, ids: [...prompt, ...reply.subarray(0, -1)] };
  });
  paths.sort((a, b) => compare(a.ids, b.ids));
  const trees: Tree[] = [];
  let path: number[] = [];
  for (const [i, { row, ids }] of paths.entries()) {
    const before = paths[i - 1]?.ids ?? [];
    let shared = 0;
    while (shared < ids.length && ids[shared] === before[shared]) shared++;
    let tree = trees.at(-1);
    const most = Math.max(positionsMax, 2 * ids.length);
    if (tree === undefined || tree.ids.length + ids.length - shared > most) {
      tree = { ids: [], parents: [], depths: [], rows: [] };
      trees.push(tree);
      shared = 0;
    }
    path = path.slice(0, shared);
    for (const id of ids.slice(shared)) {
      tree.parents.push(path.at(-1) ?? -1);
      tree.depths.push(path.length);
      path.push(tree.ids.push(id) - 1);
    }
    tree.rows.push({ row, places: path.slice(rows[row]!.prompt.length - 1) });
  }
  return trees;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

/** [N, N]: each token sees itself and the earlier ones of its rows, at most `window` positions in all. */
export function treeMask({ parents }: Tree, window: number | null): Float32Array {
  const N = parents.length;
  const mask = new Float32Array(N * N).fill(hidden);
  for (let token = 0; token < N; token++) {
    for (let at = token, seen = 0; at >= 0 && seen < (window ?? N); at = parents[at]!, seen++) {
      mask[token * N + at] = 0;
    }
  }
  return mask;
}
