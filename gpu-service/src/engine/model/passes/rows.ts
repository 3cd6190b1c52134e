/** Packs (prompt, reply) rows into the padded arrays that the block graphs read. */
import type { ScoreRow } from "../../../language-model.ts";

/** Far below any score, yet finite, so that a fully hidden position stays a number. */
export const hidden = -1e9;

/**
 * Ids [R, T] of prompts and replies, without each reply's last token, from which nothing is predicted. Throws if a
 * prompt or reply is empty.
 */
export function packIds(
  rows: readonly ScoreRow[],
  T: number,
): { ids: BigInt64Array; shape: [number, number] } {
  const ids = new BigInt64Array(rows.length * T);
  rows.forEach(({ prompt, reply }, row) => {
    if (prompt.length === 0 || reply.length === 0) {
      throw new Error(`Cannot score row ${row}: ${prompt.length} + ${reply.length} tokens`);
    }
    prompt.forEach((id, t) => {
      ids[row * T + t] = BigInt(id);
    });
    reply.subarray(0, -1).forEach((id, y) => {
      ids[row * T + prompt.length + y] = BigInt(id);
    });
  });
  return { ids, shape: [rows.length, T] };
}

/** [R, T]: 0 … T − 1 in every row. */
export function positionsOf(R: number, T: number): BigInt64Array {
  return BigInt64Array.from({ length: R * T }, (_, i) => BigInt(i % T));
}

/** [T, T]: position t sees itself and what came before, at most `window` positions in all. */
export function causalMask(T: number, window: number | null): Float32Array {
  const mask = new Float32Array(T * T).fill(hidden);
  for (let t = 0; t < T; t++) {
    const first = window === null ? 0 : Math.max(0, t - window + 1);
    mask.fill(0, t * T + first, t * T + t + 1);
  }
  return mask;
}

/** Positions that a row takes: nothing is predicted from its last token. */
export function lengthOf({ prompt, reply }: ScoreRow): number {
  return prompt.length + reply.length - 1;
}

/** The first position that predicts a token of the reply. */
export function predictsFrom({ prompt }: ScoreRow): number {
  return prompt.length - 1;
}

/** Groups rows by length, with a bound on each group's kept positions; a longer row is a group of its own. */
export function groupRows(rows: readonly ScoreRow[], positionsKept: number): number[][] {
  const order = rows.map((_, row) => row);
  order.sort((a, b) => lengthOf(rows[a]!) - lengthOf(rows[b]!));
  const groups: number[][] = [];
  let kept = 0;
  for (const row of order) {
    const length = lengthOf(rows[row]!);
    if (groups.length > 0 && kept + length <= positionsKept) groups.at(-1)!.push(row);
    else {
      groups.push([row]);
      kept = 0;
    }
    kept += length;
  }
  return groups;
}
