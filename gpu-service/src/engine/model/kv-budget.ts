/** What keys and values cost in memory, and how many sequences a budget holds. */
import type { ModelShape } from "../../language-model.ts";

/** Beyond this, looking for a parked prefix costs more than it saves. */
const slotsMax = 256;

/** Keys and values of one position in every layer, in fp32. */
export function kvBytesPerToken({
  layerCount,
  kvHeadCount,
  headSize,
}: Pick<ModelShape, "layerCount" | "kvHeadCount" | "headSize">): number {
  return 2 * Float32Array.BYTES_PER_ELEMENT * layerCount * kvHeadCount * headSize;
}

/** As many slots as the budget allows; with two, one sequence runs at a time. */
export function slotCount(shape: ModelShape, kvBytesMax: number): number {
  const slotBytes = kvBytesPerToken(shape) * shape.contextLength;
  return Math.max(2, Math.min(Math.floor(kvBytesMax / slotBytes), slotsMax));
}
