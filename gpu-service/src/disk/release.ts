/** Gives the memory of a buffer back at once, before the garbage collector would. The buffer must not be used afterwards. */
export function release(buffer: ArrayBuffer): void {
  buffer.transfer(0);
}
