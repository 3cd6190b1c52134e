/** Gives the memory of results back before the garbage collector would. */
import type { Tensor } from "onnxruntime-node";

/**
 * Each run returns its outputs in new buffers, and left to the garbage collector tens of megabytes of them would
 * pile up; the next run's would be fresh pages, each with a fault. The tensor must not be read afterwards.
 */
export function free(tensor: Tensor): void {
  ((tensor.data as Float32Array).buffer as ArrayBuffer).transfer(0);
}
