/** Gives memory back before the garbage collector would. */

/** A buffer, a view of one, or what has such a view as its data: a tensor of onnxruntime, say. */
type Memory = ArrayBuffer | ArrayBufferView | { readonly data: unknown };

/**
 * Gives the memory back at once; it must not be used afterwards, and neither may any view of it. Left to the garbage
 * collector, tens of megabytes of results would pile up, and the next run's would be fresh pages, each with a fault.
 */
export function release(memory: Memory): void {
  const held = "data" in memory ? (memory.data as ArrayBufferView) : memory;
  const buffer = ArrayBuffer.isView(held) ? held.buffer : held;
  (buffer as ArrayBuffer).transfer(0);
}
