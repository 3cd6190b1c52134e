/** Packs (prompt, reply) rows into the padded arrays that the sequence graph reads. */
import type { ScoreRow } from "./model-types.ts";

export interface RowBatch {
  /** Rows, positions, reply tokens of the longest row. */
  R: number;
  T: number;
  Y: number;
  ids: BigInt64Array;
  positions: BigInt64Array;
  select: Float32Array;
  targets: BigInt64Array;
  counted: Float32Array;
}

/** Positions of one run, padding included: bounds its memory. */
const positionsMax = 2048;
/** Far below any score, and finite so that a fully hidden position stays a number. */
const hidden = -1e9;

/** Consecutive rows that fit one run together; a row that fits none runs alone. */
export function splitRows<Row extends ScoreRow>(
  rows: readonly Row[],
  positionsLimit = positionsMax,
): Row[][] {
  const batches: Row[][] = [];
  let longest = 0;
  for (const row of rows) {
    const length = row.prompt.length + row.reply.length - 1;
    const batch = batches.at(-1);
    if (batch && (batch.length + 1) * Math.max(longest, length) <= positionsLimit) {
      batch.push(row);
      longest = Math.max(longest, length);
    } else {
      batches.push([row]);
      longest = length;
    }
  }
  return batches;
}

/** Throws when a prompt or reply is empty: there is nothing to predict from, or nothing to predict. */
export function packRows(rows: readonly ScoreRow[]): RowBatch {
  const R = rows.length;
  const T = Math.max(...rows.map(({ prompt, reply }) => prompt.length + reply.length - 1));
  const Y = Math.max(...rows.map(({ reply }) => reply.length));
  const batch: RowBatch = {
    R,
    T,
    Y,
    ids: new BigInt64Array(R * T),
    positions: new BigInt64Array(R * T),
    select: new Float32Array(R * Y * T),
    targets: new BigInt64Array(R * Y),
    counted: new Float32Array(R * Y),
  };
  rows.forEach(({ prompt, reply }, row) => {
    if (prompt.length === 0 || reply.length === 0) {
      throw new Error(`Cannot score row ${row}: ${prompt.length} + ${reply.length} tokens`);
    }
    const length = prompt.length + reply.length - 1;
    for (let t = 0; t < T; t++) {
      batch.positions[row * T + t] = BigInt(t);
      if (t < length) {
        const id = t < prompt.length ? prompt[t]! : reply[t - prompt.length]!;
        batch.ids[row * T + t] = BigInt(id);
      }
    }
    for (let y = 0; y < reply.length; y++) {
      batch.select[(row * Y + y) * T + prompt.length - 1 + y] = 1;
      batch.targets[row * Y + y] = BigInt(reply[y]!);
      batch.counted[row * Y + y] = 1;
    }
  });
  return batch;
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
