/** Frees memory before the garbage collector would. */

/** A buffer, a view of one, or an object with such a view as its data, an onnxruntime tensor for example. */
type Memory = ArrayBuffer | ArrayBufferView | { readonly data: unknown };

/**
 * Frees the memory at once; neither it nor any view of it may be used afterwards. Left to the garbage collector, tens
 * of megabytes of results would pile up, and the next run's memory would be fresh pages, each with a page fault.
 */
export function release(memory: Memory): void {
  const held = "data" in memory ? (memory.data as ArrayBufferView) : memory;
  const buffer = ArrayBuffer.isView(held) ? held.buffer : held;
  (buffer as ArrayBuffer).transfer(0);
}
