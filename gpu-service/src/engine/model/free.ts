/** Gives the memory of results back before the garbage collector would. */
import type { Tensor } from "onnxruntime-node";
import { release } from "../../disk/release.ts";

/**
 * Each run returns its outputs in new buffers, and left to the garbage collector tens of megabytes of them would
 * pile up; the next run's would be fresh pages, each with a fault. The tensor must not be read afterwards.
 */
export function free(tensor: Tensor): void {
  release((tensor.data as Float32Array<ArrayBuffer>).buffer);
}
