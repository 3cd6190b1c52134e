/** The cached positions that each row of a decode step sees. */
import { Tensor } from "onnxruntime-node";

/** Far below any score, yet finite, so that arithmetic on it stays a number. */
const hidden = -1e9;

/**
 * Mask [rows, 1, heads · length, capacity + length] for `length` new tokens a row, the heads of a group one after the
 * other: token t of row i sees the row's `past[i]` cached positions and the new ones up to itself, within the window.
 */
export function decodeMask(
  past: Int32Array,
  capacity: number,
  window: number | null,
  { length = 1, heads = 1 } = {},
): Tensor {
  const width = capacity + length;
  const mask = new Float32Array(past.length * heads * length * width).fill(hidden);
  let at = 0;
  for (const cached of past) {
    for (let head = 0; head < heads; head++) {
      for (let token = 0; token < length; token++, at += width) {
        const first = window === null ? 0 : Math.max(0, cached + token + 1 - window);
        mask.fill(0, at + first, at + cached);
        mask.fill(0, at + capacity + Math.max(0, first - cached), at + capacity + token + 1);
      }
    }
  }
  return new Tensor("float32", mask, [past.length, 1, heads * length, width]);
}
