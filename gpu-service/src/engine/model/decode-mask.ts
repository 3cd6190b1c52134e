/** The cached positions that each row of a decode step sees. */
import { Tensor } from "onnxruntime-node";

/** Far below any score, yet finite, so that arithmetic on it stays a number. */
const hidden = -1e9;

/** Mask [rows, 1, 1, capacity + 1]: row i sees its `past[i]` cached positions, within the window, and itself. */
export function decodeMask(past: Int32Array, capacity: number, window: number | null): Tensor {
  const width = capacity + 1;
  const mask = new Float32Array(past.length * width).fill(hidden);
  for (const [row, length] of past.entries()) {
    const first = window === null ? 0 : Math.max(0, length - window + 1);
    mask.fill(0, row * width + first, row * width + length);
    mask[row * width + capacity] = 0;
  }
  return new Tensor("float32", mask, [past.length, 1, 1, width]);
}
