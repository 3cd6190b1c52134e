/** A checkpoint's own integers in the kernels' blocks: a group's scale and zero, repeated for each block. */
import type { IntegerMatrix } from "../../checkpoint/saved-integers.ts";
import type { QuantizedMatrix } from "../../compiler/decoder/quantize.ts";

/** Zeros are packed as weights are: 4-bit ones two a byte. */
export function rowsInBlocks(
  { out, in: width, bits, groupSize, ...matrix }: IntegerMatrix,
  blockSize: number,
): QuantizedMatrix & { zeros: Uint8Array<ArrayBuffer> } {
  const blocks = width / blockSize;
  const groups = Math.ceil(width / groupSize);
  const scales = new Float32Array(out * blocks);
  const zeros = new Uint8Array((out * blocks * bits) / 8);
  for (let at = 0; at < scales.length; at++) {
    const row = Math.floor(at / blocks);
    const group = row * groups + Math.floor(((at - row * blocks) * blockSize) / groupSize);
    scales[at] = matrix.scales[group]!;
    if (bits === 8) zeros[at] = matrix.zeros[group]!;
    else zeros[at >> 1]! |= matrix.zeros[group]! << (4 * (at & 1));
  }
  return { packed: matrix.packed, scales, zeros };
}
