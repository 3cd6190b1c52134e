/** The memory of keys and values, and how many sequences a budget holds. */
import type { ModelShape } from "../../language-model.ts";

/** With more slots, searching for a parked prefix costs more than it saves. */
const slotsMax = 256;

/** Bytes of one position's keys and values in all layers, in fp32. */
export function kvBytesPerToken({
  layerCount,
  kvHeadCount,
  headSize,
}: Pick<ModelShape, "layerCount" | "kvHeadCount" | "headSize">): number {
  return 2 * Float32Array.BYTES_PER_ELEMENT * layerCount * kvHeadCount * headSize;
}

/** As many slots as the budget allows. With two, one sequence runs at a time. */
export function slotCount(shape: ModelShape, kvBytesMax: number): number {
  const slotBytes = kvBytesPerToken(shape) * shape.contextLength;
  return Math.max(2, Math.min(Math.floor(kvBytesMax / slotBytes), slotsMax));
}
